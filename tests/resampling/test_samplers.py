"""Which samples the three samplers choose, and in what shape they give them back."""

import warnings
from collections import namedtuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from estimator_cases import make_data, make_net, make_regression_net
from scipy import sparse
from scipy.stats import rankdata
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNet
from skorch.dataset import ValidSplit
from skorch.helper import SliceDict
from torch import nn
from torch.utils.data import RandomSampler, Subset, TensorDataset

from actscore_sk import (
    ActionScoreClassifier,
    ActionScoreCurriculum,
    ActionScoreEstimator,
    ActionScorePruner,
    ActionScoreRegressor,
    ActionScoreResampler,
)

N = 40
RNG = np.random.default_rng(0)
SCORES = RNG.permutation(N) / 10 + RNG.random(N) / 100  # all different
LABELS = np.array(["cat", "dog", "dog", "dog"] * (N // 4))
ROWS = np.arange(2.0 * N).reshape(N, 2)
SAMPLERS = [ActionScorePruner, ActionScoreCurriculum, ActionScoreResampler]


def chosen(sampler, scores=SCORES, y=LABELS, **params):
    return sampler.fit(np.arange(float(len(scores)))[:, None], y, action_scores=scores, **params).sample_indices_


def dropped(sampler, scores=SCORES, y=LABELS, **params):
    return set(range(len(scores))) - set(chosen(sampler, scores, y, **params))


def top(scores, k):
    """Positions of the k highest."""
    return set(sorted(range(len(scores)), key=lambda i: -scores[i])[:k])


# -- the pruner ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "k"), [(0, 0), (0.1, 4), (0.12, 4), (0.29, 11), (0.975, 39)])
def test_hardest_and_easiest_by_fraction(share, k):
    assert dropped(ActionScorePruner(threshold=share), y=None) == top(SCORES, k)
    assert dropped(ActionScorePruner(threshold=share, strategy="easiest"), y=None) == top(-SCORES, k)


@pytest.mark.parametrize(("n", "share"), [(100, 0.29), (100, 0.57), (10, 0.7), (1000, 0.001), (50, 0.14)])
def test_a_share_that_floats_cannot_hold_is_not_one_sample_short(n, share):
    scores = np.arange(n, dtype=float)
    assert len(dropped(ActionScorePruner(threshold=share), scores, None)) == round(n * share)


@pytest.mark.parametrize(("share", "n_easy", "n_hard"), [(0.1, 2, 2), (0.125, 2, 3), (0.03, 0, 1), (0.975, 19, 20)])
def test_both_ends_the_odd_one_among_the_hardest(share, n_easy, n_hard):
    pruner = ActionScorePruner(threshold=share, strategy="both")
    assert dropped(pruner, y=None) == top(SCORES, n_hard) | top(-SCORES, n_easy)


@pytest.mark.parametrize(
    ("strategy", "threshold", "is_out"),
    [
        ("hardest", 3.0, lambda s: s > 3.0),
        ("easiest", 0.5, lambda s: s < 0.5),
        ("both", (0.5, 3.0), lambda s: (s < 0.5) | (s > 3.0)),
        ("both", [0.5, 3.0], lambda s: (s < 0.5) | (s > 3.0)),
        ("hardest", SCORES[7], lambda s: s > SCORES[7]),
        ("easiest", SCORES[7], lambda s: s < SCORES[7]),
        ("hardest", 99.0, lambda s: s > 99),
    ],
)
def test_by_score_is_a_cutoff_that_keeps_the_limit_itself(strategy, threshold, is_out):
    pruner = ActionScorePruner(strategy=strategy, threshold=threshold, by="score")
    assert dropped(pruner) == set(np.flatnonzero(is_out(SCORES)))
    assert chosen(pruner).tolist() == sorted(chosen(pruner))


def test_by_score_takes_negative_thresholds():
    assert dropped(ActionScorePruner(threshold=-2.0, by="score"), SCORES - 5) == set(np.flatnonzero(SCORES > 3))


def test_random_drops_as_many_as_the_strategy_it_controls():
    scores = np.sort(SCORES)
    cases = [({"threshold": 0.3}, 12), ({"threshold": 3.0, "by": "score"}, np.count_nonzero(scores > 3))]
    for params, k in cases:
        draws = [dropped(ActionScorePruner(strategy="random", random_state=i, **params), scores) for i in range(20)]
        assert {len(draw) for draw in draws} == {k}
        assert len(set(map(frozenset, draws))) > 15
        assert 10 < np.mean([list(draw) for draw in draws]) < 29, "leans to one end of the scores"


@pytest.mark.parametrize("strategy", ["hardest", "easiest"])
def test_class_balanced_drops_the_same_share_of_each_class(strategy):
    sign = 1 if strategy == "hardest" else -1
    scores = SCORES + 10 * (LABELS == "cat")
    expected = set()
    for label in ("cat", "dog"):
        rows = np.flatnonzero(label == LABELS)
        expected |= set(rows[sorted(top(sign * scores[rows], int(0.3 * len(rows))))])
    pruner = ActionScorePruner(strategy=strategy, threshold=0.3, class_balanced=True)
    assert dropped(pruner, scores) == expected
    assert pruner.sampling_strategy_ == {"cat": 7, "dog": 21}


@pytest.mark.parametrize("strategy", ["both", "stratified", "random"])
def test_class_balanced_with_the_other_strategies(strategy):
    pruner = ActionScorePruner(strategy=strategy, threshold=0.3, class_balanced=True, random_state=0)
    chosen(pruner, SCORES + 10 * (LABELS == "cat"))
    assert pruner.sampling_strategy_ == {"cat": 7, "dog": 21}


def coverage_plainly(scores, share, hard_share, n_strata=50):
    """Algorithm 1 of Zheng et al. 2023 on plain lists: the hardest that are cut, and how many stay of each stratum."""
    n_out = int(share * len(scores) + 1e-9)
    hard = top(scores, int(n_out * hard_share + 1e-9))
    left = [i for i in range(len(scores)) if i not in hard]
    low, high = min(scores[left]), max(scores[left])
    strata = [[] for _ in range(n_strata)]
    for i in left:
        strata[min(int((scores[i] - low) / (high - low) * n_strata), n_strata - 1)].append(i)
    strata = sorted((stratum for stratum in strata if stratum), key=len)
    budget, counts = len(scores) - n_out, {}
    for k, stratum in enumerate(strata):
        taken = min(len(stratum), budget // (len(strata) - k))
        counts[frozenset(stratum)] = taken
        budget -= taken
    return hard, counts


@pytest.mark.parametrize("hard_share", [0.0, 1 / 3, 0.5, 1.0])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_stratified_covers_every_stratum(share, hard_share):
    scores = np.random.default_rng(1).exponential(size=200)
    hard, counts = coverage_plainly(scores, share, hard_share)
    pruner = ActionScorePruner(strategy="stratified", threshold=share, hard_share=hard_share, random_state=0)
    kept = set(chosen(pruner, scores, None))
    assert len(kept) == 200 - round(200 * share)
    assert not kept & hard
    assert {stratum: len(kept & stratum) for stratum in counts} == counts


@pytest.mark.parametrize("strategy", ["hardest", "easiest", "both", "stratified", "random"])
def test_equal_scores_drop_no_more_than_asked(strategy):
    assert len(dropped(ActionScorePruner(strategy=strategy, threshold=0.25), np.ones(N))) == 10


@pytest.mark.parametrize("class_balanced", [False, True])
@pytest.mark.parametrize("strategy", ["hardest", "easiest", "both"])
@pytest.mark.parametrize("params", [{"threshold": 0.3}, {"threshold": 0.12}], ids=str)
def test_a_weight_of_two_is_two_samples(strategy, params, class_balanced):
    weights = np.random.default_rng(1).integers(0, 4, size=N).astype(float)
    pruner = ActionScorePruner(strategy=strategy, class_balanced=class_balanced, **params)
    rows = chosen(pruner, sample_weight=weights)
    weighted = np.zeros(N)
    weighted[rows] = pruner.sample_weight_
    copies = np.repeat(np.arange(N), weights.astype(int))
    copies_left = copies[chosen(pruner, SCORES[copies], LABELS[copies])]
    assert weighted.tolist() == np.bincount(copies_left, minlength=N).tolist()
    assert (pruner.fit(ROWS, LABELS, action_scores=SCORES).sample_weight_) is None


@pytest.mark.parametrize("strategy", ["hardest", "both", "stratified", "random"])
def test_fractional_weights_drop_their_share_of_the_sum(strategy):
    weights = np.random.default_rng(1).random(N)
    pruner = ActionScorePruner(strategy=strategy, threshold=0.3, random_state=0)
    rows = chosen(pruner, sample_weight=weights)
    assert pruner.sample_weight_.sum() == pytest.approx(0.7 * weights.sum())
    assert (pruner.sample_weight_ <= weights[rows] + 1e-12).all()
    assert (pruner.sample_weight_ > 0).all()


def test_a_class_without_weight_is_not_missed():
    pruner = ActionScorePruner(threshold=0.2)
    rows = chosen(pruner, sample_weight=(LABELS == "dog").astype(float))
    assert set(LABELS[rows]) == {"dog"}
    assert len(rows) == 24


def test_threshold_auto_runs():
    scores = np.concatenate([SCORES, SCORES[:4] + 50])
    y = np.concatenate([LABELS, LABELS[:4]])
    assert len(chosen(ActionScorePruner(threshold="auto"), scores, y)) <= len(scores)


# -- curriculum and resampler ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "sign"), [("easy_first", 1), ("hard_first", -1)])
def test_curriculum_orders_by_score(order, sign):
    curriculum = ActionScoreCurriculum(order=order)
    weights = RNG.random(N)
    rows = chosen(curriculum, sample_weight=weights)
    assert rows.tolist() == sorted(range(N), key=lambda i: sign * SCORES[i])
    assert curriculum.sample_weight_.tolist() == weights[rows].tolist()
    assert chosen(curriculum, np.ones(N)).tolist() == list(range(N)), "equal scores keep their order"


@pytest.mark.parametrize("order", ["easy_first", "hard_first"])
def test_a_balanced_curriculum_has_all_classes_in_every_part(order):
    scores = SCORES + 10 * (LABELS == "cat")
    rows = chosen(ActionScoreCurriculum(order=order, class_balanced=True), scores)
    for label in ("cat", "dog"):
        mine = rows[LABELS[rows] == label]
        assert mine.tolist() == sorted(mine, key=lambda i: scores[i] * (1 if order == "easy_first" else -1))
    assert [np.count_nonzero(LABELS[part] == "cat") for part in rows.reshape(5, 8)] == [2] * 5


def test_a_random_curriculum_is_a_seeded_permutation():
    one, again, other = (chosen(ActionScoreCurriculum(order="random", random_state=seed)) for seed in (0, 0, 1))
    assert one.tolist() == again.tolist() != other.tolist()
    assert sorted(one) == list(range(N))


FAVOURS = {"hard": lambda u: u, "easy": lambda u: 1 - u, "middle": lambda u: 1 - abs(2 * u - 1)}


@pytest.mark.parametrize("temperature", [0.1, 1.0])
@pytest.mark.parametrize("weighting", FAVOURS)
def test_resampler_draws_by_rank(weighting, temperature):
    ranks = (rankdata(SCORES) - 0.5) / N
    p = np.exp(FAVOURS[weighting](ranks) / temperature)
    expected = np.random.RandomState(3).choice(N, size=N, p=p / p.sum())
    resampler = ActionScoreResampler(weighting=weighting, temperature=temperature, random_state=3)
    assert chosen(resampler).tolist() == expected.tolist()
    assert chosen(resampler, np.exp(SCORES)).tolist() == expected.tolist(), "depends on more than the ranks"


@pytest.mark.parametrize("class_balanced", [False, True])
@pytest.mark.parametrize(("n_samples", "n_drawn"), [(None, N), (13, 13), (100, 100), (0.5, 20), (1.0, N), (2.5, 100)])
def test_resampler_draws_as_many_as_asked(n_samples, n_drawn, class_balanced):
    resampler = ActionScoreResampler(n_samples=n_samples, class_balanced=class_balanced, random_state=0)
    assert len(chosen(resampler)) == n_drawn
    if class_balanced:
        assert resampler.sampling_strategy_["cat"] == pytest.approx(n_drawn / 4, abs=0.51)


def test_resampler_with_many_small_classes_draws_what_was_asked_for():
    y = np.repeat(np.arange(8), 5)
    assert len(chosen(ActionScoreResampler(n_samples=20, class_balanced=True, random_state=0), y=y)) == 20


def test_resampler_takes_a_callable_and_carries_weights():
    resampler = ActionScoreResampler(weighting=lambda scores: scores > 2, random_state=0)
    weights = np.arange(1.0, N + 1)
    rows = chosen(resampler, y=None, sample_weight=weights)
    assert SCORES[rows].min() > 2
    assert resampler.sample_weight_.tolist() == weights[rows].tolist()


# -- kinds of data ---------------------------------------------------------------------------------------------


def table(X):
    columns = {"number": X[:, 0], "text": X[:, 1].astype(str), "flag": X[:, 0] > 20, "count": X[:, 1].astype(np.int16)}
    frame = pd.DataFrame(columns, index=[f"row {i}" for i in range(len(X))])
    return frame.assign(kind=pd.Categorical(frame["text"]), when=pd.Timestamp("2020-01-01"))


Sides = namedtuple("Sides", "left right")
KINDS = {
    "ndarray": lambda X: X.astype(np.float16),
    "images": lambda X: np.repeat(X, 6, axis=1).reshape(len(X), 3, 2, 2),
    "strings": lambda X: X.astype(str),
    "objects": lambda X: np.array([[None, {"a": i}] for i in range(len(X))], dtype=object),
    "list": lambda X: X.tolist(),
    "list of texts": lambda X: [str(x) for x in X[:, 0]],
    "DataFrame": table,
    "Series": lambda X: table(X)["text"],
    "polars": lambda X: pl.from_pandas(table(X)),
    "tensor": torch.as_tensor,
    "dict": lambda X: {"left": X, "right": [str(x) for x in X[:, 0]], "frame": table(X)},
    "SliceDict": lambda X: SliceDict(left=X, right=X[:, 0]),
    "tuple": lambda X: (X, torch.as_tensor(X), sparse.csr_matrix(X)),
    "named tuple": lambda X: Sides(X, X[:, 0]),
    **{
        f"{prefix} {kind}": lambda X, kind=kind, prefix=prefix: getattr(sparse, f"{kind}_{prefix}")(X)
        for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
        for prefix in ("array", "matrix")
    },
}


def plain_rows(data, rows):
    """Rows of one kind of data, by its own means."""
    if isinstance(data, (pd.DataFrame, pd.Series)):
        return data.iloc[rows]
    if isinstance(data, list):
        return [data[i] for i in rows]
    if sparse.issparse(data):
        return type(data)(data.toarray()[rows])
    if isinstance(data, dict):
        return type(data)(**{name: plain_rows(part, rows) for name, part in data.items()})
    if isinstance(data, Sides):
        return Sides(*plain_rows(tuple(data), rows))
    if isinstance(data, tuple):
        return tuple(plain_rows(part, rows) for part in data)
    return data[rows]


def assert_same(one, two):
    assert type(one) is type(two)
    if isinstance(one, (pd.DataFrame, pd.Series)):
        (pd.testing.assert_frame_equal if isinstance(one, pd.DataFrame) else pd.testing.assert_series_equal)(one, two)
    elif isinstance(one, (pl.DataFrame, pl.Series)):
        assert one.equals(two)
        assert getattr(one, "schema", None) == getattr(two, "schema", None)
    elif isinstance(one, dict) and not sparse.issparse(one):
        assert one.keys() == two.keys()
        assert all(assert_same(one[name], two[name]) is None for name in one)
    elif isinstance(one, tuple):
        assert all(assert_same(a, b) is None for a, b in zip(one, two, strict=True))
    elif isinstance(one, list):
        assert one == two
    else:
        assert one.dtype == two.dtype
        one, two = (part.toarray() if sparse.issparse(part) else np.asarray(part) for part in (one, two))
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_come_back_in_the_kind_they_came_in(kind):
    X = KINDS[kind](ROWS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sparse.SparseEfficiencyWarning)
        for sampler in (ActionScorePruner(threshold=0.4), ActionScoreResampler(random_state=0)):
            picked, y = sampler.fit_resample(X, LABELS, action_scores=SCORES)
            assert_same(picked, plain_rows(X, sampler.sample_indices_))
            assert_same(y, LABELS[sampler.sample_indices_])


TARGETS = {
    "ndarray": lambda y: y,
    "list": lambda y: y.tolist(),
    "Series": lambda y: pd.Series(y, index=np.arange(N)[::-1] * 10, name="animal"),
    "categories": lambda y: pd.Series(pd.Categorical(y, categories=["dog", "cat"])),
    "one column": lambda y: pd.DataFrame({"animal": y}),
    "polars": lambda y: pl.Series("animal", y.tolist()),
    "codes": lambda y: (y == "dog").astype(np.uint8),
    "tensor": lambda y: torch.as_tensor(y == "dog").long(),
    "one-hot": lambda y: np.stack([y == "cat", y == "dog"], axis=1).astype(np.float32),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_come_back_in_the_kind_they_came_in(kind):
    y = TARGETS[kind](LABELS)
    pruner = ActionScorePruner(threshold=0.3, class_balanced=True)
    _, kept = pruner.fit_resample(ROWS, y, action_scores=SCORES)
    assert_same(kept, plain_rows(y, pruner.sample_indices_))
    assert pruner.sample_indices_.tolist() == chosen(pruner).tolist()


def test_a_tuple_of_labels_holds_classes():
    pruner = ActionScorePruner(threshold=0.3, class_balanced=True)
    expected = chosen(pruner).tolist()
    assert chosen(pruner, y=tuple(LABELS.tolist())).tolist() == expected


@pytest.mark.parametrize("with_y", [False, True])
def test_a_dataset_comes_back_as_a_subset(with_y):
    codes = np.unique(LABELS, return_inverse=True)[1]
    data = TensorDataset(torch.as_tensor(ROWS), torch.as_tensor(codes))
    pruner = ActionScorePruner(threshold=0.3, class_balanced=True)
    kept, y = pruner.fit_resample(data, codes if with_y else None, action_scores=SCORES)
    assert isinstance(kept, Subset)
    assert pruner.sampling_strategy_ == {0: 7, 1: 21}
    assert [int(label) for _, label in kept] == codes[pruner.sample_indices_].tolist()
    assert y is None if not with_y else y.tolist() == codes[pruner.sample_indices_].tolist()


@pytest.mark.parametrize("make_sampler", SAMPLERS)
def test_inputs_are_left_as_they_are(make_sampler):
    X, y, scores, weights = table(ROWS), pd.Series(LABELS), SCORES.copy(), np.ones(N)
    sampler = make_sampler(random_state=0)
    sampler.fit_resample(X, y, action_scores=scores, sample_weight=weights)
    sampler.action_scores_ += 1
    assert_same(X, table(ROWS))
    assert_same(y, pd.Series(LABELS))
    assert scores.tolist() == SCORES.tolist()
    assert weights.tolist() == [1.0] * N
    assert sampler.n_features_in_ == 6
    assert sampler.feature_names_in_.tolist() == X.columns.tolist()


@pytest.mark.parametrize("make_sampler", SAMPLERS)
def test_fit_chooses_as_fit_resample_does(make_sampler):
    sampler = make_sampler(random_state=0)
    _, y = sampler.fit_resample(ROWS, LABELS, action_scores=SCORES)
    rows, counts = sampler.sample_indices_, sampler.sampling_strategy_
    assert sampler.fit(ROWS, LABELS, action_scores=SCORES) is sampler
    assert sampler.sample_indices_.tolist() == rows.tolist()
    assert rows.dtype == np.int64
    assert counts == {label: y.tolist().count(label) for label in ("cat", "dog")}
    for label in ("cat", "dog"):
        mine = label == LABELS
        np.testing.assert_allclose(sampler.class_ranks_[mine], rankdata(SCORES[mine]) / mine.sum())


# -- scorers ---------------------------------------------------------------------------------------------------

TWO_CLASS_LABELS = {
    "{0, 1}": lambda codes: codes,
    "{-1, 1}": lambda codes: 2 * codes - 1,
    "{1, 2}": lambda codes: codes + 1,
    "floats": lambda codes: codes.astype(float),
    "strings": lambda codes: np.array(["no", "yes"])[codes],
    "objects": lambda codes: np.array(["no", "yes"], dtype=object)[codes],
    "bools": lambda codes: codes.astype(bool),
    "one-hot": lambda codes: np.eye(2, dtype=int)[codes],
    "list": lambda codes: codes.tolist(),
    "column": lambda codes: codes[:, None],
    "Series": lambda codes: pd.Series(codes, index=np.arange(len(codes))[::-1]),
    "polars": lambda codes: pl.Series(codes),
}


@pytest.mark.parametrize("kind", TWO_CLASS_LABELS)
def test_the_names_of_the_classes_do_not_matter(kind):
    X, codes = make_data()
    pruner = ActionScorePruner(make_net(), threshold=0.3, class_balanced=True, random_state=0)
    expected = pruner.fit(X, codes)
    scores, rows = expected.action_scores_, expected.sample_indices_
    _, y = pruner.fit_resample(X, TWO_CLASS_LABELS[kind](codes))
    np.testing.assert_array_equal(pruner.action_scores_, scores)
    assert pruner.sample_indices_.tolist() == rows.tolist()
    np.testing.assert_array_equal(np.asarray(y), np.asarray(TWO_CLASS_LABELS[kind](codes))[rows])


SCORERS = {
    "nothing": (None, lambda: ActionScoreClassifier(random_state=0)),
    "net": (make_net(), lambda: ActionScoreClassifier(make_net(), random_state=0)),
    "estimator": (ActionScoreClassifier(make_net()), lambda: ActionScoreClassifier(make_net(), random_state=0)),
    "own seed": (
        ActionScoreClassifier(make_net(), random_state=5),
        lambda: ActionScoreClassifier(make_net(), random_state=5),
    ),
    "generic net": (
        make_net(NeuralNet, criterion=nn.CrossEntropyLoss),
        lambda: ActionScoreEstimator(make_net(NeuralNet, criterion=nn.CrossEntropyLoss), random_state=0),
    ),
    "pipeline": (
        make_pipeline(StandardScaler(), ActionScoreClassifier(make_net())),
        lambda: make_pipeline(StandardScaler(), ActionScoreClassifier(make_net(), random_state=0)),
    ),
    "search": (
        GridSearchCV(ActionScoreClassifier(make_net()), {"estimator__lr": [0.01, 0.2]}, cv=2),
        lambda: GridSearchCV(ActionScoreClassifier(make_net(), random_state=0), {"estimator__lr": [0.01, 0.2]}, cv=2),
    ),
}


@pytest.mark.parametrize("kind", SCORERS)
def test_scores_are_those_of_the_scorer_alone(kind):
    X, y = make_data()
    estimator, alone = SCORERS[kind][0], SCORERS[kind][1]().fit(X, y)
    pruner = ActionScorePruner(estimator, threshold=0.25, random_state=0).fit(X, y)
    inner = alone
    while not hasattr(inner, "action_scores_"):
        inner = inner.best_estimator_ if hasattr(inner, "best_estimator_") else inner[-1]
    np.testing.assert_array_equal(pruner.action_scores_, inner.action_scores_)
    assert pruner.sample_indices_.tolist() == sorted(set(range(48)) - top(inner.action_scores_, 12))
    assert not hasattr(estimator, "module_"), "the user's own estimator was fitted"


@pytest.mark.parametrize("kind", ["estimator", "pipeline", "search"])
def test_weights_reach_the_net(kind):
    X, y = make_data()
    weights = np.linspace(0.1, 3, 48)
    alone = ActionScoreClassifier(make_net(), random_state=0)
    X = StandardScaler().fit(X, sample_weight=None).transform(X) if kind == "pipeline" else X
    alone.fit(X, y, sample_weight=weights)
    estimator = GridSearchCV(ActionScoreClassifier(make_net()), {"estimator__lr": [0.1]}, cv=2)
    estimator = estimator if kind == "search" else SCORERS[kind][0]
    pruner = ActionScorePruner(estimator, random_state=0).fit(make_data()[0], y, sample_weight=weights)
    np.testing.assert_array_equal(pruner.action_scores_, alone.action_scores_)


def test_samples_held_out_of_training_are_put_on_the_scale_of_the_others():
    X, y = make_data(n_samples=60)
    y = np.where(np.arange(60) % 7 == 0, 1 - y, y)
    net = make_net(train_split=ValidSplit(3), max_epochs=30)
    pruner = ActionScorePruner(net, random_state=0).fit(X, y)
    raw = (
        ActionScoreClassifier(make_net(train_split=ValidSplit(3), max_epochs=30), random_state=0)
        .fit(X, y)
        .action_scores_
    )
    held_out = pruner.estimator_.validation_mask_
    np.testing.assert_array_equal(pruner.estimator_.action_scores_, raw)
    assert held_out.sum() == 20
    np.testing.assert_array_equal(pruner.action_scores_[~held_out], raw[~held_out])
    expected = np.quantile(raw[~held_out], (rankdata(raw[held_out]) - 0.5) / 20)
    np.testing.assert_allclose(pruner.action_scores_[held_out], expected)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("make_scorer", [ActionScoreRegressor, make_regression_net], ids=["default", "net"])
def test_numbers_to_predict(make_scorer, n_outputs):
    X, codes = make_data()
    y = X[:, :1] @ np.ones((1, n_outputs)) + 0.01 * codes[:, None]
    y[7] += 50
    y = (y if n_outputs == 2 else y[:, 0]).astype(np.float32)
    scorer = make_scorer() if make_scorer is ActionScoreRegressor else make_scorer(module__n_outputs=n_outputs)
    pruner = ActionScorePruner(scorer, threshold=0.05, random_state=0)
    _, kept = pruner.fit_resample(X, y)
    assert 7 not in pruner.sample_indices_
    np.testing.assert_array_equal(kept, y[pruner.sample_indices_])
    assert pruner.sampling_strategy_ == {}


def test_whole_numbers_are_no_classes_for_a_regressor():
    X, _ = make_data()
    pruner = ActionScorePruner(ActionScoreRegressor(), threshold=0.9, random_state=0).fit(X, np.arange(48) // 2)
    assert len(pruner.sample_indices_) == 48 - 43


def test_several_labels_with_a_generic_estimator():
    X, codes = make_data()
    y = np.stack([codes, codes * 0 + 1, X[:, 0] > 0], axis=1).astype(np.float32)
    net = make_net(NeuralNet, criterion=nn.BCEWithLogitsLoss, module__n_outputs=3)
    pruner = ActionScorePruner(ActionScoreEstimator(net), threshold=0.25, random_state=0).fit(X, y)
    assert len(pruner.sample_indices_) == 36


@pytest.mark.parametrize("make_sampler", SAMPLERS)
def test_a_seed_makes_two_fits_equal(make_sampler):
    X, y = make_data()
    one, two, other = (make_sampler(make_net(), random_state=seed).fit(X, y) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.action_scores_, two.action_scores_)
    assert one.sample_indices_.tolist() == two.sample_indices_.tolist()
    assert (one.action_scores_ != other.action_scores_).any()
    generator = np.random.RandomState(0)
    first = make_sampler(make_net(), random_state=generator).fit(X, y).action_scores_
    assert (first != make_sampler(make_net(), random_state=generator).fit(X, y).action_scores_).any()


def test_given_scores_need_nothing_but_rows():
    X = pd.DataFrame({"text": ["a", None, "b", "c"] * 10, "number": [np.nan, 1, np.inf, 2] * 10})
    pruner = ActionScorePruner(ActionScoreClassifier(make_net()), threshold=0.25)
    kept, y = pruner.fit_resample(X, None, action_scores=SCORES.tolist())
    assert_same(kept, X.iloc[sorted(set(range(N)) - top(SCORES, 10))])
    assert y is None
    assert pruner.estimator_ is None


def test_parameters_for_the_fit_of_the_scorer():
    X, y = make_data()
    pruner = ActionScorePruner(ActionScoreClassifier(make_net()), random_state=0)
    scaled = pruner.fit(X, y, scale=0.5).action_scores_
    np.testing.assert_array_equal(
        scaled, ActionScoreClassifier(make_net(), random_state=0).fit(X, y, scale=0.5).action_scores_
    )
    assert (scaled != pruner.fit(X, y).action_scores_).any()


# -- errors ----------------------------------------------------------------------------------------------------


def replaced(values, i, value):
    values = np.array(values, dtype=float)
    values[i] = value
    return values


NUMBERS = np.linspace(0, 1, N)
MULTILABEL = np.ones((N, 3), dtype=int)
CAT_IS_HARD = SCORES + 10 * (LABELS == "cat")
ERRORS = {
    "share 1": (ActionScorePruner(threshold=1.0), {}, "threshold=1.0.*at least 0 and below 1"),
    "share below 0": (ActionScorePruner(threshold=-0.1), {}, "threshold=-0.1.*at least 0 and below 1"),
    "per cent": (ActionScorePruner(threshold=5), {}, "threshold=5.*by='score'"),
    "NaN": (ActionScorePruner(threshold=np.nan), {}, "The 'threshold' parameter"),
    "infinite": (ActionScorePruner(threshold=np.inf, by="score"), {}, "The 'threshold' parameter"),
    "text": (ActionScorePruner(threshold="some"), {}, "The 'threshold' parameter"),
    "pair of shares": (ActionScorePruner(threshold=(0.1, 0.2), strategy="both"), {}, "takes a share"),
    "pair for one end": (ActionScorePruner(threshold=(1, 2), by="score"), {}, "takes a pair .* for strategy='both'"),
    "one for both": (ActionScorePruner(threshold=1, by="score", strategy="both"), {}, "takes a pair"),
    "wrong way round": (ActionScorePruner(threshold=(2, 1), by="score", strategy="both"), {}, "low <= high"),
    "three": (ActionScorePruner(threshold=(1, 2, 3), by="score", strategy="both"), {}, "takes a pair"),
    "texts": (ActionScorePruner(threshold=("a", "b"), by="score", strategy="both"), {}, "takes a pair"),
    "stratified by score": (ActionScorePruner(strategy="stratified", by="score"), {}, "need a share: by='fraction'"),
    "balanced by score": (ActionScorePruner(class_balanced=True, by="score"), {}, "need a share: by='fraction'"),
    "strategy": (ActionScorePruner(strategy="worst"), {}, "The 'strategy' parameter"),
    "by": (ActionScorePruner(by="number"), {}, "The 'by' parameter"),
    "hard share": (ActionScorePruner(hard_share=1.1), {}, "The 'hard_share' parameter"),
    "memory": (ActionScorePruner(memory=3), {}, "The 'memory' parameter"),
    "order": (ActionScoreCurriculum(order="easy"), {}, "The 'order' parameter"),
    "weighting": (ActionScoreResampler(weighting="soft"), {}, "The 'weighting' parameter"),
    "temperature": (ActionScoreResampler(temperature=0), {}, "The 'temperature' parameter"),
    "no draws": (ActionScoreResampler(n_samples=0), {}, "The 'n_samples' parameter"),
    "too few scores": (ActionScorePruner(), {"action_scores": SCORES[1:]}, r"shape \(39,\), but X has 40 samples"),
    "a column of scores": (ActionScorePruner(), {"action_scores": SCORES[:, None]}, r"shape \(40, 1\)"),
    "NaN score": (ActionScorePruner(), {"action_scores": replaced(SCORES, 3, np.nan)}, r"NaN or infinite, .* \[3\]"),
    "infinite score": (ActionScorePruner(), {"action_scores": replaced(SCORES, 5, np.inf)}, r"the first at \[5\]"),
    "short y": (ActionScorePruner(), {"y": LABELS[1:]}, "inconsistent numbers of samples"),
    "short weights": (ActionScorePruner(), {"sample_weight": np.ones(3)}, "sample_weight"),
    "negative weights": (ActionScorePruner(), {"sample_weight": replaced(NUMBERS, 0, -1)}, "Negative values"),
    "class lost": (
        ActionScorePruner(threshold=0.25),
        {"action_scores": CAT_IS_HARD},
        "no sample of class 'cat'.* has 10",
    ),
    "class lost by score": (ActionScorePruner(threshold=9, by="score"), {"action_scores": CAT_IS_HARD}, "class 'cat'"),
    **{
        f"class of {name} lost": (
            ActionScorePruner(threshold=0.25),
            {"action_scores": CAT_IS_HARD, "y": (LABELS == "cat").astype(kind).astype(object)},
            f"no sample of class {name}, ",
        )
        for name, kind in (("1", int), ("True", bool))
    },
    "number of a class lost": (
        ActionScorePruner(threshold=0.25),
        {"action_scores": CAT_IS_HARD, "y": (LABELS == "cat") * 1},
        "no sample of class 1, .*class_balanced=True",
    ),
    "nothing left": (ActionScorePruner(threshold=-1, by="score"), {"y": None}, "no sample at all; lower the threshold"),
    "balanced numbers": (ActionScorePruner(class_balanced=True), {"y": NUMBERS}, "class_balanced=True needs classes"),
    "balanced draws": (ActionScoreResampler(class_balanced=True), {"y": NUMBERS}, "class_balanced=True needs classes"),
    "balanced order": (ActionScoreCurriculum(class_balanced=True), {"y": NUMBERS}, "class_balanced=True needs classes"),
    "several labels": (ActionScorePruner(), {"y": MULTILABEL, "action_scores": None}, "ActionScoreEstimator"),
    "numbers for classes": (ActionScorePruner(), {"y": NUMBERS, "action_scores": None}, "ActionScoreRegressor"),
    "weights of another shape": (ActionScoreResampler(weighting=lambda s: s[1:]), {}, "must return 40 weights"),
    "weights below 0": (ActionScoreResampler(weighting=lambda s: s - 1), {}, "at least 0"),
    "weights all 0": (ActionScoreResampler(weighting=lambda s: s * 0), {}, "sets the weight of every sample to 0"),
    "weights of a class 0": (
        ActionScoreResampler(weighting=lambda s: s > 8, class_balanced=True),
        {"action_scores": CAT_IS_HARD},
        "sets all weights of a class to 0",
    ),
    "class never drawn": (ActionScoreResampler(n_samples=1, random_state=0), {}, "draw more samples"),
    "scorer has no scores": (ActionScorePruner(LogisticRegression()), {"action_scores": None}, "no action_scores_"),
    "scorer is a class": (ActionScorePruner(ActionScoreClassifier), {"action_scores": None}, "pass an instance"),
    "scorer is a module": (
        ActionScorePruner(nn.Linear(2, 2)),
        {"action_scores": None},
        "ActionScoreClassifier\\(net\\)",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_error(case):
    sampler, given, message = ERRORS[case]
    given = {"y": LABELS, "action_scores": SCORES, **given}
    with pytest.raises((ValueError, TypeError), match=message):
        sampler.fit_resample(ROWS, **given)


@pytest.mark.filterwarnings("ignore:samples were visited")
def test_samples_that_no_step_saw_have_no_score():
    X, y = make_data()
    net = make_net(iterator_train__drop_last=True, max_epochs=1)
    with pytest.raises(ValueError, match=r"8 of 48 samples were never visited.*\[40, 41, 42, 43, 44\].*drop_last"):
        ActionScorePruner(net, random_state=0).fit(X, y)
    sampler = RandomSampler(range(48), num_samples=20)
    with pytest.raises(ValueError, match="never visited"):
        ActionScoreCurriculum(make_net(iterator_train__sampler=sampler, max_epochs=1), random_state=0).fit(X, y)


def test_scores_in_another_order_than_X_are_refused():
    """A sorted column of `to_frame` has the index of X, and would be taken by position."""
    frame = pd.DataFrame({"a": np.arange(N), "b": 0.0})
    scores = pd.Series(np.arange(N, dtype=float))
    upside_down = scores.sort_values(ascending=False)
    with pytest.raises(ValueError, match=r"index of X in another order.*loc\[X.index\]"):
        ActionScorePruner().fit(frame, LABELS, action_scores=upside_down)
    for fine in (
        scores,
        upside_down.loc[frame.index],
        upside_down.reset_index(drop=True).set_axis(range(99, 99 + N)),
    ):
        ActionScorePruner(class_balanced=True).fit(frame, LABELS, action_scores=fine)


class ScoresTheFirst(BaseEstimator):
    def fit(self, X, y):
        self.action_scores_ = np.arange(3.0)
        return self


@pytest.mark.parametrize("memory", [None, "kept"])
def test_a_scorer_with_too_few_scores_is_refused(memory, tmp_path):
    with pytest.raises(ValueError, match=r"ScoresTheFirst has 3 action_scores_ after fit, but X has"):
        ActionScorePruner(ScoresTheFirst(), memory=memory and str(tmp_path)).fit(np.zeros((N, 2)), LABELS)


@pytest.mark.parametrize("sampler", [ActionScorePruner(), ActionScoreCurriculum(), ActionScoreResampler()])
def test_a_pipeline_of_scikit_learn_says_which_class_does_the_job(sampler):
    X, y = np.zeros((4, 2)), [0, 1, 0, 1]
    with pytest.raises(TypeError, match=rf"end the Pipeline in ResampledClassifier\({type(sampler).__name__}\(\)"):
        make_pipeline(StandardScaler(), sampler, LogisticRegression()).fit(X, y)
    assert not hasattr(sampler, "transform")  # imbalanced-learn's Pipeline refuses a sampler that has one
