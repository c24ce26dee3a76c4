"""Displays of many classes, numbers and samples: what is joined, binned, named, and fits into the picture."""

from io import BytesIO

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from actscore_sk.inspection import (
    ActionScoreDisplay,
    DataMapDisplay,
    GroupDifficultyDisplay,
    PruningCurveDisplay,
    SampleGridDisplay,
    TrajectoryDisplay,
    group_difficulty,
)
from actscore_sk.inspection.groupings import group_targets

matplotlib.use("Agg")
RNG = np.random.default_rng(0)
N = 4000
SCORES = RNG.exponential(size=N)
CLASSES = RNG.integers(0, 50, N)


@pytest.fixture
def ax():
    return Figure(layout="constrained").subplots()


def test_samples_beyond_the_whiskers_are_drawn_and_the_hardest_is_named(ax):
    names = [f"photo {i}" for i in range(N)]
    display = ActionScoreDisplay.from_scores(SCORES, names=names).plot(ax)
    low, high = np.quantile(SCORES, [0.05, 0.95])
    beyond = np.flatnonzero((low > SCORES) | (high < SCORES))
    assert sorted(display.outliers["sample"]) == beyond.tolist()
    np.testing.assert_array_equal(display.outliers_.get_xdata(), np.sort(SCORES[beyond])[::-1])
    assert [text.get_text() for text in ax.texts] == [f"photo {SCORES.argmax()}"]


def test_numbers_are_cut_into_bins_in_their_order():
    y = RNG.normal(size=N)
    display = ActionScoreDisplay.from_scores(SCORES, y, n_bins=4)
    table = display.frame()
    assert table["n"].tolist() == [N // 4] * 4
    assert display.size[1] < 5
    for group, quarter in zip(table["group"], np.array_split(np.argsort(-y), 4), strict=True):
        low, high = map(float, group.split(" to "))
        assert (low, high) == pytest.approx((y[quarter].min(), y[quarter].max()), abs=0.01)


def test_bins_of_close_numbers_have_names_of_their_own():
    assert len(set(group_targets(1e6 + np.arange(100) / 1000, 5).labels)) == 5


def test_more_classes_than_fit_share_a_box():
    hardness = RNG.permutation(50)
    display = ActionScoreDisplay.from_scores(SCORES + hardness[CLASSES], CLASSES, max_groups=3)
    table = display.frame()
    assert table["group"].tolist() == [*np.argsort(-hardness)[:3], "47 easier groups"]
    assert table["n"].sum() == N


@pytest.mark.parametrize("dtype", [int, float, "Int64", str])
def test_integer_classes_are_classes(dtype):
    digits = pd.Series(CLASSES % 10).astype(dtype)
    assert len(ActionScoreDisplay.from_scores(SCORES, digits).frame()) == 10
    assert len(group_difficulty(SCORES, digits)) == 10
    assert len(group_difficulty(SCORES, pd.Series(CLASSES))) == 5, "of more than 20 integers, bins"


def test_held_out_samples_stand_below_the_others_of_their_class():
    held_out = RNG.random(N) < 0.2
    table = ActionScoreDisplay.from_scores(np.where(held_out, 9, SCORES), CLASSES % 3, held_out=held_out).frame()
    assert table["held_out"].tolist() == [False, True] * 3
    assert table["group"].is_monotonic_increasing or table["group"].nunique() == 3
    assert (table["group"][::2].to_numpy() == table["group"][1::2].to_numpy()).all()


def test_a_few_extreme_scores_do_not_squeeze_the_boxes(ax):
    assert ActionScoreDisplay.from_scores([*SCORES, 500.0]).plot(ax).ax_.get_xscale() == "asinh"
    assert ActionScoreDisplay.from_scores(SCORES[SCORES < 5]).plot(Figure().subplots()).ax_.get_xscale() == "linear"


def test_groups_that_are_not_shown_still_count_in_the_correction():
    display = GroupDifficultyDisplay.from_scores(SCORES, CLASSES.astype(str), max_groups=4)
    table, whole = display.frame(), group_difficulty(SCORES, CLASSES.astype(str))
    assert (len(table), display.n_compared) == (4, 50)
    furthest = (whole["harder"] - 0.5).abs().nlargest(4).index
    pd.testing.assert_frame_equal(table, whole.loc[sorted(furthest)].reset_index(drop=True))


def test_the_hardest_samples_of_a_map_stay_in_it_and_are_named(ax):
    confidence = RNG.random(N)
    display = DataMapDisplay.from_scores(confidence, confidence, confidence, max_points=20, n_named=2).plot(ax)
    hardest = np.argsort(confidence)[:2]
    assert len(display.frame()) == 20
    assert [text.get_text() for text in ax.texts] == [f"#{i}" for i in hardest]


def test_only_the_best_strategies_are_drawn_of_many(ax):
    results = {"strategy": list("abcdefgh") * 2, "share_kept": [0.5] * 8 + [1.0] * 8, "repeat": [0] * 16}
    display = PruningCurveDisplay.from_scores(results | {"value": list(range(16))}, max_groups=2).plot(ax)
    assert [line.get_label() for line in display.lines_] == ["g", "h"]
    assert len(display.frame()) == 16


LONG = np.array([f"a rather long name of class number {i}, and more of it" for i in range(50)])[CLASSES]
RESULTS = {"strategy": [LONG[0]] * 2, "share_kept": [0.5, 1.0], "repeat": [0, 0], "value": [0.5, 1.0]}
PICTURES = {
    "scores": lambda: ActionScoreDisplay.from_scores([*SCORES, 1e4], [*LONG, "x"], names=["y" * 50] * (N + 1)),
    "groups": lambda: GroupDifficultyDisplay.from_scores(SCORES, {LONG[0]: LONG, "b": LONG}),
    "trajectories": lambda: TrajectoryDisplay.from_scores([SCORES, SCORES / 50], samples=[1, 2], names=LONG),
    "map": lambda: DataMapDisplay.from_scores(SCORES, SCORES, SCORES, names=LONG),
    "curve": lambda: PruningCurveDisplay.from_scores(RESULTS | {"parameters": ["p" * 99, "q" * 99]}),
    "grid": lambda: SampleGridDisplay.from_scores(
        SCORES, np.zeros((N, 8, 8)), LONG, n_shown=3, names=LONG, boxes=[[[1, 1, 4, 4]]] * N, box_scores=SCORES[:, None]
    ),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_nothing_is_clipped(kind):
    display = PICTURES[kind]()
    figure = Figure(figsize=display.size, layout="constrained")
    display.draw_on(figure)
    figure.savefig(BytesIO(), format="png")
    needed = figure.get_tightbbox()
    assert (needed.min > -0.02).all()
    assert (needed.max < np.array(display.size) + 0.02).all()
