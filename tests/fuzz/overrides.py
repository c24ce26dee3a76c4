"""What a user's net does otherwise: for skorch, method by method, and for the plain loop.

A row of the table has two faces. `methods` maps the name of a method of `NeuralNet` to a function that gets the net,
the method that it stands in for, and the arguments; it is put on a subclass, on the instance, or on skorch's own
class. `plain` says the same of the plain loop.
"""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from tests.fuzz.reference import Behaviour

CLIP = 0.05


@dataclass(frozen=True)
class Override:
    """One row."""

    methods: dict[str, Callable]
    plain: type[Behaviour] = Behaviour
    refusal: str = "never"  # or "may", "must": a SampleLossError or IndexTrackingError before the first update
    tasks: tuple[str, ...] = ()  # the only ones, if any
    optimizers: tuple[str, ...] = ()
    takes_means: bool = False  # a loss that adds up has no such form
    adds_constant: bool = False  # to the loss of a batch; to each loss of a vector it means something else
    levels: tuple[str, ...] = ()  # the only ones, if any


class Scaled(Behaviour):
    def loss(self, state, ask, output, target):
        loss, losses = ask(output, target)
        return 0.5 * loss, losses


def scaled(net, own, *args, **kwargs):
    return 0.5 * own(*args, **kwargs)


class Penalised(Behaviour):
    def loss(self, state, ask, output, target):
        loss, losses = ask(output, target)
        return loss + 0.1 * sum(p.square().sum() for p in state.module.parameters()), losses


def penalised(net, own, *args, **kwargs):
    return own(*args, **kwargs) + 0.1 * sum(p.square().sum() for p in net.module_.parameters())


class Twice(Behaviour):
    def loss(self, state, ask, output, target):
        (loss, losses), (more, others) = ask(output, target), ask(2 * output, target)
        return loss + 0.4 * more, losses + 0.4 * others


def twice(net, own, y_pred, y_true, *args, **kwargs):
    return own(y_pred, y_true, *args, **kwargs) + 0.4 * own(2 * y_pred, y_true, *args, **kwargs)


class FunctionalTerm(Behaviour):
    def loss(self, state, ask, output, target):
        loss, losses = ask(output, target)
        return loss + output.square().mean(), losses + output.detach().square().flatten(1).mean(1)


def functional_term(net, own, y_pred, *args, **kwargs):
    return own(y_pred, *args, **kwargs) + y_pred.square().mean()


class Noisy(Behaviour):
    def loss(self, state, ask, output, target):
        return ask(output * (1 + torch.rand(())), target)


def noisy(net, own, y_pred, *args, **kwargs):
    return own(y_pred * (1 + torch.rand(())), *args, **kwargs)


class Nothing(Behaviour):
    def loss(self, state, ask, output, target):
        loss, losses = ask(output, target)
        return 0 * loss, losses


def nothing(net, own, *args, **kwargs):
    return 0 * own(*args, **kwargs)


class Squared(Behaviour):
    """What the scores are where a batch is one sample; any other batch is trained on a function of its mean."""

    def loss(self, state, ask, output, target):
        loss, losses = ask(output, target)
        return loss.square(), losses.square()


def squared(net, own, *args, **kwargs):
    return own(*args, **kwargs).square()


class TwoHeads(Behaviour):
    def loss(self, state, ask, output, target):
        loss, losses = ask(output[0], target[:, 0].long())
        gaps = (output[1] - target[:, 1]).square()
        return loss + gaps.mean(), losses + gaps.detach()


def two_heads(net, own, y_pred, y_true, *args, **kwargs):
    gaps = y_pred[1] - y_true[:, 1]
    return own(y_pred[0], y_true[:, 0].long(), *args, **kwargs) + gaps.square().mean()


class OneHead(Behaviour):
    def loss(self, state, ask, output, target):
        return ask(output[0], target[:, 0].long())


def one_head(net, own, y_pred, y_true, *args, **kwargs):
    return own(y_pred[0], y_true[:, 0].long(), *args, **kwargs)


class SecondCriterion(Behaviour):
    def loss(self, state, ask, output, target):
        loss, losses = ask(output, target)
        each = _second(output, target, "none").reshape(len(output), -1).mean(1)
        if state.weights is None:
            return loss + 0.3 * _second(output, target, "mean"), losses + 0.3 * each.detach()
        weights = state.weights.to(each.dtype)
        return loss + 0.3 * (weights * each).sum() / weights.sum().clamp(min=1e-30), losses + 0.3 * each.detach()


def _second(output, target, reduction):
    if output.shape == target.shape:
        return nn.functional.l1_loss(output, target, reduction=reduction)
    return nn.functional.multi_margin_loss(output, target, reduction=reduction)


class Second(nn.Module):
    """Absolute errors, or margins of classes."""

    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, output, target):
        return _second(output, target, self.reduction)


