"""skorch's loop of one net, which stops where an epoch's pass over the training samples would be."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor

from actscore_sk.data.loading import TrackedLoader
from actscore_sk.estimators.net_callbacks import hears_batches
from actscore_sk.utils.randomness import cuda_indices, seeded


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
        events = path.events
        is_heard = len(events.listeners(net, "on_batch_begin")) > 1 or events.listeners(net, "on_grad_computed")
        is_heard = is_heard or not all(map(_passes_by, events.listeners(net, "on_batch_end")))
        is_drawn = isinstance(loader, TrackedLoader) and loader.may_draw
        return path.has_loop and path.has_step and path.has_plain_infer and is_drawn and not is_heard

    def draw(self) -> tuple[Tensor, list[int]]:
        """Draw the rows of X (n_visits,) of the pass, and the sizes of its batches."""
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
    """Return True for a callback's method that hears of a training batch and does nothing."""
    callback: Any = getattr(listener, "__self__", None)
    return callback is not None and not hears_batches(callback)
