"""Group tables and agreement, against SciPy, statsmodels and plain loops."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.exceptions import NotFittedError
from statsmodels.stats.multitest import multipletests

from actscore_sk import ActionScoreClassifier
from actscore_sk.inspection import group_difficulty, score_agreement
from actscore_sk.inspection.superiority import adjust, superiority

RNG = np.random.default_rng(0)
N = 200
SCORES = RNG.exponential(size=N).round(2)  # some tie
GROUPS = RNG.choice(["a", "b", "c", "d"], size=N, p=[0.5, 0.3, 0.15, 0.05])


def row_of(table, group):
    return table[table["group"].map(str) == str(group)].iloc[0]


def plain_superiority(mine, others):
    return np.mean([(a > b) + 0.5 * (a == b) for a in mine for b in others])


def compared(mine, others):
    return superiority(mine, np.sort(np.concatenate([mine, others])))


# -- statistics of groups --------------------------------------------------------------------------------------


def test_columns_against_a_plain_computation():
    table = group_difficulty(SCORES, GROUPS)
    assert table["group"].tolist() == sorted("abcd", key=lambda g: -np.median(SCORES[g == GROUPS]))
    for group in "abcd":
        mine, others, row = SCORES[group == GROUPS], SCORES[group != GROUPS], row_of(table, group)
        assert row["n"] == len(mine)
        np.testing.assert_allclose(
            row[["mean", "median", "iqr"]].astype(float), [mine.mean(), np.median(mine), stats.iqr(mine)]
        )
        np.testing.assert_allclose(row["harder"], plain_superiority(mine, others))
        np.testing.assert_allclose(row["p_value"], stats.brunnermunzel(mine, others).pvalue)
        assert row["low"] < row["harder"] < row["high"]
    np.testing.assert_allclose((table["in_hardest"] * table["n"]).sum(), 0.1 * N)
    np.testing.assert_allclose(table["lift"], table["in_hardest"] / 0.1)


def test_lift_does_not_depend_on_the_order_of_ties():
    scores, groups = np.array([1.0] * 19 + [0.0]), np.array(["a"] * 10 + ["b"] * 10)
    table = group_difficulty(scores, groups)
    assert row_of(table, "a")["in_hardest"] == pytest.approx(2 / 19)
    assert row_of(table, "b")["in_hardest"] == pytest.approx(2 / 19 * 0.9)


def test_interval_covers_the_truth():
    """P(N(0.5, 2) > N(0, 1)) by simulation; 95 % intervals, 400 of them: 99.9 % of such tests see at least 92 %."""
    rng, truth = np.random.default_rng(1), stats.norm.cdf(0.5 / np.sqrt(5))
    found = [compared(rng.normal(0.5, 2, 25), rng.normal(size=40)) for _ in range(400)]
    assert np.mean([each.low <= truth <= each.high for each in found]) > 0.92


@pytest.mark.parametrize(("n", "m"), [(2, 3), (5, 30)])
def test_no_overlap(n, m):
    found = compared(np.arange(n) + 100.0, np.arange(m, dtype=float))
    assert found.estimate == found.high == 1
    assert found.p_value == pytest.approx(
        stats.mannwhitneyu(np.arange(n) + 100, np.arange(m), method="exact").pvalue, abs=1e-12
    )
    mirrored = compared(np.arange(m, dtype=float), np.arange(n) + 100.0)
    assert mirrored.estimate == mirrored.low == 0
    assert mirrored.high == pytest.approx(1 - found.low)


def test_small_and_equal_groups():
    table = group_difficulty([1.0, 1.0, 1.0, 1.0, 1.0], ["a", "a", "b", "b", "c"])
    assert (table["harder"] == 0.5).all()
    assert not table["differs"].any()
    assert np.isnan(row_of(table, "c")["p_value"])
    alone = group_difficulty([1.0, 2.0], ["a", "a"])
    assert alone[["harder", "p_value", "p_adjusted"]].isna().all(axis=None)
    assert not alone["differs"].any()


@given(st.permutations(list(range(N))))
def test_order_of_samples_does_not_matter(order):
    first, other = group_difficulty(SCORES, GROUPS), group_difficulty(SCORES[order], GROUPS[order])
    pd.testing.assert_frame_equal(first, other)


p_values = st.lists(st.one_of(st.floats(0, 1), st.just(np.nan)), min_size=1, max_size=20)


@given(p_values, st.sampled_from(["holm", "fdr_bh"]))
def test_corrections(values, correction):
    values = np.array(values)
    known = ~np.isnan(values)
    found = adjust(values, correction)
    assert np.isnan(found[~known]).all()
    if known.any():
        np.testing.assert_allclose(found[known], multipletests(values[known], method=correction)[1], atol=1e-12)


def test_correction_is_over_all_columns():
    groups = {"one": GROUPS, "other": RNG.integers(0, 3, N).astype(str)}
    table = group_difficulty(SCORES, groups)
    np.testing.assert_allclose(table["p_adjusted"], multipletests(table["p_value"], method="holm")[1])
    plain = group_difficulty(SCORES, groups, correction=None)
    np.testing.assert_array_equal(plain["p_adjusted"], plain["p_value"])


def test_false_findings_are_rare():
    """Groups at random: Holm's correction lets one table in twenty have any finding."""
    rng = np.random.default_rng(2)
    tables = [group_difficulty(rng.exponential(size=150), rng.integers(0, 5, 150).astype(str)) for _ in range(100)]
    assert sum(table["differs"].any() for table in tables) <= 12


