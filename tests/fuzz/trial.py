"""One configuration, trained three times: in plain torch, in plain skorch, and scored by the package."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

import actscore_sk
from tests.fuzz.between import BETWEEN
from tests.fuzz.configuration import Configuration
from tests.fuzz.data import COLLATES, Given, Samples, give
from tests.fuzz.listeners import LISTENERS
from tests.fuzz.nets import Module
from tests.fuzz.orders import OPTIMIZERS, ORDERS, SPLITS, optimizer_of
from tests.fuzz.overrides import OVERRIDES, patched, put_on_instance, subclass
from tests.fuzz.reference import Job, Outcome, seed_everything, train
from tests.fuzz.tasks import TASKS

METRICS = "aum", "forgetting", "el2n", "confidence", "variability", "correctness"


class Trial:
    """All that a configuration means."""

    def __init__(self, config: Configuration, folder: Path) -> None:
        self.config, self.folder = config, folder
        self.task, self.override = TASKS[config.task], OVERRIDES[config.override]
        self.listener = LISTENERS[config.listener]
        self.loss = self.task.losses[config.loss]
        rng = np.random.default_rng(config.seed)
        self.X, self.y = self.task.make(rng, config.n_samples)
        self.eval_X, self.eval_y = self.task.make(rng, 9)
        draws = {
            "none": None,
            "ones": np.ones(config.n_samples),
            "whole numbers": rng.integers(1, 4, config.n_samples).astype(float),
            "numbers": rng.uniform(0.1, 2.0, config.n_samples),
            "some are 0": np.where(rng.random(config.n_samples) < 0.3, 0.0, 1.5),
        }
        self.weights = draws[config.weights]

    def given(self) -> Given:
        """X and y in their container, made anew: a training must not change them for the next."""
        return give(self.config.data, self.X, self.y, self.folder)

    @property
    def epochs(self) -> list[int]:
        """Number of epochs of each call."""
        return [self.config.epochs] * (2 if self.config.calls in ("fit, partial_fit", "warm start") else 1)

    # -- in plain torch ----------------------------------------------------------------------------------

    def reference(self) -> Outcome:
        """Train in the plain loop."""
        config = self.config
        given = self.given()
        targets = self.y if config.data != "part" else np.r_[self.y[-1:], self.y[:-1]]
        is_weighted = self.weights is not None and bool((self.weights != 1).any())
        return train(
            Job(
                seed=config.seed,
                make_module=partial(Module, config.net, self.task.n_outputs),
                loss=self.loss,
                make_optimizer=optimizer_of(config.optimizer),
                samples=given.samples,
                split=lambda: SPLITS[config.split][1](config.n_samples, targets),
                loader=self._plain_loader(self._n_trained()),
                batch_size=config.n_samples if config.batch_size == -1 else config.batch_size,
                epochs=self.epochs,
                takes_log=self.task.takes_log,
                behaviour=self.override.plain(),
                listener=self.listener.plain(),
                recording=config.recording,
                weights=torch.as_tensor(self.weights) if is_weighted else None,
                eval_samples=Samples(self.eval_X, self.eval_y) if config.eval_set else None,
                collate=COLLATES[config.collate],
                keeps_class_weights=config.keeps_class_weights,
                between=BETWEEN[config.between].plain,
            )
        )

    def _plain_loader(self, n_samples: int) -> dict[str, Any]:
        options = ORDERS[self.config.order](n_samples)
        if "batch_sampler" not in options:
            options["batch_size"] = n_samples if self.config.batch_size == -1 else self.config.batch_size
        return options

    # -- in skorch ---------------------------------------------------------------------------------------

    def net(self, *recorders: Any) -> Any:
        """Build the net, with recorders among its callbacks."""
        config = self.config
        kind = self.task.net_classes[config.net_class]
        kind = subclass(kind, self.override) if config.level == "class" and self.override.methods else kind
        optimizer, options = OPTIMIZERS[config.optimizer]
        others = [("other", self.listener.make())] if self.listener.make is not None else []
        callbacks = [*recorders, *others] if config.is_recorder_first else [*others, *recorders]
        n_trained = self._n_trained()
        loader = {f"iterator_train__{name}": value for name, value in ORDERS[config.order](n_trained).items()}
        if config.collate != "torch's":
            loader |= {f"iterator_{part}__collate_fn": COLLATES[config.collate] for part in ("train", "valid")}
        batch_size = {"batch_size": config.batch_size}
        if config.order == "batch sampler":  # torch takes no other size beside it
            batch_size = {"iterator_train__batch_size": 1, "iterator_valid__batch_size": config.batch_size}
        return kind(
            Module,
            module__kind=config.net,
            module__n_outputs=self.task.n_outputs,
            criterion=self.loss.make,
            optimizer=optimizer,
            max_epochs=config.epochs,
            train_split=SPLITS[config.split][0],
            callbacks=callbacks,
            verbose=0,
            warm_start=config.calls == "warm start",
            **batch_size,
            **{("lr" if name == "lr" else f"optimizer__{name}"): value for name, value in options.items()},
            **loader,
        )

    def _n_trained(self) -> int:
        before = np.random.get_state()  # noqa: NPY002
        trained, _ = SPLITS[self.config.split][1](self.config.n_samples, self.y)
        np.random.set_state(before)  # noqa: NPY002
        return self.config.n_samples if trained is None else len(trained)

    def train_net(self, *recorders: Any) -> Any:
        """Train a net of skorch."""
        given = self.given()
        seed_everything(self.config.seed)
        self.last_net = net = self.net(*recorders)
        first = "fit" if self.config.calls in ("fit", "fit, partial_fit") else "partial_fit"
        if self.config.calls == "warm start":
            first = "fit"
        with self._changes(net):
            if self.config.level == "instance" and self.override.methods:
                net.initialize()
                put_on_instance(net, self.override)
                first = "partial_fit"
            getattr(net, first)(given.X, given.y)
            if len(self.epochs) > 1:
                self.last_net = net = BETWEEN[self.config.between].change(net)
                getattr(net, "fit" if self.config.calls == "warm start" else "partial_fit")(given.X, given.y)
        return net

    def _changes(self, net: Any) -> Any:
        is_patch = self.config.level == "patch" and self.override.methods
        return patched(type(net), self.override) if is_patch else nullcontext()

    # -- scored ------------------------------------------------------------------------------------------

    def scored(self) -> tuple[Any, Any]:
        """Train with the package; return the net, and what has the scores."""
        config = self.config
        options = {
            "recording": config.recording,
            "reduction": config.reduction,
            "metrics": METRICS if self.asks_for_classes else ("action_score",),
            "store_trajectories": config.trajectories,
            "score_class_weights": config.keeps_class_weights,
        }
        if config.who == "recorder":
            eval_set = (self.eval_X, self.eval_y) if config.eval_set else None
            net = self.train_net(("scores", actscore_sk.ActionScoreRecorder(**options, eval_set=eval_set)))
            return net, dict(net.callbacks_)["scores"]
        given = self.given()
        seed_everything(config.seed)
        net = self.net()
        estimator = getattr(actscore_sk, self.task.estimator)(net, **options)
        more = {} if self.weights is None else {"sample_weight": self.weights}
        if config.eval_set:
            more["eval_set"] = self._eval_set()
        y = None if isinstance(given.X, Dataset) and config.seed % 2 and hasattr(given.X, "targets") else given.y
        with self._changes(net):
            getattr(estimator, "partial_fit" if config.calls == "partial_fit" else "fit")(given.X, y, **more)
            if len(self.epochs) > 1:
                estimator = BETWEEN[config.between].change(estimator)
                getattr(estimator, "fit" if config.calls == "warm start" else "partial_fit")(given.X, y, **more)
        return estimator.estimator_, estimator

    def _eval_set(self) -> tuple[Any, Any]:
        kind = self.config.data if self.config.data in ("strings", "gaps", "frame", "flat y") else "array"
        given = give(kind, self.eval_X, self.eval_y, self.folder)
        return given.X, given.y

    @property
    def has_units(self) -> bool:
        """Whether losses finer than a sample are kept."""
        config = self.config
        is_asked = config.who == "estimator" and self.task.estimator == "ActionScoreEstimator"
        has_units = config.task in ("pixels", "divergences") or config.loss in ("logits", "soft margin", "poisson")
        return is_asked and has_units and config.override == "none" and not config.keeps_class_weights

    @property
    def asks_for_classes(self) -> bool:
        """Whether all metrics of classification are asked for."""
        refused = ("learned temperature", "cross entropy, ignored", "loss called twice", "second criterion")
        return (
            self.config.all_metrics
            and self.task.has_classes
            and not {self.config.loss, self.config.override} & set(refused)
        )
