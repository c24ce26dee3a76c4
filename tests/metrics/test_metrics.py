"""Folds against definitions, the exact identities between metrics, and the table."""

import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from actscore_sk.metrics import definitions, measurements
from actscore_sk.metrics.deviation import Std
from actscore_sk.metrics.forgetting_events import Forgetting
from actscore_sk.metrics.measurements import VisitBatch
from actscore_sk.metrics.registry import METRICS, Metric, get_metric, get_metric_names
from actscore_sk.metrics.statistics import EarlyMean, Mean, Sum

CPU = torch.device("cpu")
quick = settings(deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)

STATISTICS: dict[str, tuple[Any, Any]] = {
    "sum": (Sum, definitions.action_score),
    "mean": (Mean, definitions.aum),
    "std": (Std, definitions.variability),
    "forgetting": (Forgetting, definitions.forgetting),
    "early_mean": (partial(EarlyMean, n_epochs=2), definitions.el2n),
}


def stream(statistic, epochs, n_samples, rng):
    """Feed each epoch's visits [(sample, value), ...] in blocks of random size; give n_visits."""
    n_visits = torch.zeros(n_samples, dtype=torch.int64)
    for epoch, visits in enumerate(epochs, start=1):
        cuts = np.sort(rng.integers(0, len(visits) + 1, size=3))
        for block in np.split(np.array(visits, dtype=float).reshape(-1, 2), cuts):
            index = torch.tensor(block[:, 0], dtype=torch.int64)
            statistic.update(index, torch.tensor(block[:, 1]), n_visits[index], epoch)
            n_visits += torch.bincount(index, minlength=n_samples)
    return n_visits


def draw_value(rng, name):
    return float(rng.integers(2)) if name == "forgetting" else rng.normal(3.0, 2.0)


