"""A plugin for pytest: puts a recorder on every net that is trained, and writes down what came of each test.

The recorder is no entry in a net's list of callbacks, since many of skorch's tests look at that list. It hears of the
same two events, from the net itself. Like a callback it goes with the net into pickles and copies.
"""

import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from skorch import NeuralNet

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.exceptions import ActionScoreError

OUTCOMES, RECORDS = "SKORCH_SUITE_OUTCOMES", "SKORCH_SUITE_RECORDS"
NAME = "_recorder_of_the_suite"

outcomes: dict[str, tuple[str, str]] = {}


def recorder_of(net: Any, *, anew: bool = False) -> ActionScoreRecorder:
    """Return the recorder of a net, which is no parameter of it."""
    if anew or NAME not in vars(net):
        vars(net)[NAME] = ActionScoreRecorder().initialize()
    return vars(net)[NAME]


def put_recorders() -> None:
    """Change skorch's class for the time of this process."""
    begin, end, initialize = NeuralNet.on_train_begin, NeuralNet.on_train_end, NeuralNet.initialize_callbacks

    def on_train_begin(self: Any, net: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, net, *args, **kwargs)
        recorder_of(net).on_train_begin(net)

    def on_train_end(self: Any, net: Any, *args: Any, **kwargs: Any) -> None:
        end(self, net, *args, **kwargs)
        with warnings.catch_warnings():  # of unequal visits, which no test of skorch's waits for
            warnings.simplefilter("ignore")
            recorder_of(net).on_train_end(net)

    def initialize_callbacks(self: Any) -> Any:
        if NAME in vars(self):
            recorder_of(self).initialize()
        recorder_of(self, anew=True)
        return initialize(self)

    NeuralNet.on_train_begin, NeuralNet.on_train_end = on_train_begin, on_train_end
    NeuralNet.initialize_callbacks = initialize_callbacks


if os.environ.get(RECORDS):
    put_recorders()


def reason_of(error: BaseException | None) -> tuple[str, str]:
    """Return "refused" and the sentence if an error of the package is behind `error`, else "failed" and the error."""
    first, seen = error, set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ActionScoreError):
            return "refused", f"{type(error).__name__}: {error}"
        error = error.__cause__ or error.__context__
    return "failed", f"{type(first).__name__}: {first}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Iterator[None]:
    """Write down how the test ended; a failure before it or behind it counts as well, and the last of several runs."""
    report = yield
    if call.when == "call" or report.outcome != "passed":
        reason = reason_of(call.excinfo.value) if report.outcome == "failed" else (report.outcome, "")
        outcomes[item.nodeid] = reason  # a flaky test, which seeds itself by the clock, is run again when it fails
    return report


def pytest_sessionfinish() -> None:
    """Leave the outcomes for the command."""
    Path(os.environ[OUTCOMES]).write_text(json.dumps(outcomes))
