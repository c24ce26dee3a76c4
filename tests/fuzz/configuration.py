"""A configuration of a training, drawn from one integer."""

import random
from dataclasses import dataclass, replace
from typing import Any

from tests.fuzz.between import BETWEEN
from tests.fuzz.data import COLLATES, SETS, kinds
from tests.fuzz.listeners import LISTENERS
from tests.fuzz.orders import OPTIMIZERS, ORDERS, RARE, SPLITS
from tests.fuzz.overrides import LEVELS, OVERRIDES
from tests.fuzz.tasks import TASKS

WEIGHTS = "none", "ones", "whole numbers", "numbers", "some are 0"
CALLS = "fit", "fit, partial_fit", "partial_fit", "warm start"


@dataclass(frozen=True)
class Configuration:
    """Names of rows in the tables, and a few numbers; equal seeds give equal ones."""

    seed: int
    who: str = "recorder"
    task: str = "classes"
    net: str = "mlp"
    net_class: int = 0
    loss: str = "cross entropy"
    data: str = "array"
    n_samples: int = 30
    batch_size: int = 8
    order: str = "in order"
    collate: str = "torch's"
    split: str = "none"
    optimizer: str = "SGD"
    override: str = "none"
    level: str = "class"
    listener: str = "none"
    is_recorder_first: bool = True
    recording: str = "training"
    reduction: str = "sum"
    all_metrics: bool = False
    trajectories: bool = False
    eval_set: bool = False
    weights: str = "none"
    calls: str = "fit"
    epochs: int = 2
    between: str = "nothing"
    keeps_class_weights: bool = False

    def __str__(self) -> str:
        """Name what differs from the simplest one."""
        plain = Configuration(self.seed)
        differing = {name: value for name, value in vars(self).items() if value != getattr(plain, name)}
        return f"seed {self.seed}: " + ", ".join(f"{name}={value!r}" for name, value in differing.items())


def draw(seed: int) -> Configuration:
    """Draw a configuration whose parts go together; plain parts are more likely than odd ones."""
    rng = random.Random(seed)

    def choose(names: Any, plain: str | None = None, p_plain: float = 0.0) -> Any:
        return plain if plain is not None and rng.random() < p_plain else rng.choice([*names])

    task_name = rng.choice([*TASKS, "classes", "classes", "numbers"])
    task, who = TASKS[task_name], rng.choice(["recorder", "estimator"])
    config = Configuration(seed, who=who, task=task_name)
    config = replace(
        config,
        net=choose(task.nets),
        net_class=rng.randrange(len(task.net_classes)) if who == "recorder" or not task.has_classes else 0,
        loss=choose(task.losses, next(iter(task.losses)), 0.3),
        data=choose(kinds(task, task_name, who == "estimator"), "array", 0.3),
        n_samples=rng.choice([12, 17, 30, 41]),
        batch_size=rng.choice([1, 4, 8, 8, 13, 50, -1]),
        order=choose(_orders(rng), "shuffled", 0.4),
        collate=choose(COLLATES, "torch's", 0.85),
        split=choose(_splits(task, task_name), "none", 0.4),
        optimizer=choose(OPTIMIZERS, "SGD", 0.4),
        is_recorder_first=rng.random() < 0.5,
        recording=choose(["training", "epoch_end"], "training", 0.5),
        reduction=choose(["sum", "mean", "interpolated"], "sum", 0.4),
        all_metrics=rng.random() < 0.4,
        trajectories=rng.random() < 0.5,
        eval_set=rng.random() < 0.25,
        weights=choose(WEIGHTS, "none", 0.5) if who == "estimator" else "none",
        calls=choose(CALLS, "fit", 0.6),
        epochs=rng.randint(1, 3),
    )
    overrides = [name for name, row in OVERRIDES.items() if _fits(row, config)]
    listeners = [name for name, row in LISTENERS.items() if _suits(row, config)]
    is_needed = task_name == "heads"
    config = replace(
        config,
        override=rng.choice(["two heads", "one head"]) if is_needed else choose(overrides, "none", 0.4),
        listener=choose(listeners, "none", 0.6),
    )
    levels = [level for level in LEVELS if who == "recorder" or level != "instance"]
    is_possible = OVERRIDES[config.override].levels
    config = replace(config, level=rng.choice([level for level in levels if not is_possible or level in is_possible]))
    config = replace(
        config,
        between=choose(BETWEEN, "nothing", 0.4),
        keeps_class_weights=rng.random() < 0.2,
    )
    return _consistent(config)


