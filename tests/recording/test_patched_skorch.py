"""Another skorch than the one that was known: a recorded net trains as that one does, and the log says so."""

import logging

import pytest
import torch
from helpers import make_net, make_vectors, seed_everything, tensors_of
from skorch import NeuralNet, NeuralNetClassifier

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.recording.fast_path_proof import is_proved


def train(*recorders):
    seed_everything()
    return tensors_of(make_net(callbacks=[*recorders]).fit(*make_vectors()))


def shaken(own):
    """Do what a method did, and move a parameter."""

    def method(self, *args, **kwargs):
        found = own(self, *args, **kwargs)
        with torch.no_grad():
            self.module_[0].bias.add_(0.01)
        return found

    return method


def doubled(own):
    return lambda self, *args, **kwargs: 2 * own(self, *args, **kwargs)


def test_fast_path_does_what_the_installed_skorch_does():
    assert is_proved()


PATCHES = {
    "train_step": (NeuralNet, shaken),
    "train_step_single": (NeuralNet, shaken),
    "_step_optimizer": (NeuralNet, shaken),
    "_set_training": (NeuralNet, shaken),
    "run_single_epoch": (NeuralNet, shaken),
    "infer": (NeuralNet, doubled),
    "get_loss": (NeuralNetClassifier, doubled),
}


@pytest.mark.filterwarnings("ignore:get_loss multiplies")
@pytest.mark.parametrize("name", PATCHES)
def test_patched_method_is_not_passed_by(name, monkeypatch, caplog):
    kind, patch = PATCHES[name]
    before = train()
    monkeypatch.setattr(kind, name, patch(getattr(kind, name)))
    with caplog.at_level(logging.WARNING, logger="actscore_sk"):
        recorded, plain = train(("scores", ActionScoreRecorder())), train()
    assert all(torch.equal(value, plain[part]) for part, value in recorded.items())
    assert not torch.equal(plain["module.0.bias"], before["module.0.bias"])
    assert caplog.text.count("trains in another way than the fast path; it is not used") == 1
