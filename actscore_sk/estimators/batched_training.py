"""Several nets trained at once: each has skorch's loop of its own, and they make their training steps together.

The loop of a net stops where an epoch's pass over the training samples would be. When all have come that far, the pass
of all is made, batch by batch, and the loops go on: to validation, callbacks and the next epoch. Each loop sees the
random numbers of its own seed.
"""

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EpochScoring, LRScheduler
from torch import Tensor, nn
from torch.utils.data import default_collate

from actscore_sk.data.fetching import batch_slicer, data_identity
from actscore_sk.data.loading import TrackedLoader
from actscore_sk.estimators.batched_layers import LAYERS, is_served
from actscore_sk.estimators.batched_nets import OPTIMIZERS, BatchedNets, may_be_batched
from actscore_sk.losses.weighting import divisors, numerators
from actscore_sk.recording.overrides import defining_class
from actscore_sk.recording.visit_buffer import CAPACITY, Visit
from actscore_sk.utils.randomness import cuda_indices, preserved_random_state, seeded

_KINDS = NeuralNet, NeuralNetClassifier, NeuralNetBinaryClassifier, NeuralNetRegressor
_LOOP = "fit", "partial_fit", "fit_loop", "initialize", "check_data", "get_split_datasets", "get_iterator"

_log = logging.getLogger("actscore_sk")


def may_train_at_once(net: Any, data: Any) -> bool:
    """Return True if nets like this one may be trained at once; what only training shows is seen there.

    Parameters
    ----------
    net : NeuralNet
        Initialized or not.
    data : FitData
        Of the fit.
    """
    if not isinstance(net, NeuralNet) or data.weights is not None or set(data.fit_params) - {"epochs"}:
        return False
    is_plain = all(name not in vars(net) and defining_class(type(net), name) in _KINDS for name in _LOOP)
    if not is_plain or net.compile or net.optimizer not in OPTIMIZERS or not issubclass(net.criterion, nn.Module):
        return False
    if isinstance(net.module, type):
        return net.module in LAYERS
    if isinstance(net.module, nn.Module):
        return is_served(net.module)
    with preserved_random_state(net.device):  # a function that makes the module
        return is_served(net.initialized_instance(net.module, net.get_params_for("module")))


class Stream:
    """Random numbers of one net, as torch's global generators would draw them after its seed.

    Parameters
    ----------
    seed : int
        As `random_state` of a single fit.
    device : str or torch.device
        Of the net.
    stream : int
        As in `seeded`.
    """

    def __init__(self, seed: Any, device: Any, stream: int) -> None:
        self.generator = torch.Generator()
        self._indices = cuda_indices(device)
        with seeded(seed, device, stream=stream):
            self._keep()

    def _keep(self) -> None:
        self.generator.set_state(torch.get_rng_state())
        self._cuda = [torch.cuda.get_rng_state(index) for index in self._indices]

    @contextmanager
    def drawn_from(self) -> Iterator[None]:
        """Let torch's global generators go on with this stream inside the block."""
        torch.set_rng_state(self.generator.get_state())
        for index, state in zip(self._indices, self._cuda, strict=True):
            torch.cuda.set_rng_state(state, index)
        try:
            yield
        finally:
            self._keep()


def train_at_once(trainings: Sequence[Any], seeds: Sequence[int], data: Any) -> None:
    """Train nets as ``net.fit`` does, one seed each.

    Parameters
    ----------
    trainings : sequence of Training
        A net and its recorder each.
    seeds : sequence of int
        One per net.
    data : FitData
        Samples, and the arguments of `fit`.
    """
    with preserved_random_state(trainings[0].net.device), ExitStack() as stack:
        loops = []
        for training, seed in zip(trainings, seeds, strict=True):
            stream = Stream(seed, training.net.device, training.n_before)
            stack.enter_context(training.recorded())
            loops.append(NetLoop(training.net, stream, data))
        together = Together()
        stack.callback(together.release)
        live = [loop for loop in loops if loop.go_on()]
        while live:
            try:
                together.run_epoch(live)
            except KeyboardInterrupt:  # as skorch does, each net ends its training and is kept
                for loop in live:
                    loop.interrupt()
                return
            live = [loop for loop in live if loop.go_on()]