def _orders(rng: Any) -> list[str]:
    return [order for order in ORDERS if order not in RARE or rng.random() < 0.2]


def _splits(task: Any, name: str) -> list[str]:
    has_labels = task.has_classes or name == "binary"
    return [split for split in SPLITS if split != "stratified" or has_labels]


def _suits(row: Any, config: Configuration) -> bool:
    pairs = (row.tasks, config.task), (row.calls, config.calls), (row.losses, config.loss)
    return all(not names or name in names for names, name in pairs)


def _fits(row: Any, config: Configuration) -> bool:
    is_task = not row.tasks or config.task in row.tasks
    is_loss = not row.takes_means or not config.loss.endswith(", sum")
    is_loss = is_loss and not (row.adds_constant and config.loss == "vector")
    return is_task and is_loss and (not row.optimizers or config.optimizer in row.optimizers)


def _needs_classes(config: Configuration) -> bool:
    """Whether the classes of a data set are asked of the net, which predicts then."""
    return config.who == "estimator" and TASKS[config.task].has_classes


def _consistent(config: Configuration) -> Configuration:
    """Change what cannot be said of such a training."""
    changes: dict[str, Any] = {}
    if config.task == "sequences":
        changes["all_metrics"] = False
    if config.data == "sparse" and config.batch_size == 1:
        changes["batch_size"] = 4  # a row of a sparse matrix has lost a dimension
    if config.collate != "torch's" and (config.task in ("two inputs", "words", "bytes", "heads")):
        changes["collate"] = "wrapped"
    if config.collate == "augmenting" and config.data in ("double", "y of doubles"):
        changes["collate"] = "wrapped"
    if config.data == "double" and config.listener == "scales the batch":
        changes["data"] = "array"  # the callback gets doubles, which the plain loop does not have
    if config.data == "double" and config.order == "shuffled, rest dropped":
        changes["order"] = "shuffled"  # without a batch to train on, a look at the net would be what it refuses
    if config.net == "lazy" and config.order == "shuffled, rest dropped":
        changes["order"] = "shuffled"  # without a batch to train on, a look at the net would be what makes it
    if config.order == "batch sampler":
        changes["batch_size"] = 8
    if config.override == "two heads" or config.override == "one head":
        changes["all_metrics"] = False
    if config.loss == "cross entropy, annealed":
        changes["weights"] = "none"  # the plain loop weighs by the reduction that it began with
    if config.override == "squared loss":
        changes["weights"] = "none"  # losses of a hundred, whose squares blow a difference of rounding up
    if config.calls not in ("fit, partial_fit", "warm start"):
        changes["between"] = "nothing"
    if config.net == "half" and ("huber" in config.loss or (_needs_classes(config) and config.data in SETS)):
        changes["net"] = "mlp"  # the loss takes targets of the output's dtype alone; skorch predicts in others alone
    if config.between in ("rate", "batch size") and (config.who == "estimator" or config.order == "batch sampler"):
        changes["between"] = "deep copy"  # an estimator's net takes its parameters at the first fit
    if config.override == "gradients kept":
        changes["between"] = "nothing"  # skorch's copies have no gradients
    if config.override != "none" and config.batch_size == 1:
        changes["keeps_class_weights"] = False  # torch's mean over one sample has no weight of its class
    if config.override == "none":
        changes["level"] = "class"
    if config.weights not in ("none", "ones") and config.optimizer not in ("SGD", "SGD, momentum", "own"):
        changes["optimizer"] = "SGD"  # others blow a difference of rounding up
    return replace(config, **changes)
