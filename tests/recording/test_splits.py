"""Which sample is which: positions in splits and subsets, validation, and passes beside the training."""

import numpy as np
import pytest
import torch
from helpers import cross_entropies, make_net, make_vectors, seed_everything, spread, train_plainly
from recorded import N, assert_scores, held_out, record, split, trained
from skorch.callbacks import Callback
from skorch.helper import predefined_split
from torch.utils.data import Dataset, Subset, TensorDataset

from actscore_sk.callbacks import ActionScoreRecorder
from actscore_sk.exceptions import IndexTrackingError

pytestmark = pytest.mark.filterwarnings("ignore:samples were visited")  # it has tests of its own


def chained(dataset, y=None, **kwargs):
    first = Subset(dataset, list(range(N - 1, 19, -1)))  # item i is row N - 1 - i
    return Subset(first, list(range(0, 50, 2))), Subset(Subset(first, [1, 3, 5]), [2, 0])


def from_the_end(dataset, y=None, **kwargs):
    return Subset(dataset, [-1, -5, 3, -70, 4]), Subset(dataset, [-2, 9])


def as_arrays(dataset, y=None, **kwargs):
    return Subset(dataset, np.arange(30, 60)), Subset(dataset, tuple(range(5)))


def of_slices(dataset, y=None, **kwargs):
    kind = type(dataset)
    return kind(dataset.X[50::-2], dataset.y[50::-2]), kind(dataset.X[51:], dataset.y[51:])


class Scaled(Dataset):
    """Changes the samples of another data set, as training samples are augmented."""

    def __init__(self, data, order=slice(None)):
        self.data, self.order = data, np.arange(len(data))[order]

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        X, y = self.data[int(self.order[i])]
        return 1.0 * X, y


def scaled(dataset, y=None, **kwargs):
    return Scaled(Subset(dataset, range(60, 20, -1))), Scaled(Subset(dataset, range(9)))


SPLITS = {
    "around subsets": (scaled, list(range(60, 20, -1)), list(range(9))),
    "slices": (of_slices, list(range(50, -1, -2)), list(range(51, 70))),
    "chain of subsets": (chained, [69 - i for i in range(0, 50, 2)], [64, 68]),
    "negative indices": (from_the_end, [69, 65, 3, 0, 4], [68, 9]),
    "arrays": (as_arrays, list(range(30, 60)), list(range(5))),
    "nothing held out": (lambda dataset, y=None: (Subset(dataset, range(9)), None), list(range(9)), []),
}


@pytest.mark.parametrize("name", SPLITS)
def test_positions_are_those_of_X(name):
    train_split, train, valid = SPLITS[name]
    X, y = make_vectors()
    _, visits = train_plainly(X, y, cross_entropies, train=train, valid=valid or None)
    recorder = record(make_net(train_split=train_split), X, y)
    assert_scores(recorder, visits)
    assert np.flatnonzero(recorder.validation_mask_).tolist() == sorted(valid)


class Backwards(Subset):
    def __getitems__(self, indices):
        return [self.dataset[self.indices[-1 - i]] for i in indices]


MOVED = {
    "Backwards": (lambda dataset, y=None: (Backwards(dataset, range(9)), None), "reads other samples than its indices"),
    "Scaled": (lambda dataset, y=None: (Scaled(dataset, slice(None, None, -1)), None), "is not a part of X"),
}


@pytest.mark.parametrize("name", MOVED)
def test_part_that_moves_samples_is_refused(name):
    train_split, message = MOVED[name]
    with pytest.raises(IndexTrackingError, match=f"a {name} (that )?{message}"):
        record(make_net(train_split=train_split), *make_vectors())


def test_positions_in_a_subset_passed_as_X():
    X, y = make_vectors()
    rows = list(range(60, 20, -1))
    data = Subset(TensorDataset(torch.as_tensor(X), torch.as_tensor(y)), rows)
    _, visits = train_plainly(X[rows], y[rows], cross_entropies, train=list(range(8, 40)), valid=list(range(8)))
    assert_scores(record(make_net(train_split=split), data, None), visits, 40)


def trained_with_validation(X, y, train=None):
    # Validation draws from the random stream, so the plain loop has to validate too, on whatever.
    return [visit for visit in train_plainly(X, y, cross_entropies, train=train, valid=[0])[1] if visit.training]


def test_other_validation_samples_have_no_position():
    X, y = make_vectors()
    other = TensorDataset(*map(torch.as_tensor, make_vectors(20, seed=5)))
    recorder = record(make_net(train_split=predefined_split(other)), X, y)
    assert_scores(recorder, trained_with_validation(X, y))
    assert not recorder.validation_mask_.any()


