"""`store_probabilities`: class probabilities and margins of the samples, averaged over the epochs that count."""

import logging

import numpy as np
import pytest
import torch
from helpers import add_up, cross_entropies, make_binary, make_net, make_vectors, seed_everything, spread, tensors_of
from helpers import train_plainly as train
from recorded import N, held_out, record, split, trained
from scipy.special import softmax
from skorch import NeuralNetBinaryClassifier
from skorch.dataset import ValidSplit

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.metrics.epoch_window import class_entropy, epoch_weights
from actscore_sk.metrics.measurements import VisitBatch
from actscore_sk.recording import label_state
from actscore_sk.recording.label_state import LabelState
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.recording.score_record import ScoreRecord

X, Y = make_vectors()
EPOCHS = 14


def averages(visits, weights, n_classes=3):
    """Probabilities (n, K) and margins (n,) by definition, from the outputs of a loop in plain torch."""
    logits = np.stack([spread(visits, [v.output.numpy()[:, k] for v in visits], N) for k in range(n_classes)], 2)
    margins = logits[:, np.arange(N), Y] - np.where(np.eye(n_classes)[Y] > 0, -np.inf, logits).max(2)
    return np.average(softmax(logits, 2), axis=0, weights=weights), np.average(margins, axis=0, weights=weights)


@pytest.mark.parametrize("options", [{}, {"reduction": "auto", "metrics": ("aum", "forgetting")}])
def test_averages_over_the_window_are_those_of_all_outputs(options):
    _, visits = train(X, Y, cross_entropies, train=trained, valid=held_out, epochs=EPOCHS)
    losses = [add_up([v for v in visits if v.epoch == epoch], N)[0] for epoch in range(1, EPOCHS + 1)]
    weights = epoch_weights([row[held_out].mean() for row in losses], class_entropy(Y))
    assert 0 < weights[0] < 0.5, "the case should weigh epochs"
    recorder = record(make_net(train_split=split, max_epochs=EPOCHS), X, Y, store_probabilities=True, **options)
    np.testing.assert_allclose(recorder.epoch_weights_, weights, rtol=1e-4)
    probabilities, margins = averages(visits, weights)
    found = recorder.label_evidence()
    np.testing.assert_allclose(found.probabilities, probabilities, rtol=1e-4)
    np.testing.assert_allclose(found.margins, margins, rtol=1e-4, atol=1e-5)
    assert found.labels.tolist() == Y.tolist()
    if options:
        np.testing.assert_allclose(recorder.sample_metrics_["aum"], margins, rtol=1e-4, atol=1e-5)


def test_all_epochs_count_if_nothing_is_held_out():
    _, visits = train(X, Y, cross_entropies, epochs=4)
    recorder = record(make_net(max_epochs=4), X, Y, store_probabilities=True)
    np.testing.assert_allclose(recorder.class_probabilities_, averages(visits, np.ones(4))[0], rtol=1e-5)
    assert not hasattr(recorder, "epoch_weights_")


def test_one_output_for_two_classes_has_two_columns():
    y = make_binary()[1]
    net = make_net(NeuralNetBinaryClassifier, "flat", criterion=torch.nn.BCEWithLogitsLoss, train_split=ValidSplit(5))
    recorder = record(net, X, y, store_probabilities=True)
    np.testing.assert_allclose(recorder.class_probabilities_.sum(1), 1, rtol=1e-5)
    assert recorder.recording_.settings.class_entropy == pytest.approx(class_entropy(y))


def test_training_is_the_same_to_the_bit():
    plain, recorded = (make_net(train_split=split) for _ in range(2))
    seed_everything()
    plain.fit(X, Y)
    record(recorded, X, Y, store_probabilities=True)
    assert all(torch.equal(value, tensors_of(recorded)[name]) for name, value in tensors_of(plain).items())


def test_eval_set_is_judged_by_the_same_window():
    recorder = record(make_net(), X, Y, store_probabilities=True, eval_set=(X[:9], Y[:9]))
    seen = recorder.label_evidence("eval")
    assert seen.probabilities.shape == (9, 3)
    assert seen.labels.tolist() == Y[:9].tolist()
    assert recorder.epoch_weights_.tolist() == recorder.recording_.eval_record.epoch_weights().tolist()


@pytest.mark.parametrize(("windowed", "copies"), [(True, 3), (False, 1)])
def test_memory_is_as_stated_and_does_not_grow(windowed, copies):
    state, rows = LabelState(50, 10, torch.device("cpu"), windowed=windowed), torch.arange(50)
    before = state.nbytes
    for epoch in range(1, 9):
        state.update(rows, VisitBatch(torch.zeros(50), torch.randn(50, 10), rows % 10), rows, epoch)
        state.end_epoch(epoch, 1 / epoch)
    # beside the averages: the labels, and the weights of a sample's visits
    assert state.nbytes == before == 50 * (4 * copies * 11 + 4 + 20 * windowed)


def test_too_many_numbers_are_refused_before_the_net_changes(monkeypatch):
    monkeypatch.setattr(label_state, "MAX_BYTES", 100)
    net = make_net(train_split=split)
    net.initialize()
    before = tensors_of(net)
    message = r"3 x 70 samples x 3 classes.*score fewer rows.*store_trajectories=PATH"
    recorder = ActionScoreRecorder(store_probabilities=True)
    with pytest.raises(ValueError, match=message), recorder.watching(net):
        net.partial_fit(X, Y)
    assert all(torch.equal(value, before[name]) for name, value in tensors_of(net).items())


def test_memory_is_logged(caplog):
    with caplog.at_level(logging.INFO, logger="actscore_sk"):
        record(make_net(), X, Y, store_probabilities=True)
    assert "class probabilities: 1 x 70 samples x 3 classes, float32, 0.0 MiB, on cpu" in caplog.messages


def test_states_of_two_processes_add_up_and_go_on():
    settings = RecordSettings(store_probabilities=True, class_entropy=1.1)
    whole, *parts = (ScoreRecord(N, settings) for _ in range(3))
    generator = torch.Generator().manual_seed(0)
    for held_out_loss in (1.0, 0.8, 0.9):
        logits = torch.randn(N, 3, generator=generator)
        for records, rows in (([whole, parts[0]], torch.arange(30)), ([whole, parts[1]], torch.arange(30, N))):
            for each in records:
                each.update(rows, torch.ones(len(rows)), logits[rows], torch.from_numpy(Y)[rows])
        for each in (whole, *parts):
            each.end_epoch(held_out_loss)
    parts[0].merge(parts[1])
    loaded = ScoreRecord(N, settings)
    loaded.load_state_dict(parts[0].state_dict())
    for found, expected in zip(loaded.label_evidence(), whole.label_evidence(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_nets_without_classes_are_refused():
    net = make_net(criterion=torch.nn.MSELoss)
    with pytest.raises(ValueError, match=r"class probabilities need class scores .* and one label per sample"):
        record(net, X, np.zeros((N, 3), np.float32), store_probabilities=True)
