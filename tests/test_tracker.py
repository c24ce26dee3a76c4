"""The tracker: equal to the definitions on any visits, and an error for whatever a loop may get wrong."""

import io
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from skorch import NeuralNetClassifier
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import nn

from actscore_sk import (
    ActionScoreClassifier,
    ActionScoreCurriculum,
    ActionScorePruner,
    ActionScoreRecorder,
    ActionScoreRelabeler,
    ActionScoreResampler,
    ActionScoreTracker,
    ActionScoreTransformer,
    NonFiniteLossError,
    ReweightedClassifier,
    SampleLossError,
)
from actscore_sk.inspection import ActionScoreDisplay, ActionScoreReport, TrajectoryDisplay, score_agreement
from actscore_sk.metrics import action_score, get_metric_names
from actscore_sk.metrics.measurements import VisitBatch
from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.metrics.registry import METRICS

ALL = get_metric_names()
N, K, N_HELD_OUT, N_EPOCHS = 12, 3, 3, 12
META = torch.device("meta")  # has shapes and no values: whatever would make the host wait for a device fails on it


@pytest.fixture
def visits():
    """Epochs of visits (index, losses, logits, targets): any order, some samples left out; the last rows held out."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(K, (N,), generator=generator)
    epochs = []
    for _ in range(N_EPOCHS):
        logits = 3 * torch.randn(N, K, generator=generator, dtype=torch.float64)
        losses = nn.functional.cross_entropy(logits, targets, reduction="none")
        index = torch.randperm(N - 1, generator=generator)[:8]  # sample N - 1 is held out, and comes alone
        epochs.append((torch.cat([index, torch.tensor([N - 1])]), losses, logits, targets))
    return epochs


def is_held_out(index):
    return index >= N - N_HELD_OUT


def record(tracker, epochs, keep=None, cuts=(0, 4)):
    """Feed epochs to a tracker, in blocks; `keep` chooses samples, as a shard of the data would."""
    for index, losses, logits, targets in epochs:
        index = index if keep is None else index[keep(index)]
        for held_out in (False, True):
            for block in index[is_held_out(index) == held_out].tensor_split(cuts):
                tracker.update(block, losses[block], logits[block], targets[block], held_out=held_out)
        held_out_loss = losses[is_held_out(torch.arange(N))].mean() if tracker.reduction == "auto" else None
        tracker.end_epoch(held_out_loss=held_out_loss)
    return tracker


def tables(epochs):
    """Values of every measurement, (n_epochs, n_samples), NaN = not visited."""
    values = {name: np.full((len(epochs), N), np.nan) for name in ALL}
    for epoch, (index, losses, logits, targets) in enumerate(epochs):
        batch = VisitBatch(losses[index], logits[index], targets[index])
        for name, metric in METRICS.items():
            values[name][epoch, index] = metric.measurement(batch)
    return values


@pytest.mark.parametrize("reduction", ["sum", "mean", "interpolated"])
def test_scores_equal_the_definitions(visits, reduction):
    tracker, values = record(ActionScoreTracker(N, metrics=ALL, reduction=reduction), visits), tables(visits)
    expected = {name: METRICS[name](values[name]) for name in ALL}
    expected["action_score"] = action_score(values["action_score"], reduction=reduction)
    for name in ALL:
        np.testing.assert_allclose(tracker.sample_metrics_[name], expected[name], rtol=1e-6, atol=1e-8, err_msg=name)
    np.testing.assert_array_equal(tracker.n_visits_, (~np.isnan(values["aum"])).sum(axis=0))


@pytest.mark.parametrize("passed", [True, False])
def test_auto_goes_by_the_held_out_loss_passed_or_seen(visits, passed):
    held_out_losses, tracker = [], ActionScoreTracker(N, reduction="auto")
    for epoch, (index, losses, *_) in enumerate(visits):
        losses = losses / (epoch + 1 if epoch < 3 else 4 - epoch / 4)  # a minimum, and then a rise
        for held_out in (False, True):
            block = index[is_held_out(index) == held_out]
            tracker.update(block, losses[block], held_out=held_out)
        seen = float(losses[index[is_held_out(index)]].mean())
        held_out_losses.append(2 * seen if passed else seen)
        tracker.end_epoch(held_out_loss=2 * seen if passed else None)
    values = tables(
        [(index, losses / (t + 1 if t < 3 else 4 - t / 4), *rest) for t, (index, losses, *rest) in enumerate(visits)]
    )["action_score"]
    expected = action_score(values, reduction="auto", held_out_losses=held_out_losses)
    np.testing.assert_allclose(tracker.action_scores_, expected, rtol=1e-6)
    assert 0 < tracker.epoch_weights_.sum() < N_EPOCHS


def test_what_is_not_a_score_is_known_too(visits):
    tracker = record(ActionScoreTracker(N, store_trajectories=True), visits)
    assert tracker.n_epochs_ == N_EPOCHS
    assert tracker.validation_mask_.tolist() == is_held_out(torch.arange(N)).tolist()
    np.testing.assert_allclose(tracker.trajectories_, tables(visits)["action_score"], rtol=1e-6)
    trained = [(~is_held_out(index)).sum() / (N - N_HELD_OUT) for index, *_ in visits]
    np.testing.assert_allclose(tracker.gradient_work_, trained)


def test_the_frame_has_a_row_per_sample(visits):
    tracker = record(ActionScoreTracker(N + 1, metrics=["aum"]), visits)
    frame = tracker.to_frame()
    assert list(frame) == ["index", "target", "action_score", "aum", "n_visits", "is_validation"]
    assert frame["target"][:N].tolist() == visits[0][3].tolist()
    assert frame["target"].isna().tolist() == [False] * N + [True]


def test_recorder_and_tracker_agree_on_the_same_training():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 4)).astype("float32"), rng.integers(3, size=50)
    module, criterion = nn.Linear(4, 3), nn.CrossEntropyLoss(reduction="none")
    recorder = ActionScoreRecorder(metrics=ALL, store_trajectories=True)
    net = NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, lr=0.1, max_epochs=4, batch_size=16, verbose=0,
        train_split=predefined_split(Dataset(X[:7], y[:7])), callbacks=[("scores", recorder)],
    )  # fmt: skip
    mine = nn.Linear(4, 3)
    mine.load_state_dict(module.state_dict())
    net.fit(X, y)
    tracker, optimizer = (
        ActionScoreTracker(50, metrics=ALL, store_trajectories=True),
        torch.optim.SGD(mine.parameters(), 0.1),
    )
    for _ in range(4):
        for index in torch.arange(50).split(16):
            logits, targets = mine(torch.from_numpy(X)[index]), torch.from_numpy(y)[index]
            losses = criterion(logits, targets)
            optimizer.zero_grad()
            losses.mean().backward()
            optimizer.step()
            tracker.update(index, losses, logits, targets)
        tracker.end_epoch()
    for name in ALL:
        np.testing.assert_allclose(tracker.sample_metrics_[name], recorder.sample_metrics_[name], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(tracker.trajectories_, recorder.trajectories_, rtol=1e-5)


# -- labels ---------------------------------------------------------------------------------------------------


def labelled(n_samples=1200, n_classes=3, rate=0.1):
    """Rows (n, 5) of classes that stand apart, and labels of which some are wrong."""
    rng = np.random.default_rng(0)
    true = rng.integers(n_classes, size=n_samples)
    X = 3 * rng.normal(size=(n_classes, 5))[true] + 0.4 * rng.normal(size=(n_samples, 5))
    return X.astype("float32"), np.where(rng.random(n_samples) < rate, (true + 1) % n_classes, true)


def train_in_a_loop(tracker, module, X, y, held_out, n_epochs, keep=lambda index: index, held_out_losses=None):
    """Train as skorch does; `keep` chooses what the tracker sees of each batch."""
    X, y, optimizer = torch.from_numpy(X), torch.from_numpy(y), torch.optim.SGD(module.parameters(), 0.1)
    for epoch in range(n_epochs):
        for part, is_held_out in ((np.flatnonzero(~held_out), False), (np.flatnonzero(held_out), True)):
            for index in torch.from_numpy(part).split(32):
                logits = module(X[index])
                losses = nn.functional.cross_entropy(logits, y[index], reduction="none")
                if not is_held_out:
                    optimizer.zero_grad()
                    losses.mean().backward()
                    optimizer.step()
                seen = keep(torch.arange(len(index)))
                tracker.update(index[seen], losses[seen], logits[seen], y[index][seen], held_out=is_held_out)
        tracker.end_epoch(None if held_out_losses is None else held_out_losses[epoch])
    return tracker


@pytest.fixture(scope="module")
def judged():
    """A fitted classifier, and a loop that trains the same net on the same batches."""
    X, y = labelled()
    module = nn.Linear(5, 3)
    net = NeuralNetClassifier(module, criterion=nn.CrossEntropyLoss, lr=0.1, max_epochs=12, batch_size=32, verbose=0)
    options = {"store_probabilities": True, "reduction": "auto", "metrics": ["aum"], "refit": False}
    classifier = ActionScoreClassifier(net, **options).fit(X, y)

    def loop(tracker, **options):
        mine = nn.Linear(5, 3)
        mine.load_state_dict(module.state_dict())
        return train_in_a_loop(tracker, mine, X, y, classifier.validation_mask_, 12, **options)

    return X, y, classifier, loop


JUDGED = "wrong_label_scores_", "wrong_label_proba_", "noise_rate_", "noise_rate_interval_", "noise_matrix_"


def judges_alike(one, other):
    for name in (*JUDGED, "class_probabilities_", "action_scores_"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-5, atol=1e-6, err_msg=name)
    for name in ("is_label_issue_", "suggested_labels_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    return True


def judge_of(n_classes=None):
    return ActionScoreTracker(1200, n_classes=n_classes, store_probabilities=True, reduction="auto", metrics=["aum"])


def test_a_loop_judges_labels_as_an_estimator_does(judged):
    _, y, classifier, loop = judged
    tracker = loop(judge_of())
    assert judges_alike(tracker, classifier)
    np.testing.assert_allclose(tracker.epoch_weights_, classifier.epoch_weights_, rtol=1e-5)
    assert 0 < tracker.epoch_weights_[0] < 0.99  # held-out losses are compared with the entropy of classes
    mine, theirs = tracker.label_issues(), classifier.label_issues()
    assert mine.columns.tolist() == theirs.columns.tolist()
    assert mine.index.tolist() == theirs.index.tolist()
    assert mine.sort_index()["given_label"].tolist() == y.tolist()


@pytest.mark.parametrize("metrics", [(), ("aum",)])
def test_scores_do_not_depend_on_the_metrics_beside_them(judged, metrics):
    *_, loop = judged
    scores = loop(ActionScoreTracker(1200, reduction="auto", metrics=metrics)).action_scores_
    np.testing.assert_allclose(scores, judged[2].action_scores_, rtol=1e-5)


def test_labels_are_judged_alike_by_shards_and_after_a_save(judged):
    *_, loop = judged
    losses = np.linspace(1, 0.5, 12)
    whole, *shards = (
        loop(judge_of(), keep=keep, held_out_losses=losses)
        for keep in (lambda i: i, lambda i: i[i % 2 == 0], lambda i: i[i % 2 == 1])
    )
    with pytest.warns(UserWarning, match="only 120 rows were held out"):
        before = shards[0].noise_rate_
    assert judges_alike(shards[0].merge(shards[1]), whole)
    assert before != whole.noise_rate_
    again = judge_of()
    again.load_state_dict(whole.state_dict())
    assert judges_alike(again, whole)
    assert again.classes_.tolist() == [0, 1, 2]


def test_losses_of_another_kind_have_no_entropy_to_compare_with(judged):
    *_, loop = judged
    tracker, update = judge_of(), ActionScoreTracker.update
    tracker.update = lambda index, losses, *args, **options: update(tracker, index, losses / 2, *args, **options)
    assert loop(tracker).epoch_weights_[0] == 1


def test_what_judges_nothing_says_why():
    tracker = ActionScoreTracker(4, store_probabilities=True)
    with pytest.raises(AttributeError, match="no scores yet"):
        tracker.label_issues()
    with pytest.raises(SampleLossError, match="class probabilities need class scores and labels of every visit"):
        tracker.update([0], [1.0])
    with pytest.raises(AttributeError, match="no classes yet"):
        _ = tracker.classes_
    tracker.update([0, 1, 2], torch.ones(3), torch.eye(3), [0, 1, 2])
    with pytest.raises(ValueError, match="trained on all rows"):
        tracker.label_issues()
    with pytest.raises(AttributeError, match="no eval_set"):
        tracker.label_issues("eval")
    plain = ActionScoreTracker(4)
    plain.update([0], [1.0])
    with pytest.raises(AttributeError, match="store_probabilities=True"):
        plain.label_issues()


def test_too_many_probabilities_are_refused_at_the_first_batch():
    tracker = ActionScoreTracker(10**9, store_probabilities=True)
    for _ in range(2):
        with pytest.raises(ValueError, match="at most 4 GiB are kept"):
            tracker.update([0], [1.0], torch.ones(1, 2), [0])
    with pytest.raises(AttributeError, match="no scores yet"):
        _ = tracker.action_scores_


# -- to go on elsewhere ---------------------------------------------------------------------------------------


def equal(one, other):
    for name, scores in one.sample_metrics_.items():
        np.testing.assert_allclose(scores, other.sample_metrics_[name], rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_array_equal(one.n_visits_, other.n_visits_)
    np.testing.assert_array_equal(one.trajectories_, other.trajectories_)
    np.testing.assert_allclose(one.gradient_work_, other.gradient_work_)
    assert one.to_frame().equals(other.to_frame()) or one.n_visits_.min() == 0
    return True


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_shards_merge_to_the_whole(visits, reduction):
    options = {"metrics": ALL, "reduction": reduction, "store_trajectories": True}
    whole = record(ActionScoreTracker(N, **options), visits)
    shards = [record(ActionScoreTracker(N, **options), visits, lambda i, r=r: i % 3 == r) for r in (1, 2, 0)]
    merged = shards[0].merge(shards[1]).merge(shards[2])
    assert merged is shards[0]
    np.testing.assert_array_equal(merged.validation_mask_, whole.validation_mask_)
    assert equal(merged, whole)


def test_trajectories_in_files_merge(visits, tmp_path):
    whole = record(ActionScoreTracker(N, store_trajectories=True), visits)
    one, two = (
        record(ActionScoreTracker(N, store_trajectories=tmp_path / f"{r}.npy"), visits, lambda i, r=r: i % 2 == r)
        for r in (0, 1)
    )
    assert equal(one.merge(two), whole)
    np.testing.assert_array_equal(np.load(tmp_path / "0.npy"), whole.trajectories_)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("n", "mid_epoch"), [(6, False), (6, True)])
def test_a_saved_state_goes_on_as_if_nothing_had_been(visits, reduction, n, mid_epoch):
    make = lambda: ActionScoreTracker(N, metrics=ALL, reduction=reduction, store_trajectories=True)  # noqa: E731
    whole, first, buffer = make(), record(make(), visits[:n]), io.BytesIO()
    record(whole, visits[:n])
    early = visits[n][0][:6][~is_held_out(visits[n][0][:6])]
    batch = early, *(part[early] for part in visits[n][1:])
    for tracker in (whole, first) if mid_epoch else ():
        tracker.update(*batch)
    torch.save(first.state_dict(), buffer)
    record(first, visits[n : n + 1])  # the saved state does not follow
    buffer.seek(0)
    second = make()
    second.load_state_dict(torch.load(buffer, weights_only=True))
    assert equal(record(second, visits[n:]), record(whole, visits[n:]))


def test_a_saved_state_is_that_of_the_tracker_which_has_loaded_it(visits):
    make = lambda: ActionScoreTracker(N, n_classes=K, store_probabilities=True, reduction="auto")  # noqa: E731
    first, second = record(make(), visits[:1]), make()
    second.load_state_dict(first.state_dict())
    mine, its = (repr(tracker.state_dict()) for tracker in (second, first))
    assert mine == its


@pytest.mark.filterwarnings("ignore:.*holds trajectories of an earlier run")
def test_a_saved_state_has_the_trajectories_of_a_file(visits, tmp_path):
    tracker = record(ActionScoreTracker(N, store_trajectories=tmp_path / "rows.npy"), visits[:5])
    state, expected = tracker.state_dict(), np.array(tracker.trajectories_)
    again = ActionScoreTracker(N, store_trajectories=tmp_path / "rows.npy")
    again.load_state_dict(state)
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), expected)
    assert len(record(again, visits[5:]).trajectories_) == N_EPOCHS


def test_a_pickled_tracker_goes_on(visits):
    options = {"metrics": ALL, "reduction": "interpolated", "store_trajectories": True}
    first = record(ActionScoreTracker(N, **options), visits[:5])
    again = pickle.loads(pickle.dumps(first))
    assert equal(record(again, visits[5:]), record(first, visits[5:]))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"reduction": "mean"}, "reduction sum and mean"),
        ({"metrics": ["aum"]}, r"metrics \['action_score'\] and \['action_score', 'aum'\]"),
        ({"store_trajectories": True}, "only one of the records has trajectories"),
    ],
)
def test_unlike_trackers_do_not_merge(visits, options, match):
    one, other = record(ActionScoreTracker(N), visits[:1]), record(ActionScoreTracker(N, **options), visits[:1])
    with pytest.raises(ValueError, match=match):
        one.merge(other)


def test_trackers_of_different_epochs_or_windows_do_not_merge(visits):
    with pytest.raises(ValueError, match="epoch 2 and 3"):
        record(ActionScoreTracker(N), visits[:1]).merge(record(ActionScoreTracker(N), visits[:2]))
    one, other = (record(ActionScoreTracker(N, reduction="auto"), [visits[t]]) for t in (0, 1))
    with pytest.raises(ValueError, match="pass the same held_out_loss to end_epoch of both"):
        one.merge(other)
    with pytest.raises(ValueError, match="has seen no batch"):
        one.merge(ActionScoreTracker(N))


def test_states_of_others_are_refused(visits):
    state = record(ActionScoreTracker(N), visits[:1]).state_dict()
    with pytest.raises(ValueError, match="n_samples=12, expected 5"):
        ActionScoreTracker(5).load_state_dict(state)
    with pytest.raises(ValueError, match=r"expected the state_dict\(\) of an ActionScoreTracker"):
        ActionScoreTracker(5).load_state_dict(nn.Linear(1, 1).state_dict())


# -- what loops pass ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [[2, 0], np.array([2, 0], np.uint8), torch.tensor([2, 0], dtype=torch.int16)])
@pytest.mark.parametrize("losses", [[1.5, 0.5], np.array([1.5, 0.5], np.float32), torch.tensor([1.5, 0.5]).bfloat16()])
def test_any_integers_and_any_floats(index, losses):
    tracker = ActionScoreTracker(3)
    tracker.update(index, losses)
    np.testing.assert_array_equal(tracker.action_scores_, [0.5, np.nan, 1.5])


def test_losses_keep_their_gradient_and_the_tracker_no_graph():
    weight = torch.ones(2, requires_grad=True)
    losses, tracker = 2 * weight, ActionScoreTracker(2, metrics=ALL)
    tracker.update([0, 1], losses, torch.stack([weight, -weight], 1), [0, 1])
    losses.sum().backward()
    assert weight.grad.tolist() == [2, 2]
    assert pickle.loads(pickle.dumps(tracker)).action_scores_.tolist() == [2, 2]


def test_half_precision_logits_count_in_single_precision():
    logits, half, single = 5 * torch.randn(4, 3).half(), *(ActionScoreTracker(4, metrics=["el2n"]) for _ in range(2))
    for tracker, scores in ((half, logits), (single, logits.float())):
        tracker.update(range(4), torch.ones(4), scores, [0, 1, 2, 0])
    np.testing.assert_array_equal(half.sample_metrics_["el2n"], single.sample_metrics_["el2n"])


def test_what_a_loop_does_with_its_losses_later_does_not_count():
    losses, index, tracker = torch.ones(2), torch.tensor([0, 1]), ActionScoreTracker(2)
    tracker.update(index, losses)
    losses *= 5
    index += 1
    assert tracker.action_scores_.tolist() == [1, 1]


def test_many_batches_are_evaluated_before_the_epoch_ends(monkeypatch):
    monkeypatch.setattr("actscore_sk.recording.loop_buffer.CAPACITY", 8)
    tracker = ActionScoreTracker(4, metrics=["forgetting"])
    for right in (0, 1, 0, 0, 1, 1, 0, 0):  # right three times, and lost twice
        tracker.update([2], torch.ones(1), torch.eye(2)[right : right + 1], [1])
    assert len(tracker._loop._buffer._held) == 1
    assert tracker.sample_metrics_["forgetting"][2] == 2
    assert tracker.n_visits_.tolist() == [0, 0, 8, 0]


def test_loops_may_validate_in_inference_mode_first():
    tracker = ActionScoreTracker(4, metrics=ALL, reduction="interpolated")
    for _ in range(2):
        with torch.inference_mode():
            tracker.update([3], torch.ones(1), torch.eye(3)[:1], [0], held_out=True)
        tracker.update([0, 1], torch.ones(2), torch.eye(3)[:2], [0, 0])
        with torch.inference_mode():
            tracker.end_epoch()
    assert tracker.action_scores_[[0, 1, 3]].tolist() == [2, 2, 2]


def test_an_empty_batch_is_no_visit():
    tracker = ActionScoreTracker(3)
    tracker.update([], torch.zeros(0))
    with pytest.raises(ValueError, match="epoch 1 ends without an update"):
        tracker.end_epoch()


WRONG = {
    "losses has shape ()": ([0, 1], torch.tensor(0.5)),
    "losses has shape (2, 1); expected one loss per sample": ([0, 1], torch.ones(2, 1)),
    "losses has dtype torch.int64; expected floating": ([0, 1], [1, 0]),
    "losses is a list that is no array of numbers": ([0, 1], [[1.0], [1.0, 2.0]]),
    "index has shape (3,), but there are 2 losses": ([0, 1, 2], torch.ones(2)),
    "index has dtype torch.float64; expected whole numbers": ([0.0, 1.0], torch.ones(2)),
    "index has dtype torch.bool; expected whole numbers": (torch.tensor([True, False]), torch.ones(2)),
    "index holds [9, -1], but there are 3 samples": ([9, 1, -1], torch.ones(3)),
    "targets has shape (2, 3), but there are 2 losses": ([0, 1], torch.ones(2), torch.ones(2, 3), torch.eye(3)[:2]),
    "targets has dtype torch.float32; expected whole": ([0, 1], torch.ones(2), torch.ones(2, 3), torch.ones(2)),
    "targets holds [-100, 3], but there are 3 classes": ([0, 1], torch.ones(2), torch.ones(2, 3), [-100, 3]),
    "logits has shape (2, 4); expected (2, 3)": ([0, 1], torch.ones(2), torch.ones(2, 4), [0, 1]),
    "logits has shape (3, 3); expected (2, 3)": ([0, 1], torch.ones(2), torch.ones(3, 3), [0, 1]),
    "logits has dtype torch.int64; expected floating": ([0, 1], torch.ones(2), torch.ones(2, 3).long(), [0, 1]),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_batch_is_refused_at_once_and_leaves_no_trace(text):
    tracker = ActionScoreTracker(3, n_classes=3, metrics=ALL)
    tracker.update([0], torch.ones(1), torch.eye(3)[:1], [0])
    before = pickle.dumps(tracker.sample_metrics_)
    index, losses, *classes = WRONG[text]
    classes = classes or [torch.ones(len(index), 3), [0] * len(index)]
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below, in full
        tracker.update(index, losses, *classes)
    assert text in str(caught.value)
    assert pickle.dumps(tracker.sample_metrics_) == before
    assert tracker.n_visits_.tolist() == [1, 0, 0]


def test_one_logit_per_sample_is_no_class_score():
    with pytest.raises(ValueError, match="logits has one column"):
        ActionScoreTracker(2, metrics=["aum"]).update([0], [1.0], torch.ones(1, 1), [0])


@pytest.mark.parametrize("given", [{}, {"logits": torch.eye(2)}, {"targets": [0, 1]}])
def test_a_metric_of_classes_needs_them(given):
    with pytest.raises(SampleLossError, match="aum need class scores and labels of every visit"):
        ActionScoreTracker(2, metrics=["aum"]).update([0, 1], torch.ones(2), **given)


def test_classes_come_always_or_never():
    without, with_classes = (ActionScoreTracker(2, metrics=["variability"]) for _ in range(2))
    without.update([0], [1.0])
    with pytest.raises(SampleLossError, match="not with earlier batches"):
        without.update([0], [1.0], torch.eye(2)[:1], [0])
    with_classes.update([0], [1.0], torch.eye(2)[:1], [0])
    with pytest.raises(SampleLossError, match="no logits and no targets"):
        with_classes.update([0], [1.0])


def test_a_loss_that_is_not_finite_is_refused_at_once():
    tracker = ActionScoreTracker(5)
    tracker.update([4], [1.0])
    with pytest.raises(NonFiniteLossError, match=r"infinite in epoch 1, first for the samples at positions \[2, 0\]"):
        tracker.update([2, 1, 0], [np.nan, 1.0, np.inf])
    assert tracker.n_visits_.tolist() == [0, 0, 0, 0, 1]


def test_a_sample_is_held_out_or_trained_on():
    for first in (False, True):
        tracker = ActionScoreTracker(4)
        tracker.update([0, 1], torch.ones(2), held_out=first)
        tracker.update([1, 2], torch.ones(2), held_out=not first)
        with pytest.raises(ValueError, match=r"positions \[1\] came with held_out=True and without"):
            tracker.end_epoch()


def test_auto_without_held_out_samples_is_an_error():
    tracker = ActionScoreTracker(2, reduction="auto")
    tracker.update([0, 1], torch.ones(2))
    with pytest.raises(ValueError, match="goes by the loss of held-out samples, and none came in epoch 1"):
        tracker.end_epoch()
    tracker.end_epoch(held_out_loss=0.5)
    assert tracker.n_epochs_ == 1


@pytest.mark.parametrize(
    "options",
    [
        {"n_samples": 0},
        {"n_samples": 2.5},
        {"n_classes": 1},
        {"metrics": "aum"},
        {"metrics": ["x"]},
        {"reduction": 1},
    ],
)
def test_parameters_are_checked_before_training(options):
    with pytest.raises(ValueError, match=r"expected|unknown metric 'x'"):
        ActionScoreTracker(**{"n_samples": 3} | options)


# -- devices --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_an_update_never_waits_for_the_device(reduction):
    options = {"store_trajectories": True, "store_probabilities": True}
    tracker = ActionScoreTracker(5, metrics=ALL, reduction=reduction, **options)
    batch = torch.ones(3, device=META), torch.ones(3, 2, device=META), torch.ones(3, dtype=torch.int64, device=META)
    for index in (torch.arange(3), torch.arange(3, device=META)):
        tracker.update(index, *batch)
        tracker.update(index, *batch, held_out=True)
    assert tracker._current_record().state.visits.device == META


def test_a_state_from_the_cpu_moves_to_the_device_of_the_losses():
    tracker = ActionScoreTracker(5, metrics=ALL)
    tracker.update([0], torch.ones(1), torch.eye(2)[:1], [0])
    tracker.update([1], torch.ones(1), torch.eye(2)[:1], [0], held_out=True)
    tracker.update([2], torch.ones(1, device=META), torch.ones(1, 2, device=META), [0])
    record = tracker._current_record()
    assert {part.device for part in (record.state.visits, record.held_out, record.targets)} == {META}


def test_rows_out_of_range_on_a_device_are_named_when_the_epoch_ends(monkeypatch):
    # As if the CPU were a device that is not to be waited for.
    monkeypatch.setattr(torch.Tensor, "is_cpu", property(lambda tensor: False))
    tracker = ActionScoreTracker(5)
    tracker.update(torch.tensor([1, 5, -7, 2]), torch.ones(4))
    tracker.update(torch.tensor([8]), torch.ones(1))
    for call in (tracker.end_epoch, tracker.state_dict):
        with pytest.raises(ValueError, match=r"index holds \[5, -7\], but there are 5 samples"):
            call()


# -- whatever takes scores takes a tracker --------------------------------------------------------------------


@pytest.fixture
def tracked():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(2, size=60)
    tracker = ActionScoreTracker(60, metrics=["confidence"], store_trajectories=True)
    for _ in range(3):
        losses = torch.from_numpy(rng.exponential(size=60))
        tracker.update(np.arange(48), losses[:48], torch.randn(48, 2), y[:48])
        tracker.update(np.arange(48, 60), 9 + losses[48:], torch.randn(12, 2), y[48:], held_out=True)
        tracker.end_epoch()
    return X, y, tracker


def test_a_sampler_takes_a_tracker_for_a_scorer(tracked):
    X, y, tracker = tracked
    pruner = clone(ActionScorePruner(tracker, threshold=0.25, strategy="hardest"))
    pruner.fit_resample(X, y)
    trained = tracker.action_scores_[:48]
    np.testing.assert_array_equal(pruner.action_scores_[:48], trained)
    assert pruner.action_scores_[48:].max() <= trained.max()  # validation losses, by their ranks
    for sampler in (ActionScoreCurriculum(tracker), ActionScoreResampler(tracker)):
        sampler.fit_resample(X, y)
        np.testing.assert_array_equal(sampler.action_scores_, pruner.action_scores_)


def test_weights_and_features_come_from_a_tracker(tracked):
    X, y, tracker = tracked
    assert ReweightedClassifier(LogisticRegression(), scorer=tracker).fit(X, y).scorer_ is None
    transformer = ActionScoreTransformer(tracker).fit(X, y)
    assert transformer.transform(X).shape == (60, 1)
    given = ActionScoreTransformer().fit(X, y, action_scores=tracker.action_scores_)
    np.testing.assert_array_equal(given.action_scores_[:48], transformer.action_scores_[:48])


def test_whatever_acts_on_labels_takes_a_tracker(judged):
    X, y, classifier, loop = judged
    tracker, names = loop(judge_of()), np.array(["cat", "dog", "owl"])
    pruner = ActionScorePruner(tracker, threshold="auto", strategy="hardest").fit(X, y)
    np.testing.assert_array_equal(pruner.sample_indices_, np.flatnonzero(~classifier.is_label_issue_))
    for labels in (y, names[y]):
        relabeler = ActionScoreRelabeler(tracker)
        _, changed = relabeler.fit_resample(X, labels)
        np.testing.assert_array_equal(relabeler.is_relabeled_, classifier.is_label_issue_)
        expected = np.where(classifier.is_label_issue_, classifier.suggested_labels_, y)
        np.testing.assert_array_equal(changed, expected if labels is y else names[expected])
    trusting = ReweightedClassifier(LogisticRegression(), scorer=tracker, weighting="trust").fit(X, y)
    flagged = classifier.is_label_issue_
    assert trusting.sample_weight_[flagged].mean() < 0.3 * trusting.sample_weight_[~flagged].mean()


def test_a_tracker_that_cannot_judge_these_labels_is_refused(judged, tracked):
    X, y, _, loop = judged
    with pytest.raises(ValueError, match=r"other labels than y, first for the samples at positions \[0, 1"):
        ActionScoreRelabeler(loop(judge_of())).fit_resample(X, (y + 1) % 3)
    X, y, tracker = tracked
    for acts in (
        ActionScoreRelabeler(tracker).fit_resample,
        ReweightedClassifier(LogisticRegression(), scorer=tracker, weighting="trust").fit,
    ):
        with pytest.raises(TypeError, match=r"ActionScoreTracker cannot judge labels: .* store_probabilities=True"):
            acts(X, y)


def test_a_tracker_of_other_samples_or_of_none_is_refused(tracked):
    X, y, tracker = tracked
    with pytest.raises(ValueError, match=r"shape \(60,\), but X has 50 samples"):
        ActionScorePruner(tracker).fit_resample(X[:50], y[:50])
    with pytest.raises(NotFittedError, match="call its update and its end_epoch in"):
        ActionScorePruner(ActionScoreTracker(60)).fit_resample(X, y)


def test_displays_and_the_report_take_a_tracker(tracked):
    _, y, tracker = tracked
    assert ActionScoreDisplay.from_estimator(tracker, y).frame()["n"].sum() == 60
    assert TrajectoryDisplay.from_estimator(tracker) is not None
    assert len(score_agreement(tracker)) == 1
    page = ActionScoreReport.from_estimator(tracker).html()
    assert "confidence" in page
    assert "Epochs" in page


def test_a_loop_may_use_the_memory_of_its_losses_again():
    tracker, losses = ActionScoreTracker(3), torch.empty(3, dtype=torch.float64)
    for step in (1.0, 2.0, 4.0):
        tracker.update(torch.arange(3), losses.fill_(step))
    losses.fill_(torch.nan)
    tracker.end_epoch()
    assert tracker.action_scores_.tolist() == [7.0] * 3


def test_a_tracker_shows_how_it_was_made_and_how_far_it_is():
    tracker = ActionScoreTracker(3, reduction="mean")
    assert repr(tracker) == "ActionScoreTracker(3, reduction='mean')"
    tracker.update([0, 1], [1.0, 2.0])
    tracker.end_epoch()
    assert repr(tracker) == "ActionScoreTracker(3, reduction='mean'): 1 closed epoch"


def test_a_tracker_does_not_merge_with_itself(visits):
    tracker = record(ActionScoreTracker(N), visits[:1])
    with pytest.raises(ValueError, match="each visit would count twice"):
        tracker.merge(tracker)


def test_a_state_that_is_refused_changes_nothing(visits):
    tracker = record(ActionScoreTracker(N), visits[:2])
    with pytest.raises(ValueError, match="metrics"):
        tracker.load_state_dict(record(ActionScoreTracker(N, metrics=["aum"]), visits[:1]).state_dict())
    assert len(tracker.gradient_work_) == tracker.n_epochs_ == 2


@pytest.mark.parametrize("flag", [torch.tensor(True), np.True_])
def test_a_flag_of_held_out_samples_may_be_a_scalar(flag):
    tracker = ActionScoreTracker(3)
    tracker.update([0, 1], torch.ones(2), held_out=flag)
    assert tracker.validation_mask_.tolist() == [True, True, False]
    with pytest.raises(ValueError, match="held_out='train'; expected True or False"):
        tracker.update([0], torch.ones(1), held_out="train")


def test_a_held_out_loss_that_is_nan_is_refused():
    tracker = ActionScoreTracker(2, reduction="auto")
    tracker.update([0, 1], torch.ones(2))
    with pytest.raises(ValueError, match="held_out_loss is NaN in epoch 1"):
        tracker.end_epoch(held_out_loss=float("nan"))


@pytest.mark.parametrize("reduction", ["auto", "interpolated"])
def test_scores_of_epochs_need_a_closed_one(reduction):
    tracker = ActionScoreTracker(2, reduction=reduction)
    tracker.update([0, 1], torch.ones(2))
    with pytest.raises(AttributeError, match="goes by closed epochs, and there is none; call end_epoch"):
        _ = tracker.action_scores_
    with pytest.raises(NotFittedError, match="call its update and its end_epoch"):
        ActionScorePruner(tracker).fit_resample(np.zeros((2, 1)), [0, 1])


def test_sums_of_unequal_visits_are_warned_of_where_they_are_used(tracked):
    X, y, tracker = tracked
    tracker.update([0, 1], torch.ones(2), torch.eye(2), [0, 1])
    with pytest.warns(UserWarning, match="visited 3 to 4 times"):
        ActionScorePruner(tracker, threshold=0.5).fit_resample(X, y)
