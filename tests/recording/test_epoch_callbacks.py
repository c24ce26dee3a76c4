"""skorch's own callbacks, cut short: the history, the callbacks and what is printed are skorch's."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import PassthroughScoring, PrintLog
from skorch.dataset import ValidSplit

from actscore_sk import ActionScoreRecorder
from actscore_sk.recording.epoch_callbacks import in_short

SPLITS = {"no split": None, "split": ValidSplit(4)}
RECORDERS = {"plain": [], "recorded": [("recorder", ActionScoreRecorder())]}


def trained(callbacks=(), **options):
    torch.manual_seed(0)
    net = NeuralNetClassifier(
        torch.nn.Linear, module__in_features=2, module__out_features=2, criterion=torch.nn.CrossEntropyLoss,
        max_epochs=3, batch_size=3, lr=0.5, callbacks=[*callbacks], **{"verbose": 0} | options,
    )  # fmt: skip
    generator = np.random.default_rng(0)
    return net.fit(generator.normal(size=(20, 2)).astype(np.float32), np.arange(20) % 2)


def history_of(net):
    return [{name: value for name, value in row.items() if name != "dur"} for row in net.history]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("is_lower_better", [True, False, None])
def test_history_and_callbacks_are_those_of_skorch(split, is_lower_better):
    options = {
        "train_split": SPLITS[split],
        "callbacks__train_loss__lower_is_better": is_lower_better,
        "callbacks__valid_loss__lower_is_better": is_lower_better,
    }
    plain, recorded = (trained(recorder, **options) for recorder in RECORDERS.values())
    assert [[*row] for row in history_of(plain)] == [[*row] for row in history_of(recorded)]  # the order as well
    assert history_of(plain) == history_of(recorded)
    state, other = ({name: vars(callback) for name, callback in net.callbacks_} for net in (plain, recorded))
    for name in ("train_loss", "valid_loss"):
        assert state[name] == other[name]
    assert state["print_log"]["first_iteration_"] is other["print_log"]["first_iteration_"] is False


@pytest.mark.parametrize("verbose", [0, 1])
@pytest.mark.parametrize("has_sink", [False, True])
def test_the_same_is_printed(verbose, has_sink, capsys):
    outputs = []
    for recorder in RECORDERS.values():
        lines = []
        options = {"callbacks__print_log__sink": lines.append} if has_sink else {}
        trained(recorder, verbose=verbose, callbacks__print_log__keys_ignored=["dur"], **options)
        outputs.append([*lines, capsys.readouterr().out])
    assert outputs[0] == outputs[1]


class OwnMean(PassthroughScoring):
    def get_avg_score(self, history):
        return 7.0


def test_methods_of_a_subclass_an_instance_or_a_patch_are_called(monkeypatch):
    own, on_instance = OwnMean("train_loss", on_train=True), PassthroughScoring("train_loss", on_train=True)
    on_instance.get_avg_score = lambda history: 8.0
    for callback, mean in ((own, 7.0), (on_instance, 8.0)):
        net = trained([("own", callback), ("recorder", ActionScoreRecorder())], callbacks__train_loss=None)
        assert net.history[:, "train_loss"] == [mean] * 3
    monkeypatch.setattr(PassthroughScoring, "get_avg_score", lambda self, history: 9.0)
    assert trained(RECORDERS["recorded"]).history[:, "train_loss"] == [9.0] * 3
    monkeypatch.setattr(PrintLog, "table", lambda self, row: pytest.fail("of another class"))
    assert not hasattr(in_short(PrintLog().on_epoch_end), "func")


def test_other_events_and_other_callables_are_left_as_they_are():
    for listener in (PrintLog().on_train_begin, len, lambda net: None):
        assert in_short(listener) is listener or in_short(listener) == listener
