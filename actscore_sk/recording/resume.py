"""Scores beside the checkpoints of a net, so that an interrupted training goes on with those of the epochs before."""

import io
import os
import warnings
from pathlib import Path
from typing import Any

import torch
from skorch.callbacks import LoadInitState

from actscore_sk.utils.files import write_atomically

SUFFIX = ".action_scores"
# Arguments of skorch's `save_params`; the first one that is a path has the scores beside it.
FILES = "f_history", "f_params", "f_optimizer", "f_criterion"


def state_file(files: dict[str, Any]) -> Path | None:
    """Return the file for the scores that go with the files of a checkpoint; None if none of these is a path.

    Parameters
    ----------
    files : dict of str to path-like, file or None
        Arguments of `save_params` by name.

    Examples
    --------
    >>> state_file({"f_params": "params.pt", "f_history": None}).name
    'params.pt.action_scores'
    """
    for name in (*FILES, *files):
        if isinstance(files.get(name), (str, os.PathLike)):
            return Path(f"{os.fspath(files[name])}{SUFFIX}")
    return None


def save_states(states: list[dict[str, Any]], args: tuple, kwargs: dict[str, Any]) -> None:
    """Write the states of recordings beside the files that `save_params` was called with, whole or not at all."""
    # The order of skorch's own signature.
    files = dict(zip(("f_params", "f_optimizer", "f_criterion", "f_history"), args, strict=False)) | kwargs
    path = state_file(files)
    if path is not None:
        buffer = io.BytesIO()
        torch.save(states, buffer)
        write_atomically(path, buffer.getvalue())


def saved_states(net: Any) -> list[dict[str, Any]]:
    """Return the states saved beside the checkpoint that the net's `LoadInitState` has loaded; empty if there are none.

    Parameters
    ----------
    net : NeuralNet
        At the beginning of a training, its history loaded.
    """
    for _, callback in net.callbacks_:
        if isinstance(callback, LoadInitState):
            checkpoint = getattr(callback.checkpoint, "checkpoint_", callback.checkpoint)  # of a TrainEndCheckpoint
            path = state_file(checkpoint.get_formatted_files(net))
            if path is not None and path.exists():
                return torch.load(path, map_location="cpu", weights_only=True)
    return []


def matching_state(net: Any, place: int, identity: list) -> dict[str, Any] | None:
    """Return the state saved beside the checkpoint from which a net goes on; warn if there is none.

    Parameters
    ----------
    net : NeuralNet
        As in `saved_states`.
    place : int
        Number of the recording among those of the net.
    identity : list
        Number of samples and their digests.
    """
    n_epochs = len(net.history)
    if not n_epochs:
        return None
    states = saved_states(net)
    if place >= len(states):
        warn_of_missing(n_epochs, "no scores were saved beside its checkpoint")
    elif states[place]["identity"] != identity:
        warn_of_missing(n_epochs, "those saved beside its checkpoint are of other samples")
    elif states[place]["record"]["n_epochs"] != n_epochs:
        warn_of_missing(n_epochs, "those saved beside its checkpoint are of another epoch")
    else:
        return states[place]
    return None


def warn_of_missing(n_missing: int, reason: str) -> None:
    """Warn that the scores begin later than the net's training.

    Parameters
    ----------
    n_missing : int
        Number of epochs that the net's history has, and the scores have not.
    reason : str
        Why they are missing.
    """
    warnings.warn(
        f"the net was trained for {n_missing} epochs before, whose losses are not in the scores: {reason}; scores are "
        "those from here on. To keep them, save with a Checkpoint of skorch while the net is recorded, and load with "
        "LoadInitState",
        UserWarning,
    )