def with_second(net, own, *args, **kwargs):
    found = own(*args, **kwargs)
    net.second_ = Second()
    return found


def add_second(net, own, y_pred, y_true, *args, **kwargs):
    return own(y_pred, y_true, *args, **kwargs) + 0.3 * net.second_(y_pred, y_true)


class Logged(Behaviour):
    def loss(self, state, ask, output, target):
        found = ask(output, target)
        if state.module.training:
            with torch.no_grad():
                ask(2 * output, target)
        return found


def logged(net, own, batch, **kwargs):
    step = own(batch, **kwargs)
    with torch.no_grad():
        net.get_loss(2 * step["y_pred"], batch[1], X=batch[0], training=True)
    return step


def two_losses(net, own, batch, **kwargs):
    net._set_training(True)
    y_pred = net.infer(batch[0])
    losses = [net.get_loss(scale * y_pred, batch[1], X=batch[0], training=True) for scale in (1.0, 1.5)]
    sum(losses).backward()
    return {"loss": sum(losses), "y_pred": y_pred}


def two_losses_in_a_step(net, own, batch, **kwargs):
    net._zero_grad_optimizer()
    step = two_losses(net, own, batch)
    net._step_optimizer(None)
    return step


class Clipped(Behaviour):
    def after_backward(self, state):
        nn.utils.clip_grad_norm_(state.module.parameters(), CLIP)


def clipped(net, own, *args, **kwargs):
    step = own(*args, **kwargs)
    nn.utils.clip_grad_norm_(net.module_.parameters(), CLIP)
    return step


def clipped_later(net, own, *args, **kwargs):
    own(*args, **kwargs)
    nn.utils.clip_grad_norm_(net.module_.parameters(), CLIP)


class Smaller(Behaviour):
    def batch(self, state, X, y):
        return 0.5 * X, y


def smaller(net, own, batch, **kwargs):
    return own([0.5 * batch[0], batch[1]], **kwargs)


class Backwards(Behaviour):
    """The batch in another order, and its samples in that of the loader: what the scores are if it is one sample."""

    def batch(self, state, X, y):
        return X.flip(0), y.flip(0)


def backwards(net, own, batch, **kwargs):
    return own([part.flip(0) for part in batch], **kwargs)


class OwnInference(Behaviour):
    def infer(self, state, X):
        output = super().infer(state, X)
        return 1.5 * output + 0.1 * torch.randn(output.shape)


def own_inference(net, own, *args, **kwargs):
    output = own(*args, **kwargs)
    return 1.5 * output + 0.1 * torch.randn(output.shape)


class Autocast(Behaviour):
    def infer(self, state, X):
        with torch.autocast("cpu", torch.bfloat16):
            return super().infer(state, X)


def autocast_inference(net, own, *args, **kwargs):
    with torch.autocast("cpu", torch.bfloat16):
        return own(*args, **kwargs)


class AutocastSteps(Autocast):
    def loss(self, state, ask, output, target):
        with torch.autocast("cpu", torch.bfloat16):
            return ask(output, target)


class Accumulating(Behaviour):
    keeps_gradients = True
    tells_of_gradients = False

    def step(self, state, closure):
        if state.batch % 2 == 0:
            state.optimizer.zero_grad()
        closure()
        if state.batch % 2 or state.batch == state.n_batches - 1:
            state.optimizer.step()


def accumulating(net, own, batch, **kwargs):
    n_seen = len(net.history[-1, "batches"]) - 1
    if n_seen % 2 == 0:
        net._zero_grad_optimizer()
    step = net.train_step_single(batch, **kwargs)
    if n_seen % 2 or n_seen == net.n_batches_of_train - 1:
        net._step_optimizer(None)
    return step


def count_batches(net, own, dataset, training=False):
    loader = own(dataset, training=training)
    if training:
        net.n_batches_of_train = len(loader)
    return loader


class Shaken(Behaviour):
    def after_step(self, state):
        _shake(state.module)


def _shake(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.01 * torch.rand(()))


def shaken_step(net, own, batch, **kwargs):
    step = own(batch, **kwargs)
    _shake(net.module_)
    return step


def shaken_optimizer(net, own, *args, **kwargs):
    own(*args, **kwargs)
    _shake(net.module_)


def shaken_notify(net, own, method_name, **kwargs):
    if method_name == "on_batch_end" and kwargs["training"]:
        _shake(net.module_)
    return own(method_name, **kwargs)


def shaken_batch_end(net, own, *args, training=False, **kwargs):
    if training:
        _shake(net.module_)
    return own(*args, training=training, **kwargs)


class TwoPasses(Behaviour):
    n_passes = 2


def two_passes(net, own, iterator, *args, **kwargs):
    own(iterator, *args, **kwargs)
    own(iterator, *args, **kwargs)


class GatheringGradients(Behaviour):
    keeps_gradients = True


def keep_gradients(net, own, *args, **kwargs):
    return None