class NetLoop:
    """skorch's `fit` of one net, which stops before each training pass.

    Attributes
    ----------
    loader : TrackedLoader
        Of the training samples; set while the loop stands before a pass.
    """

    def __init__(self, net: Any, stream: Stream, data: Any) -> None:
        self.net, self.stream = net, stream
        self.loader: Any = None
        self._passes = self._fit(data)

    @property
    def session(self) -> Any:
        """The recording of the net."""
        return self.net.session_

    def go_on(self) -> bool:
        """Run to the next training pass; return False if there is none."""
        with self.stream.drawn_from():
            self.loader = next(self._passes, None)
        return self.loader is not None

    def interrupt(self) -> None:
        """End the training as Ctrl-C in the pass would."""
        with self.stream.drawn_from(), suppress(StopIteration):
            self._passes.throw(KeyboardInterrupt)

    def _fit(self, data: Any) -> Generator[Any, None, None]:
        """Do what `NeuralNet.fit` or `partial_fit` does, but for training passes, whose loaders it yields."""
        net, X, y = self.net, data.X, data.targets
        if not net.initialized_ or (data.method == "fit" and not net.warm_start):
            net.initialize()
        net.notify("on_train_begin", X=X, y=y)
        with suppress(KeyboardInterrupt):  # skorch keeps the net as well
            yield from self._fit_loop(X, y, data.fit_params.get("epochs"))
        net.notify("on_train_end", X=X, y=y)

    def _fit_loop(self, X: Any, y: Any, epochs: int | None) -> Iterator[Any]:
        net = self.net
        net.check_data(X, y)
        net.check_training_readiness()
        train, valid = net.get_split_datasets(X, y)
        parts = {"dataset_train": train, "dataset_valid": valid}
        loader = net.get_iterator(train, training=True)
        valid_loader = None if valid is None else net.get_iterator(valid, training=False)
        for _ in range(net.max_epochs if epochs is None else epochs):
            net.notify("on_epoch_begin", **parts)
            yield loader
            net.run_single_epoch(valid_loader, training=False, prefix="valid", step_fn=net.validation_step)
            net.notify("on_epoch_end", **parts)

    # -- the training pass of this net alone ----------------------------------------------------------------

    def run_alone(self) -> None:
        """Make the training pass as skorch does."""
        with self.stream.drawn_from():
            net = self.net
            net.run_single_epoch(self.loader, training=True, prefix="train", step_fn=net.train_step)

    @property
    def may_draw(self) -> bool:
        """True if the rows of the pass can be drawn before it, and nobody but the net hears of its batches."""
        net, path, loader = self.net, self.session.path, self.loader
        is_heard = len(path.listeners(net, "on_batch_begin")) > 1 or path.listeners(net, "on_grad_computed")
        is_heard = is_heard or not all(map(_passes_by, path.listeners(net, "on_batch_end")))
        is_drawn = isinstance(loader, TrackedLoader) and loader.may_draw
        return path.has_loop and path.has_step and path.has_plain_infer and is_drawn and not is_heard

    def draw(self) -> list[Tensor]:
        """Draw the rows of X in each batch of the pass."""
        with self.stream.drawn_from():
            return self.loader.draw()

    def step_alone(self, batch: list, rows: Tensor) -> None:
        """Make one training step as skorch does."""
        row: dict[str, Any] = {}
        self.net.history[-1]["batches"].append(row)
        self.loader.hand_out(batch, rows)
        with self.stream.drawn_from():
            loss = self.net.train_step(batch)["loss"]
        row["train_loss"], row["train_batch_size"] = loss.item(), len(rows)


def _passes_by(listener: Any) -> bool:
    """Return True for listeners of skorch's own that hear of a training batch and do nothing."""
    callback: Any = getattr(listener, "__self__", None)
    if type(callback) is LRScheduler:
        return callback.step_every == "epoch"
    return type(callback) is EpochScoring and not callback.on_train  # scores of the validation part