OVERLAPS = {
    "same": (lambda dataset, y=None: (dataset, dataset), None),
    "some": (lambda dataset, y=None: (dataset, Subset(dataset, range(10))), None),
    "subsets": (lambda dataset, y=None: (Subset(dataset, range(9, 70)), Subset(dataset, range(30, 40))), range(9, 70)),
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_sample_that_is_trained_and_validated_counts_once(name):
    train_split, train = OVERLAPS[name]
    X, y = make_vectors()
    recorder = record(make_net(train_split=train_split), X, y)
    assert_scores(recorder, trained_with_validation(X, y, train=train))
    assert not recorder.validation_mask_.any()


def test_indices_replaced_while_training():
    # Pruning by a callback: later epochs see fewer samples, and each keeps its position.
    class Prune(Callback):
        def on_epoch_begin(self, net, dataset_train=None, **kwargs):
            if len(net.history) == 2:
                dataset_train.indices = dataset_train.indices[::-3]

    X, y = make_vectors()
    rows = list(range(5, 65))
    options = {"train_split": lambda dataset, y=None: (Subset(dataset, rows), None), "callbacks": [("prune", Prune())]}
    count = record(make_net(**options), X, y).n_visits_
    assert np.flatnonzero(count == 2).tolist() == sorted(rows[::-3])
    assert count.sum() == 80


# -- other passes ----------------------------------------------------------------------------------------------


class Evaluate(Callback):
    """Computes, by hand, the losses under the net as it stands at the end of each epoch."""

    def __init__(self, X, y):
        self.X, self.y, self.rows = torch.as_tensor(X), torch.as_tensor(y), []

    def on_epoch_end(self, net, **kwargs):
        modes = [(module, module.training) for module in net.module_.modules()]
        net.module_.eval()
        with torch.no_grad():
            self.rows.append(cross_entropies(net.module_(self.X), self.y).numpy())
        for module, mode in modes:
            module.training = mode


@pytest.mark.parametrize("train_split", [None, split], ids=["all trained", "split"])
def test_epoch_end_recording_equals_a_pass_by_hand(train_split):
    X, y = make_vectors()
    net = make_net(kind="noisy", train_split=train_split, max_epochs=3)
    seed_everything()
    by_hand = Evaluate(X, y)
    recorder = ActionScoreRecorder(recording="epoch_end", store_trajectories=True, metrics=("variability",))
    net.set_params(callbacks=[("scores", recorder), ("by_hand", by_hand)]).fit(X, y)
    np.testing.assert_allclose(recorder.trajectories_, by_hand.rows, rtol=1e-5)
    np.testing.assert_allclose(recorder.action_scores_, np.sum(by_hand.rows, axis=0), rtol=1e-6)
    assert recorder.n_visits_.tolist() == [3] * N
    assert recorder.validation_mask_.sum() == (0 if train_split is None else 14)


@pytest.mark.parametrize("recording", ["training", "epoch_end"])
@pytest.mark.parametrize("form", ["tuple", "Dataset"])
def test_eval_set(form, recording):
    X, y = make_vectors()
    held = make_vectors(25, seed=5)
    by_hand = Evaluate(*held)
    eval_set = held if form == "tuple" else TensorDataset(*map(torch.as_tensor, held))
    net = make_net(kind="noisy", callbacks=[("by_hand", by_hand)])
    recorder = record(net, X, y, eval_set=eval_set, recording=recording)
    np.testing.assert_allclose(recorder.eval_action_scores_, np.sum(by_hand.rows, axis=0), rtol=1e-6)
    assert recorder.n_visits_.tolist() == [2] * N
    net.partial_fit(X, y)
    np.testing.assert_allclose(recorder.eval_action_scores_, np.sum(by_hand.rows, axis=0), rtol=1e-6)


def test_two_recorders_on_one_net():
    X, y = make_vectors()
    second, by_hand = ActionScoreRecorder(recording="epoch_end"), Evaluate(X, y)
    net = make_net(kind="noisy", callbacks=[("second", second), ("by_hand", by_hand)])
    first = record(net, X, y)
    assert_scores(first, train_plainly(X, y, cross_entropies, kind="noisy")[1])
    np.testing.assert_allclose(second.action_scores_, np.sum(by_hand.rows, axis=0), rtol=1e-6)


@pytest.mark.parametrize("store", [True, "path"])
def test_trajectories(store, tmp_path):
    X, y = make_vectors()
    path = tmp_path / "losses.npy"
    _, visits = train_plainly(X, y, cross_entropies, train=trained[:-9], valid=held_out)
    net = make_net(train_split=lambda data, y=None: (Subset(data, trained[:-9]), Subset(data, held_out)))
    recorder = record(net, X, y, store_trajectories=path if store == "path" else store)
    expected = spread(visits, [visit.losses for visit in visits], N)
    np.testing.assert_allclose(recorder.trajectories_, expected, rtol=1e-6)
    assert recorder.trajectories_.dtype == np.float32
    if store == "path":
        np.testing.assert_allclose(np.load(path), expected, rtol=1e-6)


def test_without_trajectories_or_eval_set():
    recorder = record(make_net(), *make_vectors())
    with pytest.raises(AttributeError, match="store_trajectories=True"):
        _ = recorder.trajectories_
    with pytest.raises(AttributeError, match="no eval_set was scored"):
        _ = recorder.eval_action_scores_