_TENSORS = ("classes", "number", "numbers", "labels", "probabilities", "log-probabilities", "binary", "images")
_UNITS = ("classes", "numbers", "labels")
_SINGLE = ("classes", "probabilities", "binary", "number")  # a sample has one loss
_PER_BATCH = ("SGD", "SGD, momentum", "Adam", "AdamW", "RMSprop", "Adagrad")  # those that ask for the loss once a step
OVERRIDES = {
    "none": Override({}),
    "scaled loss": Override({"get_loss": scaled}, Scaled, adds_constant=True),
    "penalised loss": Override({"get_loss": penalised}, Penalised, adds_constant=True),
    "loss called twice": Override({"get_loss": twice}, Twice, tasks=_UNITS),
    "functional term": Override(
        {"get_loss": functional_term}, FunctionalTerm, "may", tasks=_UNITS, takes_means=True, adds_constant=True
    ),
    "second criterion": Override(
        {"initialize_criterion": with_second, "get_loss": add_second},
        SecondCriterion,
        "may",
        tasks=_UNITS,
        takes_means=True,
        adds_constant=True,
        levels=("class", "patch"),
    ),
    "loss for the log": Override({"train_step_single": logged}, Logged, tasks=_TENSORS),
    "two losses": Override({"train_step_single": two_losses}, refusal="must", tasks=_TENSORS),
    "two losses in a step": Override(
        {"train_step": two_losses_in_a_step}, refusal="must", tasks=_TENSORS, optimizers=_PER_BATCH
    ),
    "noisy loss": Override({"get_loss": noisy}, Noisy, tasks=_TENSORS),
    "no loss": Override({"get_loss": nothing}, Nothing, "may", adds_constant=True),
    "squared loss": Override(
        {"get_loss": squared},
        Squared,
        "may",
        tasks=("classes", "probabilities", "binary", "number"),
        adds_constant=True,
    ),
    "two heads": Override({"get_loss": two_heads}, TwoHeads, "may", tasks=("heads",)),
    "one head": Override({"get_loss": one_head}, OneHead, tasks=("heads",)),
    "clipped in the step": Override({"train_step_single": clipped}, Clipped),
    "clipped at the event": Override({"on_grad_computed": clipped_later}, Clipped),
    "other input": Override({"train_step_single": smaller}, Smaller, tasks=_TENSORS),
    "batch backwards": Override({"train_step_single": backwards}, Backwards, "may", tasks=_TENSORS),
    "other inference": Override({"infer": own_inference}, OwnInference, tasks=("classes", "numbers", "images")),
    "autocast": Override({"infer": autocast_inference}, Autocast, tasks=("classes", "numbers", "images")),
    "autocast, loss too": Override(
        {"train_step_single": autocast_inference, "validation_step": autocast_inference},
        AutocastSteps,
        tasks=("classes", "numbers", "images"),
    ),
    "accumulated": Override(
        {"train_step": accumulating, "get_iterator": count_batches}, Accumulating, optimizers=_PER_BATCH
    ),
    "shaken after the step": Override({"train_step": shaken_step}, Shaken),
    "shaken by the optimizer": Override({"_step_optimizer": shaken_optimizer}, Shaken, optimizers=_PER_BATCH),
    "shaken by notify": Override({"notify": shaken_notify}, Shaken),
    "shaken at the event": Override({"on_batch_end": shaken_batch_end}, Shaken),
    "two passes": Override({"run_single_epoch": two_passes}, TwoPasses),
    "gradients kept": Override({"_zero_grad_optimizer": keep_gradients}, GatheringGradients, optimizers=_PER_BATCH),
}
LEVELS = "class", "instance", "patch"


def subclass(kind: type, override: Override) -> type:
    """Return a subclass whose methods do as the override says."""

    def method(name: str) -> Callable:
        around = override.methods[name]
        return lambda self, *args, **kwargs: around(self, partial(getattr(kind, name), self), *args, **kwargs)

    return type(f"My{kind.__name__}", (kind,), {name: method(name) for name in override.methods})


def put_on_instance(net: Any, override: Override) -> None:
    """Set the methods on an initialized net."""
    for name, around in override.methods.items():
        object.__setattr__(net, name, partial(around, net, getattr(net, name)))


@contextmanager
def patched(kind: type, override: Override) -> Any:
    """Patch skorch's own classes, as another release of it would be."""
    before: list[tuple[type, str, Any]] = []
    for name, around in override.methods.items():
        owner = next(each for each in kind.mro() if name in vars(each))
        before.append((owner, name, vars(owner)[name]))
        setattr(owner, name, _method_around(around, vars(owner)[name]))
    try:
        yield
    finally:
        for owner, name, method in before:
            setattr(owner, name, method)


def _method_around(around: Callable, own: Callable) -> Callable:
    return lambda self, *args, **kwargs: around(self, partial(own, self), *args, **kwargs)
