"""A training loop in plain torch, which owes nothing to skorch or to the package.

The loop does what skorch's documentation says that a net does: the same order of operations, hence the same random
numbers. It writes down each visit; what the package publishes is computed from that list by `published`.
"""

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, default_collate


@dataclass
class Loss:
    """What a criterion says of the units of a batch, and how it makes one number of them.

    `units` takes criterion, output and target, and gives losses (n, ...) without class weights; `unit_weights` takes
    the target and says how much each counts in the loss that is trained on (0 = ignored; None = all 1).
    """

    make: Callable[[], nn.Module]
    units: Callable[[Any, Any, Any], Tensor]
    unit_weights: Callable[[Tensor], Tensor] | None = None
    reduction: str = "mean"
    has_state: bool = False  # a second call of the criterion would not give what the first one gave
    sizes: Callable[[Tensor], Tensor] | None = (
        None  # by which the loss of a sample is divided, if training takes a mean
    )
    call: Callable[[Any, Any, Any], Tensor] = lambda criterion, output, target: criterion(output, target)
    weighted: Callable[[Any, Any, Any], Tensor] | None = None  # losses of units with weights of classes

    def ask(
        self, criterion: Any, output: Any, target: Any, weights: Tensor | None, keeps_class_weights: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return the loss that is trained on, and that of each sample (n,)."""
        units = self.units(criterion, output, target)
        counts = torch.ones_like(units) if self.unit_weights is None else self.unit_weights(target).to(units.dtype)
        heavy = units * counts if self.weighted is None else self.weighted(criterion, output, target)
        if weights is None and not self.has_state:
            trained = self.call(criterion, output, target)
        elif weights is None:
            trained = units.sum() if self.reduction == "sum" else units.mean()
        else:
            of_units = weights.to(units.dtype).reshape(-1, *[1] * (units.ndim - 1))
            divisor = weights.sum() if self.reduction == "batchmean" else (of_units * counts).sum()
            divisor = divisor.clamp(min=torch.finfo(units.dtype).tiny)
            sized = heavy if self.sizes is None else heavy / self.sizes(target)
            trained = (of_units * sized).sum() / (1 if self.reduction == "sum" else divisor)
        if output_is_half(output) and not self.has_state:
            units = self.units(criterion, output.float(), target)
            heavy = units * counts if self.weighted is None else self.weighted(criterion, output.float(), target)
        recorded, is_counted = (heavy if keeps_class_weights else units).detach(), counts > 0
        if recorded.ndim == 1:
            return trained, recorded
        recorded, is_counted = recorded.flatten(1), is_counted.to(recorded.dtype).flatten(1)
        total = (recorded * is_counted).sum(1)
        return trained, total if self.reduction in ("sum", "batchmean") else total / is_counted.sum(1).clamp(min=1)


def output_is_half(output: Any) -> bool:
    """Whether a net has computed in half precision, in which losses are not recorded."""
    return isinstance(output, Tensor) and output.dtype in (torch.float16, torch.bfloat16)


class Behaviour:
    """What a net does of its own accord at each point of a training step; an override changes some of it."""

    n_passes = 1
    keeps_gradients = False
    tells_of_gradients = True

    def batch(self, state: Any, X: Any, y: Any) -> tuple[Any, Any]:
        return X, y

    def infer(self, state: Any, X: Any) -> Any:
        return state.module(**X) if isinstance(X, Mapping) else state.module(X)

    def loss(self, state: Any, ask: Callable, output: Any, target: Any) -> tuple[Tensor, Tensor]:
        return ask(output, target)

    def after_backward(self, state: Any) -> None: ...

    def step(self, state: Any, closure: Callable) -> None:
        state.optimizer.step(closure)

    def after_step(self, state: Any) -> None: ...


class Listener:
    """A callback: what happens beside the net's own doings."""

    def initialized(self, state: Any) -> None: ...

    def epoch_begin(self, state: Any) -> None: ...

    def batch_begin(self, state: Any, X: Any, y: Any, training: bool) -> None: ...

    def after_backward(self, state: Any) -> None: ...

    def batch_end(self, state: Any, training: bool) -> None: ...

    def epoch_end(self, state: Any) -> None: ...


@dataclass
class Job:
    """One training, in plain words."""

    seed: int
    make_module: Callable[[], nn.Module]
    loss: Loss
    make_optimizer: Callable[[Any, nn.Module], Any]  # takes the parameters in skorch's order, and the module
    samples: Dataset  # yields (Xi, yi)
    split: Callable[[], tuple[Any, Any]]  # positions in X: trained, held out; None = all, nobody
    loader: dict  # options of the training loader
    batch_size: int  # of any other loader
    epochs: list[int]  # of each call of fit and partial_fit
    takes_log: bool = False  # of the output, before the criterion
    behaviour: Behaviour = field(default_factory=Behaviour)
    listener: Listener = field(default_factory=Listener)
    recording: str = "training"
    weights: Tensor | None = None
    foreign: Dataset | None = None  # validated on, and not a part of X
    eval_samples: Dataset | None = None
    collate: Callable = default_collate
    keeps_class_weights: bool = False  # in the losses recorded
    between: Callable | None = None  # takes state and job, and changes them before the second call


@dataclass
class Visit:
    """One batch that passed through the loss."""

    epoch: int
    rows: np.ndarray
    losses: np.ndarray
    trained: float
    output: Any
    target: Any


@dataclass
class Outcome:
    """What a training left behind."""

    visits: list[Visit]
    eval_visits: list[Visit]
    n_epochs: int
    held_out: np.ndarray
    tensors: dict[str, Tensor]
    streams: tuple
    n_steps: int


class Numbered(Dataset):
    """Samples with their position."""

    def __init__(self, samples: Any) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, i: int) -> tuple:
        return (*self.samples[i], i)


