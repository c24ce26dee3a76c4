"""One epoch, and one training step, on the fast path: the operations of skorch's loop in the same order."""

from collections.abc import Callable
from typing import Any

from skorch.dataset import unpack_data
from skorch.utils import TeeGenerator

from actscore_sk.recording.backward import backpropagate
from actscore_sk.recording.fast_path import FastPath
from actscore_sk.recording.optimizer_step import clear_gradients, take_step
from actscore_sk.recording.pending_losses import PendingLosses
from actscore_sk.recording.visit import Visit


def run_epoch(
    net: Any, path: FastPath, session: Any, loader: Any, training: bool, prefix: str, step_fn: Callable, **params: Any
) -> None:
    """Do the same as `NeuralNet.run_single_epoch`, with a tracked loader.

    Parameters
    ----------
    net : NeuralNet
        In training; its history gets the same rows.
    path : FastPath
        Of the epoch, with `has_loop`.
    session : RecordingSession
        Of the net.
    loader : TrackedLoader
        Of the training or the validation part.
    training : bool
        True for the pass that trains.
    prefix : {"train", "valid"}
        First part of the names in the history.
    step_fn : callable
        The net's own step, for batches that the fast path does not serve.
    **params : dict
        Passed to the module.
    """
    loss_name, size_name, count = prefix + "_loss", prefix + "_batch_size", 0
    rows_of_history, of_batch = net.history[-1]["batches"], path.events.of_batch
    losses = PendingLosses(loss_name, copies=path.is_compiled)
    try:
        for batch in loader:
            if path.is_changed(net):
                session.renew()
            if not path.tells(net) or of_batch(net)[0]:
                net.notify("on_batch_begin", batch=batch, training=training)
            else:
                rows_of_history.append({})
            if training and session.n_steps and path.serves(net):  # the first step shows if the books balance
                step = train_step(net, path, session, batch, loader, **params)
            else:
                step = step_fn(batch, **params)
            row, loss, (_, listeners, reads_loss) = rows_of_history[-1], step["loss"], of_batch(net)
            if not path.tells(net):
                listeners, reads_loss = [_notify_end], True
            if reads_loss or is_at_hand(loss):
                row[loss_name] = loss.item()  # skorch's own host sync, one per batch
            else:
                losses.add(row, loss)
            row[size_name] = loader.batch_size_in_hand
            for listener in listeners:
                listener(net, batch=batch, training=training, **step)
            count += 1
    finally:
        losses.write()
    net.history.record(prefix + "_batch_count", count)


def is_at_hand(loss: Any) -> bool:
    """Return True if the loss is on the host, where nobody waits for it.

    A tensor kept per batch would keep the next batch out of the memory of the last.
    """
    return getattr(loss, "is_cpu", True)


def _notify_end(net: Any, **kwargs: Any) -> None:
    net.notify("on_batch_end", **kwargs)


def train_step(net: Any, path: FastPath, session: Any, batch: Any, loader: Any, **fit_params: Any) -> dict:
    """Do the same as `NeuralNet.train_step`, and make a visit of the criterion's arguments.

    Gradients are set to None, the loss is computed and visited, and the optimizer steps, in skorch's order.

    Parameters
    ----------
    net, path, session, loader, **fit_params
        As in `run_epoch`; the loader has the rows of the batch in hand.
    batch : tuple
        The batch that `loader` has just yielded.

    Returns
    -------
    step : dict
        "loss", a scalar with its graph used up, and "y_pred", as skorch's callbacks expect them.
    """
    Xi, yi = unpack_data(batch)
    clear_gradients(net.optimizer_)
    if not path.has_mode(True):
        net._set_training(True)
    y_pred, inputs = path.forward(net, Xi, yi, **fit_params)
    session.n_trained += loader.batch_size_in_hand
    if session.is_weighted:
        loss = session.listener.weigh(inputs, path.sample_loss, loader, session.on_visit[True])
    else:
        loss = path.loss(inputs)
        visit = Visit(loader.rows_in_hand, inputs, None, path.sample_loss, loss)  # type: ignore[arg-type]
        for on_visit in session.on_visit[True]:
            on_visit(visit)
    backpropagate(loss)
    if path.events.listeners(net, "on_grad_computed"):
        parameters = TeeGenerator(net.get_all_learnable_params())
        net.notify("on_grad_computed", named_parameters=parameters, batch=batch, training=True)
    take_step(net.optimizer_)
    return {"loss": loss, "y_pred": y_pred}