# -- kinds of groups -------------------------------------------------------------------------------------------

KINDS = {
    "strings": (["x", "y"] * 6, {"x", "y"}),
    "integers": ([1, 2] * 6, {"1", "2"}),
    "booleans": ([True, False] * 6, {"True", "False"}),
    "None": (["x", None] * 6, {"x", "(missing)"}),
    "NaN": ([1.0, np.nan] * 6, {"1.0", "(missing)"}),
    "mixed": (["x", 1] * 6, {"x", "1"}),
    "categorical": (pd.Series(["x", "y"] * 6, dtype=pd.CategoricalDtype(["x", "y", "z"])), {"x", "y"}),
    "nullable": (pd.array([1, None] * 6, dtype="Int64"), {"1", "(missing)"}),
    "polars": (pl.Series(["x", "y"] * 6), {"x", "y"}),
    "tuple": (tuple("xy" * 6), {"x", "y"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_labels(kind):
    labels, expected = KINDS[kind]
    table = group_difficulty(np.arange(12.0), {"k": labels})
    assert set(table["group"].map(str)) == expected
    assert table["n"].tolist() == [6, 6]


@pytest.mark.parametrize("column", [np.arange(100.0), pd.date_range("2026-01-01", periods=100), np.arange(100) % 50])
def test_bins(column):
    table = group_difficulty(np.arange(100.0), {"k": column}, n_bins=4)
    assert len(table) == 4
    assert table["n"].between(24, 26).all()


def test_missing_numbers_are_a_group_beside_the_bins():
    column = np.where(np.arange(100) < 20, np.nan, np.arange(100))
    table = group_difficulty(np.arange(100.0), {"k": column})
    assert row_of(table, "(missing)")["n"] == 20
    assert len(table) == 6


def test_several_columns():
    frame = pd.DataFrame({"site": GROUPS, "sex": np.arange(N) % 2})
    table = group_difficulty(SCORES, frame)
    assert table["column"].unique().tolist() == ["site", "sex"]
    crossed = group_difficulty(SCORES, frame, crossed=True)
    assert crossed["column"].unique().tolist() == ["site, sex"]
    mine = (frame["site"] == "a") & (frame["sex"] == 1)
    assert row_of(crossed, "a, 1")["n"] == mine.sum()


def test_samples_without_a_score_are_left_out():
    scores = SCORES.copy()
    scores[::4] = np.nan
    known = ~np.isnan(scores)
    pd.testing.assert_frame_equal(group_difficulty(scores, GROUPS), group_difficulty(scores[known], GROUPS[known]))


@pytest.mark.parametrize(
    ("scores", "groups", "options", "message"),
    [
        (SCORES, GROUPS[1:], {}, "'group' has 199 labels, but there are 200 scores"),
        (SCORES, np.array([GROUPS, GROUPS]), {}, "has 2 dimensions; expected one label per sample"),
        (SCORES[None], GROUPS, {}, r"shape \(1, 200\); expected one number per sample"),
        (np.where(SCORES > 2, np.inf, SCORES), GROUPS, {}, "infinite values"),
        (np.full(N, np.nan), GROUPS, {}, "no value that is a number"),
        (SCORES, {}, {}, "no columns"),
        (SCORES, GROUPS, {"n_bins": 1}, "n_bins=1; expected at least 2"),
        (SCORES, GROUPS, {"correction": "tukey"}, "correction='tukey'; expected one of 'holm'"),
        (SCORES, GROUPS, {"confidence_level": 95}, "between 0 and 1"),
        (pd.Series(SCORES), pd.Series(GROUPS, index=np.arange(N)[::-1]), {}, "different indexes"),
    ],
)
def test_wrong_groups(scores, groups, options, message):
    with pytest.raises(ValueError, match=message):
        group_difficulty(scores, groups, **options)


# -- agreement -------------------------------------------------------------------------------------------------


def test_agreement_against_scipy():
    other = SCORES + RNG.normal(size=N)
    other[:7] = np.nan
    row = score_agreement({"a": SCORES, "b": other}, k=20).iloc[0]
    a, b = SCORES[7:], other[7:]
    assert row["n"] == N - 7
    np.testing.assert_allclose(row["spearman"], stats.spearmanr(a, b).statistic)
    np.testing.assert_allclose(row["kendall"], stats.kendalltau(a, b).statistic)
    assert row["low"] < row["spearman"] < row["high"]
    assert row["overlap_by_chance"] == pytest.approx(20 / (N - 7))


def test_overlap_counts_common_samples():
    a, b = np.arange(10.0), np.arange(10.0)
    b[[9, 0]] = b[[0, 9]]
    assert score_agreement({"a": a, "b": b}, k=4)["overlap"].item() == 0.75
    assert score_agreement({"a": a, "b": a}, k=0.3)["overlap"].item() == 1
    assert score_agreement({"a": a, "b": -a}, k=0.5)["overlap"].item() == 0


def test_all_pairs_and_constants():
    frame = pd.DataFrame({"a": SCORES, "b": -SCORES, "c": np.zeros(N)})
    table = score_agreement(frame)
    assert table[["first", "second"]].to_numpy().tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert table["spearman"].iloc[0] == pytest.approx(-1)
    assert table["spearman"].iloc[1:].isna().all()
    assert table["overlap"].iloc[1] == pytest.approx(0.1, abs=0.02)  # all tie: what chance gives


def test_interval_of_the_rank_correlation_covers():
    rng, rho = np.random.default_rng(3), 0.6
    truth, hits = 6 / np.pi * np.arcsin(rho / 2), 0
    for _ in range(300):
        a, b = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=60).T
        row = score_agreement({"a": a, "b": b}).iloc[0]
        hits += row["low"] <= truth <= row["high"]
    assert hits / 300 > 0.91


def test_metrics_with_lower_as_harder_are_turned_round():
    table = score_agreement({"action_score": SCORES, "aum": -SCORES, "confidence": -SCORES, "mine": -SCORES})
    turned = dict(zip(zip(table["first"], table["second"], strict=True), table["spearman"].round(6), strict=True))
    assert turned["action_score", "aum"] == turned["aum", "confidence"] == 1
    assert turned["action_score", "mine"] == -1
    said = score_agreement({"aum": SCORES, "mine": -SCORES}, higher_is_harder={"aum": True, "mine": False})
    assert said["spearman"].item() == pytest.approx(1)


def test_agreement_of_what_is_fitted():
    tracker = SimpleNamespace(action_scores_=SCORES, sample_metrics_={"action_score": SCORES, "aum": -SCORES})
    search = SimpleNamespace(best_estimator_=tracker)
    expected = score_agreement({"a": SCORES, "b": SCORES**2})
    pd.testing.assert_frame_equal(score_agreement({"a": search, "b": SCORES**2}), expected)
    assert score_agreement(search)[["first", "second", "overlap"]].to_numpy().tolist() == [["action_score", "aum", 1]]
    with pytest.raises(NotFittedError, match="ActionScoreClassifier has no action_scores_; fit it first"):
        score_agreement({"a": ActionScoreClassifier(), "b": SCORES})


@pytest.mark.parametrize(
    ("scores", "options", "message"),
    [
        ({"a": SCORES}, {}, "got 1 vectors of scores; expected at least two"),
        ({"a": SCORES, "b": SCORES[1:]}, {}, "different lengths"),
        ({"a": SCORES, "b": SCORES}, {"k": 0}, "k=0; expected a share"),
        ({"a": SCORES, "b": SCORES}, {"k": 2.5}, "k=2.5; expected a share"),
        ({"a": SCORES, "b": SCORES}, {"k": N + 1}, "up to the 200 samples"),
        ({"a": SCORES, "b": np.full(N, np.inf)}, {}, "scores 'b' has 200 infinite values"),
        ({"a": SCORES, "b": SCORES}, {"higher_is_harder": {"c": True}}, "higher_is_harder has 'c', but the scores are"),
    ],
)
def test_wrong_agreement(scores, options, message):
    with pytest.raises(ValueError, match=message):
        score_agreement(scores, **options)