def seed_everything(seed: int) -> None:
    """Seed the three global generators."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what a user's own code draws from
    random.seed(seed)


def streams() -> tuple:
    """Return the state of the three global generators, comparable with ==."""
    name, words, *rest = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().numpy().tobytes(), (name, words.tobytes(), *rest), random.getstate()


def train(job: Job) -> Outcome:
    """Train; an interrupt ends the call of fit in which it comes, as in skorch."""
    seed_everything(job.seed)
    module, criterion = job.make_module(), job.loss.make()
    parameters = [*module.named_parameters(), *criterion.named_parameters()]
    state = SimpleNamespace(module=module, criterion=criterion, epoch=0, visits=[], eval_visits=[], n_steps=0)
    state.optimizer = job.make_optimizer(parameters, module)
    job.listener.initialized(state)
    held_out = np.zeros(len(job.samples), bool)  # type: ignore[arg-type]
    for i, n_epochs in enumerate(job.epochs):
        if i and job.between is not None:
            job.between(state, job)
        held_out = _call(job, state, n_epochs)
    tensors = {f"{part}.{name}": value for part in ("module", "criterion") for name, value in _state_of(state, part)}
    return Outcome(state.visits, state.eval_visits, state.epoch, held_out, tensors, streams(), state.n_steps)


def _state_of(state: Any, part: str) -> Any:
    return getattr(state, part).state_dict().items()


def _call(job: Job, state: Any, n_epochs: int) -> np.ndarray:
    """Do what one call of fit does; return which samples it held out."""
    data = Numbered(job.samples)
    trained, valid = job.split()
    trained = np.arange(len(data)) if trained is None else np.asarray(trained)
    held_out = np.zeros(len(data), bool)
    if valid is not None and not np.isin(valid, trained).any():
        held_out[valid] = True
    numbered = _with_numbers(job.collate)
    loader = DataLoader(Subset(data, trained), **{"collate_fn": numbered, **job.loader})
    others = job.foreign if valid is None else Subset(data, valid)
    others = Numbered(job.foreign) if valid is None and job.foreign is not None else others
    valid_loader = None if others is None else _other_loader(job, others)
    is_known = bool(held_out.any())
    try:
        for _ in range(n_epochs):
            _epoch(job, state, loader, valid_loader, is_known)
    except KeyboardInterrupt:
        if state.visits and state.visits[-1].epoch == state.epoch + 1:
            state.epoch += 1
    return held_out


def _with_numbers(collate: Callable) -> Callable:
    """Collate X and y with the user's function, and positions alike."""

    def numbered(samples: list) -> tuple:
        if getattr(collate, "takes_numbers", False):
            return collate(samples)
        return (*collate([sample[:2] for sample in samples]), torch.tensor([sample[2] for sample in samples]))

    return numbered


