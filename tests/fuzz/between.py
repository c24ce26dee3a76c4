"""What happens to a net, or to its estimator, between two calls of fit."""

import copy
import pickle
from dataclasses import dataclass
from typing import Any

RATE, BATCH_SIZE = 0.03, 5


@dataclass(frozen=True)
class Between:
    """What it does to a net or estimator, which it returns, and to the plain loop."""

    change: Any
    plain: Any = None


def _pickled(trained):
    try:
        return pickle.loads(pickle.dumps(trained))
    except (pickle.PicklingError, AttributeError, TypeError):  # a class of the trial's own, or a generator
        return copy.deepcopy(trained)


def _other_rate(net):
    return net.set_params(lr=RATE)


def _plain_rate(state, job):
    for group in state.optimizer.param_groups:
        group["lr"] = RATE


def _other_size(net):
    return net.set_params(batch_size=BATCH_SIZE)


def _plain_size(state, job):
    job.batch_size = job.loader["batch_size"] = BATCH_SIZE


BETWEEN = {
    "nothing": Between(lambda trained: trained),
    "deep copy": Between(copy.deepcopy),
    "pickle": Between(_pickled),
    "rate": Between(_other_rate, _plain_rate),
    "batch size": Between(_other_size, _plain_size),
}