class Together:
    """Training passes of several nets at once."""

    def __init__(self) -> None:
        self._nets: BatchedNets | None = None
        self._data: list[Any] = []
        self._fetch: Any = None
        self._has_logged = False

    def release(self) -> None:
        """Give each net tensors of its own again."""
        if self._nets is not None:
            self._nets.release()
        self._nets = None

    def run_epoch(self, loops: Sequence[NetLoop]) -> None:
        """Train all nets for one epoch.

        Parameters
        ----------
        loops : sequence of NetLoop
            Of nets that stand before the pass.
        """
        self._look_at_data(loops[0].session.root)
        if self._fetch is None or not all(loop.may_draw for loop in loops):
            self._log_once("n_repeats=%d: one net after another, epoch by epoch", len(loops))
            for loop in loops:
                loop.run_alone()
            return
        orders = [loop.draw() for loop in loops]
        is_even = all([*map(len, order)] == [*map(len, orders[0])] for order in orders)
        block = None
        try:
            for rows in zip(*orders, strict=is_even):
                if block is None and is_even and self._is_ready(loops):
                    self._gather(loops)
                    block = Block(loops)
                if block is None:
                    for loop, own in zip(loops, rows, strict=True):
                        loop.step_alone(self._fetch(own), own)
                else:
                    self._step(torch.stack(rows), block)
        finally:
            if block is not None:
                block.close()
        for loop, order in zip(loops, orders, strict=True):
            loop.net.history.record("train_batch_count", len(order))

    def _log_once(self, text: str, n_nets: int) -> None:
        if not self._has_logged:
            _log.info(text, n_nets)
        self._has_logged = True

    def _look_at_data(self, root: Any) -> None:
        """Renew the slicer of X if the data set has other data than before."""
        found = data_identity(root)
        if len(found) != len(self._data) or any(one is not other for one, other in zip(found, self._data, strict=True)):
            self._data, self._fetch = found, batch_slicer(root, default_collate)

    def _is_ready(self, loops: Sequence[NetLoop]) -> bool:
        """Return True if the next step may be made at once: each net has made one, whose loss is known."""
        is_served = all(loop.session.n_steps and loop.session.path.serves(loop.net) for loop in loops)
        return is_served and may_be_batched([loop.net for loop in loops])

    def _gather(self, loops: Sequence[NetLoop]) -> None:
        nets = [loop.net for loop in loops]
        if self._nets is None or not self._nets.is_of(nets):
            self.release()
            self._log_once("n_repeats=%d: one batched net", len(nets))
            self._nets = BatchedNets(nets, [loop.stream.generator for loop in loops])
        self._nets.take_options()
        for loop in loops:
            if not loop.session.path.has_mode(True):
                loop.net._set_training(True)

    def _step(self, rows: Tensor, block: "Block") -> None:
        """Make one step of all nets on rows (n_nets, batch_size) of X."""
        X, y = self._fetch(rows.view(-1))
        _, inputs = block.path.forward(self._nets, X, y)
        self._nets.step(block.losses(rows, inputs))  # type: ignore[union-attr]


class Block:
    """Steps made at once in an epoch, on their way into recordings and histories.

    Parameters
    ----------
    loops : sequence of NetLoop
        Of the nets.
    """

    def __init__(self, loops: Sequence[NetLoop]) -> None:
        self._loops, self.path = loops, loops[0].session.path
        self._is_recorded = any(loop.session.on_visit[True] for loop in loops)
        self._steps: list[tuple[Tensor, tuple, Tensor, Any]] = []
        self._size = 0
        self._losses: list[Tensor] = []
        self._sizes: list[int] = []

    def losses(self, rows: Tensor, inputs: tuple) -> Tensor:
        """Return the loss of each net (n_nets,), as its criterion reduces it, and keep the visits.

        Parameters
        ----------
        rows : Tensor of int64 (n_nets, batch_size)
            Of X.
        inputs : tuple of Tensor (n_nets * batch_size, ...)
            Arguments of the criterion.
        """
        sample_loss, (n_nets, batch_size) = self.path.sample_loss, rows.shape
        units = sample_loss.units(inputs, rows.numel(), scored=False)
        sums = numerators(sample_loss, units, inputs).view(n_nets, -1).sum(1)
        shares: Any = 1.0
        if sample_loss.reduction != "sum":
            shares = divisors(sample_loss, units, inputs)
            shares = shares * batch_size if isinstance(shares, float) else shares.view(n_nets, -1).sum(1)
        losses = sums / shares
        self._losses.append(losses.detach())
        self._sizes.append(batch_size)
        if self._is_recorded:
            self._steps.append((rows, tuple(part.detach() for part in inputs), sums.detach(), shares))
            self._size += inputs[0].numel()
            if self._size >= CAPACITY:
                self._hand_on()
        return losses

    def _hand_on(self) -> None:
        """Make of the steps one visit per net: of several batches, with the loss that they have together."""
        if not self._steps:
            return
        steps, self._steps, self._size = self._steps, [], 0
        rows, inputs, sums, shares = zip(*steps, strict=True)
        n_nets = len(self._loops)
        parts = [
            torch.cat([part.unflatten(0, (n_nets, -1)) for part in place], 1) for place in zip(*inputs, strict=True)
        ]
        is_sum = self.path.sample_loss.reduction == "sum"
        trained = sum(sums) if is_sum else sum(sums) / sum(shares)
        all_rows = torch.cat(rows, 1)
        for number, loop in enumerate(self._loops):
            own = tuple(part[number] for part in parts)
            visit = Visit(all_rows[number], own, None, loop.session.path.sample_loss, trained[number])
            for on_visit in loop.session.on_visit[True]:
                on_visit(visit)

    def close(self) -> None:
        """Hand on the last visits, and write the histories of the nets; the host waits for the device."""
        self._hand_on()
        if not self._losses:
            return
        values = torch.stack(self._losses, 1).tolist()
        for loop, losses in zip(self._loops, values, strict=True):
            loop.session.n_trained += sum(self._sizes)
            rows = loop.net.history[-1]["batches"]
            rows += [
                {"train_loss": loss, "train_batch_size": size} for loss, size in zip(losses, self._sizes, strict=True)
            ]
