"""A record as a state that can be saved, and back."""

import warnings
from typing import Any

import torch


def record_state(record: Any) -> dict[str, Any]:
    """Return the state of a record; parts and units are not in it, nor trajectories in a file.

    Parameters
    ----------
    record : ScoreRecord
        At any time.

    Returns
    -------
    state : dict
        Tensors and plain values, as `torch.save` with ``weights_only`` accepts them.
    """
    in_memory = record.trajectories is not None and record.settings.store_trajectories is True
    return {
        "n_epochs": record.n_epochs,
        "n_samples": record.n_samples,
        "reduction": record.settings.reduction,
        "metrics": [*record.settings.metrics],
        "held_out": record.held_out,
        "targets": record.targets,
        "held_out_sum": record.held_out_sum,
        "store_probabilities": record.settings.store_probabilities,
        "held_out_losses": [*record.held_out_losses],
        "trained_shares": [*record.trained_shares],
        "state": record.state.state_dict(),
        "trajectories": torch.from_numpy(record.trajectories.array()) if in_memory else None,
        "has_details": not record.details.is_empty,
    }


def load_record_state(record: Any, state: dict[str, Any]) -> None:
    """Let a record go on from a saved state.

    Parameters
    ----------
    record : ScoreRecord
        New.
    state : dict
        From `record_state`.

    Raises
    ------
    ValueError
        If it was saved for another number of samples, or with other settings.
    """
    for name, mine in (
        ("n_samples", record.n_samples),
        ("reduction", record.settings.reduction),
        ("metrics", [*record.settings.metrics]),
        ("store_probabilities", record.settings.store_probabilities),
    ):
        if state[name] != mine:
            raise ValueError(f"the saved state has {name}={state[name]!r}, expected {mine!r}; record alike to go on")
    record.held_out_losses, record.trained_shares = [*state["held_out_losses"]], [*state["trained_shares"]]
    for name in ("held_out", "targets"):
        setattr(record, name, None if state[name] is None else state[name].clone())
    record.held_out_sum = state["held_out_sum"]
    record.state.load_state_dict(state["state"])
    for row in () if state["trajectories"] is None else state["trajectories"].numpy():
        record.trajectories.append(row)
    if state["has_details"]:
        warnings.warn("scores of parts and units are not saved; they begin anew", UserWarning)