@pytest.mark.parametrize("name", STATISTICS)
@quick
@given(seed=seeds, n_epochs=st.integers(0, 5), n_samples=st.integers(1, 6), repeats=st.booleans())
def test_statistic_equals_definition(name, seed, n_epochs, n_samples, repeats):
    # Any order, any cut into blocks, missing visits and, with replacement, several visits in one block.
    rng = np.random.default_rng(seed)
    make_statistic, definition = STATISTICS[name]
    epochs = [
        [
            (sample, draw_value(rng, name))
            for sample in rng.choice(n_samples, size=rng.integers(0, n_samples + 1), replace=repeats)
        ]
        for _ in range(n_epochs)
    ]
    statistic = make_statistic(n_samples, CPU)
    n_visits = stream(statistic, epochs, n_samples, rng)

    counted = epochs[:2] if name == "early_mean" else epochs
    visits = [[value for epoch in counted for i, value in epoch if i == sample] for sample in range(n_samples)]
    table = np.full((max(map(len, visits)), n_samples), np.nan)
    for sample, values in enumerate(visits):
        table[: len(values), sample] = values
    options = {"k": len(table)} if name == "early_mean" else {}
    expected = definition(table, **options)

    scores = statistic.compute(n_visits)
    assert scores.dtype == torch.float64
    np.testing.assert_allclose(scores.numpy(), expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("name", STATISTICS)
def test_results_are_independent_and_memory_is_constant(name):
    statistic = STATISTICS[name][0](4, CPU)
    before = statistic.nbytes
    block = torch.tensor([2, 2, 0]), torch.tensor([1.0, 0.0, 0.0]), torch.zeros(3, dtype=torch.int64)
    statistic.update(*block, epoch=1)
    n_visits = torch.tensor([1, 0, 2, 0])
    expected = statistic.compute(n_visits)
    kept = expected.clone()
    # A second computation must not see what the first one did to its result.
    statistic.compute(n_visits).fill_(7.0)
    torch.testing.assert_close(statistic.compute(n_visits), expected, equal_nan=True)
    statistic.update(block[0], 5 * block[1] + 1, torch.tensor([2, 2, 1]), epoch=2)
    torch.testing.assert_close(expected, kept, equal_nan=True)  # later visits do not reach what was handed out
    assert statistic.nbytes == before > 0


def test_std_keeps_digits_under_a_large_mean():
    rng = np.random.default_rng(0)
    values = 1e6 + 1e-3 * rng.standard_normal((200, 5))
    statistic = Std(5, CPU)
    index = torch.arange(5)
    for epoch, row in enumerate(values, start=1):
        statistic.update(index, torch.tensor(row), torch.full((5,), epoch - 1), epoch)
    np.testing.assert_allclose(statistic.compute(torch.full((5,), 200)).numpy(), values.std(axis=0), rtol=1e-6)


def test_sums_do_not_drift_in_float32():
    # 0.1 is not exact in float32: a float32 sum of 100,000 of them is off by a percent.
    statistic, index, seen = (
        Sum(1, CPU),
        torch.zeros(1000, dtype=torch.int64),
        torch.zeros(1000, dtype=torch.int64),
    )
    for epoch in range(1, 101):
        statistic.update(index, torch.full((1000,), 0.1), seen, epoch)
    assert statistic.total.item() == pytest.approx(1e4, rel=1e-7)


def test_a_forgotten_sample_differs_from_one_never_learnt():
    table = [[1, 0, np.nan, 1], [np.nan, 0, np.nan, 0], [0, 0, np.nan, 1], [0, np.nan, np.nan, 0]]
    np.testing.assert_array_equal(definitions.forgetting(table), [1, 3, np.nan, 2])


@pytest.mark.parametrize("definition", [metric.definition for metric in METRICS.values()])
def test_definitions_skip_missing_visits(definition):
    # Zero or one for NaN would change every one of them.
    table = np.array([[1.0, np.nan, np.nan], [np.nan, np.nan, 0.0], [0.0, np.nan, 1.0], [1.0, np.nan, 0.0]])
    scores = definition(table)
    assert np.isnan(scores).tolist() == [False, True, False]
    for sample in (0, 2):
        visits = table[~np.isnan(table[:, sample]), sample]
        assert definition(visits[:, None]) == scores[sample]


def test_definitions_name_a_wrong_shape_and_reduction():
    with pytest.raises(ValueError, match=r"\(n_epochs, n_samples\), got 1-D input of shape \(3,\)"):
        definitions.aum([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="reduction='max' is unknown"):
        definitions.action_score([[1.0]], reduction="max")


def draw_run(seed, n_epochs=4, n_samples=6, n_classes=3, spread=4.0):
    """Logits (n_epochs, n_samples, n_classes), labels, and every measurement's values (n_epochs, n_samples)."""
    generator = torch.Generator().manual_seed(seed % 2**31)
    logits = spread * torch.randn(n_epochs, n_samples, n_classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(n_classes, (n_samples,), generator=generator)
    return logits, labels, measure(logits, labels)


def measure(logits, labels):
    outcomes = [VisitBatch(torch.nn.functional.cross_entropy(z, labels, reduction="none"), z, labels) for z in logits]
    return {name: np.stack([m.measurement(o) for o in outcomes]) for name, m in METRICS.items()}


runs = st.builds(draw_run, seeds, st.integers(1, 6), st.integers(1, 6), st.integers(2, 5), st.floats(0.1, 20))


@quick
@given(runs)
def test_identities_between_metrics(run):
    _, _, values = run
    n_epochs = len(values["action_score"])
    total = get_metric("action_score")(values["action_score"])
    confidence = get_metric("confidence")(values["confidence"])
    slack = 1e-9 * (1 + total)

    assert np.all(total / n_epochs >= -np.log(confidence) - slack)
    np.testing.assert_allclose(
        (1 - values["confidence"]).sum(axis=0), n_epochs * (1 - confidence), atol=1e-12 * n_epochs
    )
    mean_margin = get_metric("aum")(values["aum"])
    assert np.all(total / n_epochs >= np.logaddexp(0, -mean_margin) - slack)
    wrong = (1 - values["correctness"]).sum(axis=0)
    assert np.all(get_metric("forgetting")(values["forgetting"]) <= wrong)
    assert np.all(wrong <= total / np.log(2) + slack)
    # From the norm's definition: at least the gap of the given label, at most that of one wrong certainty.
    assert np.all(values["el2n"] >= 1 - values["confidence"] - 1e-12)
    assert np.all(values["el2n"] <= np.sqrt(2) * (1 - values["confidence"]) + 1e-12)


@quick
@given(seeds, st.integers(2, 6))
def test_jensen_is_an_equality_only_for_constant_probability(seed, n_epochs):
    logits, labels, varying = draw_run(seed, n_epochs)
    constant = measure(logits[:1].expand(n_epochs, -1, -1), labels)
    gaps = [
        definitions.action_score(v["action_score"], reduction="mean") + np.log(definitions.confidence(v["confidence"]))
        for v in (constant, varying)
    ]
    np.testing.assert_allclose(gaps[0], 0, atol=1e-9)
    moved = np.ptp(varying["confidence"], axis=0) > 1e-3
    assert np.all(gaps[1][moved] > 0)


@quick
@given(runs, st.integers(0, 6))
def test_action_score_adds_over_epochs(run, cut):
    losses = run[2]["action_score"]
    parts = [part for part in (losses[:cut], losses[cut:]) if len(part)]
    np.testing.assert_allclose(
        sum(definitions.action_score(part) for part in parts), definitions.action_score(losses), rtol=1e-12
    )


@quick
@given(runs, st.randoms(use_true_random=False))
def test_permuting_samples_permutes_scores(run, random):
    logits, labels, values = run
    order = random.sample(range(len(labels)), len(labels))
    permuted = measure(logits[:, order], labels[order])
    for name, metric in METRICS.items():
        np.testing.assert_allclose(metric(permuted[name]), metric(values[name])[order], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_measurements_measure_low_precision_logits_in_float32(dtype):
    logits = torch.tensor([[9.0, 0.0, -2.0], [-3.0, 2.0, 2.5]], dtype=dtype)
    labels = torch.tensor([0, 1])
    low, high = (VisitBatch(torch.zeros(2), z, labels) for z in (logits, logits.double()))
    for measurement in (measurements.margin, measurements.probability, measurements.correct, measurements.error):
        torch.testing.assert_close(measurement(low).double(), measurement(high), rtol=1e-5, atol=1e-7)


def test_measurements_at_certainty_and_at_ties():
    # log(softmax) of certain nets: the given label of visit 1 has probability 0, and visit 2 is a tie.
    logits = torch.tensor([[0.0, -torch.inf], [0.0, -torch.inf], [1.0, 1.0]])
    visits = VisitBatch(torch.zeros(3), logits, torch.tensor([0, 1, 0]))
    assert measurements.probability(visits).tolist() == pytest.approx([1.0, 0.0, 0.5])
    assert measurements.correct(visits)[:2].tolist() == [1.0, 0.0]
    torch.testing.assert_close(measurements.error(visits), torch.tensor([0.0, 2**0.5, 0.5**0.5]))
    assert measurements.margin(visits).tolist() == [torch.inf, -torch.inf, 0.0]
    tie = measurements.correct(VisitBatch(torch.zeros(2), logits[2:].expand(2, 2), torch.tensor([0, 1])))
    assert tie.sum() == 1.0  # not "correct" for every label that ties


@pytest.mark.parametrize("n_classes", [2, 3, 10, measurements.N_FEW_CLASSES, measurements.N_FEW_CLASSES + 1])
def test_measurements_are_those_of_a_softmax_however_many_classes(n_classes):
    generator = torch.Generator().manual_seed(n_classes)
    logits = 3 * torch.randn(50, n_classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(n_classes, (50,), generator=generator)
    logits[::5] = logits[::5].round()  # ties
    visits, one_hot = VisitBatch(torch.zeros(50), logits, labels), torch.nn.functional.one_hot(labels, n_classes)
    p = logits.exp() / logits.exp().sum(1, keepdim=True)
    others = logits.masked_fill(one_hot > 0, -torch.inf).amax(1)
    for name, expected in {
        "probabilities": p.float(),
        "probability": (p * one_hot).sum(1),
        "margin": (logits * one_hot).sum(1) - others,
        "correct": (logits.argmax(1) == labels).double(),
        "error": (p - one_hot).square().sum(1).sqrt(),
    }.items():
        torch.testing.assert_close(getattr(measurements, name)(visits), expected)


@pytest.mark.parametrize("name", METRICS)
def test_nothing_waits_for_the_device(name):
    # Tensors on "meta" have no values: whatever would copy one to the host fails there.
    meta = torch.device("meta")
    index = torch.zeros(5, dtype=torch.int64, device=meta)
    visits = VisitBatch(torch.rand(5, device=meta), torch.rand(5, 3, device=meta), index)
    statistic = METRICS[name].statistic(7, meta, **METRICS[name].settings)
    statistic.update(index, METRICS[name].measurement(visits), index, 1)
    assert statistic.compute(torch.zeros(7, dtype=torch.int64, device=meta)).shape == (7,)


@pytest.mark.parametrize("name", METRICS)
def test_rows_are_complete(name):
    values = draw_run(3, n_epochs=12)[2]
    metric = pickle.loads(pickle.dumps(get_metric(name)))
    statistic = metric.statistic(6, CPU, **metric.settings)
    for epoch in range(12):
        row = torch.tensor(values[name][epoch])
        statistic.update(torch.arange(6), row, torch.full((6,), epoch), epoch + 1)
    np.testing.assert_allclose(statistic.compute(torch.full((6,), 12)), metric(values[name]), rtol=1e-9, atol=1e-12)

    loss_only = VisitBatch(torch.tensor(values["action_score"][0]))
    if metric.needs_classes:
        with pytest.raises(ValueError, match="needs the logits and labels"):
            metric.measurement(loss_only)
    else:
        assert metric.measurement(loss_only) is loss_only.loss
    if metric.regression_measurement is not None:
        assert metric.regression_measurement(loss_only) is loss_only.loss


def test_direction_agrees_with_a_hard_and_an_easy_sample():
    # Sample 0 is learnt at once, sample 1 goes to and fro; a flipped flag would rank them the other way.
    swings = torch.tensor([1.0, -2.0, 1.5, -1.0, 0.5, -3.0])
    logits = torch.stack([torch.full((6, 2), 0.0), torch.zeros(6, 2)], dim=1)
    logits[:, 0, 0], logits[:, 1, 0] = 8.0, swings
    for name, values in measure(logits, torch.tensor([0, 0])).items():
        easy, hard = get_metric(name)(values)
        assert (hard > easy) == get_metric(name).higher_is_harder, name


def test_regression_has_the_loss_and_its_spread():
    assert {n for n, m in METRICS.items() if m.regression_measurement is not None} == {
        "action_score",
        "variability",
    }


def test_get_metric_names_what_there_is():
    assert get_metric_names() == tuple(sorted(METRICS))
    assert all(isinstance(get_metric(name), Metric) and get_metric(name).name == name for name in METRICS)
    with pytest.raises(ValueError, match=r"unknown metric 'forgeting'; did you mean 'forgetting'\?"):
        get_metric("forgeting")
    with pytest.raises(ValueError, match="unknown metric 'zzz'; valid names: action_score, aum, confidence"):
        get_metric("zzz")


def test_losses_with_samples_along_the_first_axis_are_noticed():
    losses = np.ones((569, 20))
    with pytest.warns(UserWarning, match=r"569 epochs of 20 samples: .* pass values.T"):
        definitions.action_score(losses)
    assert definitions.action_score(losses.T).shape == (569,)