def _other_loader(job: Job, dataset: Any) -> DataLoader:
    return DataLoader(dataset, batch_size=job.batch_size, collate_fn=_with_numbers(job.collate))


def _epoch(job: Job, state: Any, loader: Any, valid_loader: Any, is_known: bool) -> None:
    job.listener.epoch_begin(state)
    state.batch = -1
    for _ in range(job.behaviour.n_passes):
        for X, y, rows in loader:
            state.batch, state.n_batches = state.batch + 1, len(loader)
            job.listener.batch_begin(state, X, y, True)
            visit = _train_step(job, state, *job.behaviour.batch(state, X, y), rows)
            if job.recording == "training":
                state.visits.append(visit)
            job.listener.batch_end(state, True)
    for _ in range(job.behaviour.n_passes if valid_loader is not None else 0):
        for X, y, rows in valid_loader:
            job.listener.batch_begin(state, X, y, False)
            visit = _look(job, state, X, y, rows)
            if job.recording == "training" and is_known:
                state.visits.append(visit)
            job.listener.batch_end(state, False)
    if job.recording == "epoch_end":
        _pass_over(job, state, Numbered(job.samples), state.visits)
    if job.eval_samples is not None:
        _pass_over(job, state, Numbered(job.eval_samples), state.eval_visits)
    state.epoch += 1
    job.listener.epoch_end(state)


def _train_step(job: Job, state: Any, X: Any, y: Any, rows: Tensor) -> Visit:
    visits: list[Visit] = []
    weights = None if job.weights is None else job.weights[rows]

    def closure() -> Tensor:
        if not job.behaviour.keeps_gradients:
            state.optimizer.zero_grad()
        state.module.train()
        state.criterion.train()
        output = job.behaviour.infer(state, X)
        loss, visit = _loss(job, state, output, y, rows, weights)
        loss.backward()
        job.behaviour.after_backward(state)
        if job.behaviour.tells_of_gradients:
            job.listener.after_backward(state)
        visits.append(visit)
        return loss

    state.n_steps += 1
    job.behaviour.step(state, closure)
    job.behaviour.after_step(state)
    return visits[0]  # the loss of the parameters from before the step


def _loss(job: Job, state: Any, output: Any, y: Any, rows: Tensor, weights: Any) -> tuple[Tensor, Visit]:
    seen: list[Any] = []

    def ask(output: Any, target: Any) -> tuple[Tensor, Tensor]:
        if job.takes_log:
            output = torch.log(output + torch.finfo(output.dtype).eps)
        seen.append((output, target))
        return job.loss.ask(state.criterion, output, target, weights, job.keeps_class_weights)

    state.weights = weights

    loss, losses = job.behaviour.loss(state, ask, output, y)
    output, target = seen[0]
    output = output.detach().clone() if isinstance(output, Tensor) else None
    target = target.clone() if isinstance(target, Tensor) else target
    trained = float(loss.detach().mean())
    return loss, Visit(state.epoch + 1, rows.numpy(), losses.detach().double().numpy(), trained, output, target)


def _look(job: Job, state: Any, X: Any, y: Any, rows: Tensor) -> Visit:
    state.module.eval()
    state.criterion.eval()
    with torch.no_grad():
        return _loss(job, state, job.behaviour.infer(state, X), y, rows, None)[1]


def _pass_over(job: Job, state: Any, dataset: Any, visits: list[Visit]) -> None:
    """Look at all samples with copies of the net, and put the generators back."""
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    looker = SimpleNamespace(module=_copy(state.module), criterion=_copy(state.criterion), epoch=state.epoch)
    visits.extend(_look(job, looker, X, y, rows) for X, y, rows in _other_loader(job, dataset))
    torch.set_rng_state(before[0])
    np.random.set_state(before[1])  # noqa: NPY002
    random.setstate(before[2])


def _copy(module: nn.Module) -> nn.Module:
    generators = [value for value in vars(module).values() if isinstance(value, torch.Generator)]
    return copy.deepcopy(module, {id(each): each.clone_state() for each in generators})
