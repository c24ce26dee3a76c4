"""One epoch, and one training step, on the fast path: the operations of skorch's loop in the same order."""

from collections.abc import Callable
from typing import Any

import torch
from skorch.dataset import unpack_data
from skorch.utils import TeeGenerator
from torch import Tensor

from actscore_sk.recording.fast_path import FastPath
from actscore_sk.recording.visit_buffer import Visit


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
    rows_of_history = net.history[-1]["batches"]
    losses: list[tuple[dict, Tensor]] = []
    try:
        for batch in loader:
            if path.is_changed(net):
                session.renew()
            if path.tells(net) and len(path.listeners(net, "on_batch_begin")) == 1:
                rows_of_history.append({})
            else:
                net.notify("on_batch_begin", batch=batch, training=training)
            if training and session.n_steps and path.serves(net):  # the first step shows if the books balance
                step = train_step(net, path, session, batch, loader, **params)
            else:
                step = step_fn(batch, **params)
            row = rows_of_history[-1]
            row[loss_name], row[size_name] = step["loss"].detach(), loader.batch_size_in_hand
            if path.tells(net) and not path.hears_batches(net):
                losses.append((row, row[loss_name]))
            else:
                row[loss_name] = row[loss_name].item()  # skorch's own host sync, one per batch
                net.notify("on_batch_end", batch=batch, training=training, **step)
            count += 1
    finally:
        _write_losses(losses, loss_name)
    net.history.record(prefix + "_batch_count", count)


def _write_losses(losses: list[tuple[dict, Tensor]], name: str) -> None:
    """Write losses of batches into the history, where nobody has waited for them: one host sync per epoch."""
    if losses:
        values = torch.stack([loss for _, loss in losses]).tolist()
        for (row, _), value in zip(losses, values, strict=True):
            row[name] = value


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
    for group in net.optimizer_.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
    if not path.has_mode(True):
        net._set_training(True)
    y_pred, inputs = path.forward(net, Xi, yi, **fit_params)
    session.n_trained += loader.batch_size_in_hand
    if session.is_weighted:
        loss = session.listener.weigh(inputs, path.sample_loss, loader, session.on_visit[True])
    else:
        loss = path.loss(inputs)
        visit = Visit(loader.rows_in_hand, inputs, None, path.sample_loss, loss.detach())  # type: ignore[arg-type]
        for on_visit in session.on_visit[True]:
            on_visit(visit)
    loss.backward()
    if path.listeners(net, "on_grad_computed"):
        parameters = TeeGenerator(net.get_all_learnable_params())
        net.notify("on_grad_computed", named_parameters=parameters, batch=batch, training=True)
    net.optimizer_.step()
    return {"loss": loss, "y_pred": y_pred}
