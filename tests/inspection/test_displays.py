"""Displays draw the numbers of `frame`, into the axes that they are given."""

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from scipy import stats
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from actscore_sk import ActionScoreClassifier, ActionScorePruner, ResampledClassifier
from actscore_sk.inspection import (
    ActionScoreDisplay,
    DataMapDisplay,
    GroupDifficultyDisplay,
    PruningCurveDisplay,
    SampleGridDisplay,
    TrajectoryDisplay,
)
from actscore_sk.inspection.drawing import DARK
from actscore_sk.losses import pad_boxes

matplotlib.use("Agg")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4)).astype("float32")
Y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
METRICS = ("action_score", "confidence", "variability", "correctness")


@pytest.fixture(scope="module")
def scorer():
    net = NeuralNetClassifier(nn.Linear(4, 2), criterion=nn.CrossEntropyLoss, max_epochs=5, verbose=0)
    return ActionScoreClassifier(net, metrics=METRICS, store_trajectories=True, random_state=0).fit(X, Y)


@pytest.fixture
def ax():
    return Figure(layout="constrained").subplots()


def test_boxes_are_quantiles(scorer, ax):
    display = ActionScoreDisplay.from_estimator(scorer, Y, ax=ax)
    table = display.frame()
    assert len(table) == 4, "two classes, each trained and held out"
    assert table["n"].sum() == len(X)
    for i, row in table.iterrows():
        mine = scorer.action_scores_[(row["group"] == Y) & (row["held_out"] == scorer.validation_mask_)]
        expected = np.quantile(mine, [0.05, 0.25, 0.5, 0.75, 0.95])
        np.testing.assert_allclose(row[["q05", "q25", "q50", "q75", "q95"]].astype(float), expected)
        box = display.artists_["boxes"][i].get_path().vertices[:, 0]
        assert (box.min(), box.max()) == (row["q25"], row["q75"])
        assert set(display.artists_["medians"][i].get_xdata()) == {row["q50"]}
        caps = [display.artists_["caps"][2 * i + side].get_xdata()[0] for side in (0, 1)]
        assert caps == [row["q05"], row["q95"]]
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        f"{row['group']}{', held out' if row['held_out'] else ''} ({row['n']})" for _, row in table.iterrows()
    ]


def test_bands_and_lines_are_trajectories(scorer, ax):
    display = TrajectoryDisplay.from_estimator(scorer, samples=[3, -1], ax=ax)
    table, losses = display.frame(), scorer.trajectories_
    np.testing.assert_allclose(table["q50"], np.quantile(losses, 0.5, axis=1), rtol=1e-6)
    np.testing.assert_array_equal(display.median_.get_ydata(), table["q50"])
    for line, name, sample in zip(display.lines_, ("#3", f"#{len(X) - 1}"), (3, -1), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), table[name])
        np.testing.assert_array_equal(table[name], losses[:, sample])
    for band, (low, high) in zip(display.bands_, (("q05", "q95"), ("q25", "q75")), strict=True):
        drawn = set(band.get_paths()[0].vertices[:, 1].round(6))
        assert set(table[low].round(6)) | set(table[high].round(6)) <= drawn


def test_gaps_in_trajectories():
    table = TrajectoryDisplay.from_scores([[1.0, np.nan], [np.nan, np.nan]], samples=[1]).frame()
    assert table["q50"].tolist()[0] == 1
    assert np.isnan(table["q50"][1])
    assert table["#1"].isna().all()


def test_the_losses_of_a_single_epoch_can_be_seen(ax):
    display = TrajectoryDisplay.from_scores([[1.0, 2.0, 3.0]]).plot(ax)
    assert all(np.ptp(band.get_paths()[0].vertices[:, 0]) > 0 for band in display.bands_)
    assert ax.get_xticks().tolist() == [1]


def test_names_on_a_map_are_not_written_over_each_other(ax):
    DataMapDisplay.from_scores([0.02, 0.021, 0.022, 0.9], [0.01, 0.02, 0.4, 0.3], [0] * 4).plot(ax)
    first, above, beside = (text.xy[1] for text in ax.texts)
    assert above - first > 0.03
    assert beside == 0.022


def test_points_are_metrics(scorer, ax):
    display = DataMapDisplay.from_estimator(scorer, ax=ax)
    table = display.frame()
    np.testing.assert_array_equal(table["confidence"], scorer.sample_metrics_["confidence"])
    np.testing.assert_array_equal(display.points_.get_offsets(), table[["variability", "confidence"]])
    np.testing.assert_array_equal(display.points_.get_array(), table["correctness"])


def test_no_more_points_than_asked_for():
    values = np.linspace(0, 1, 500)
    first, again = (DataMapDisplay.from_scores(values, values, values, max_points=50).frame() for _ in range(2))
    assert len(first) == 50
    assert first.equals(again)
    np.testing.assert_array_equal(values[first["sample"]], first["confidence"])


def test_groups_are_intervals(scorer, ax):
    groups = np.where(X[:, 1] > 0, "a", "b")
    groups[0] = "alone"
    display = GroupDifficultyDisplay.from_estimator(scorer, groups, ax=ax)
    table = display.frame()
    assert table["n"].sum() == (~scorer.validation_mask_).sum()
    places = np.arange(len(table), 0, -1)
    np.testing.assert_array_equal(display.points_.get_offsets(), np.column_stack([table["harder"], places]))
    drawn = [segment[:, 0].tolist() for segment in display.intervals_.get_segments()]
    known = table[["low", "high"]].dropna().to_numpy().tolist()
    assert [each for each in drawn if not np.isnan(each).any()] == known


def test_only_groups_that_differ_are_filled(ax):
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(size=200), rng.normal(5, 1, size=60)])
    display = GroupDifficultyDisplay.from_scores(scores, ["a", "b"] * 100 + ["c"] * 60).plot(ax)
    filled = [tuple(colour) == to_rgba(DARK) for colour in display.points_.get_facecolors()]
    assert filled == display.frame()["differs"].tolist()
    assert filled[0]


def test_axes_of_the_user_and_of_pyplot(scorer, ax):
    before = pyplot.get_fignums()
    display = ActionScoreDisplay.from_scores(scorer.action_scores_).plot(ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert pyplot.get_fignums() == before
    own = ActionScoreDisplay.from_scores(scorer.action_scores_).plot()
    assert pyplot.get_fignums() != before
    pyplot.close(own.figure_)


def test_labels_are_no_formulas(ax):
    display = ActionScoreDisplay.from_scores([1.0, 2.0], ["$x$ and $", "y" * 80]).plot(ax)
    display.figure_.canvas.draw()
    assert max(len(label.get_text()) for label in ax.get_yticklabels()) < 45


@pytest.mark.parametrize("wrap", ["pipeline", "search", "sampler"])
def test_finds_the_scorer_inside(wrap, ax):
    net = NeuralNetClassifier(nn.Linear(4, 2), criterion=nn.CrossEntropyLoss, max_epochs=2, verbose=0)
    inside = ActionScoreClassifier(net, random_state=0)
    fitted = {
        "pipeline": make_pipeline(StandardScaler(), inside),
        "search": GridSearchCV(inside, {"estimator__lr": [0.1]}, cv=2),
        "sampler": ActionScorePruner(inside),
    }[wrap].fit(X, Y)
    assert ActionScoreDisplay.from_estimator(fitted, ax=ax).frame()["n"].sum() == len(X)


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda: ActionScoreDisplay.from_estimator(ActionScoreClassifier()), NotFittedError, "no action_scores_; fit"),
        (lambda: ActionScoreDisplay.from_scores([1.0], ["a", "b"]), ValueError, "y has 2 entries, but there are 1"),
        (lambda: TrajectoryDisplay.from_scores([1.0]), ValueError, r"shape \(1,\); expected \(n_epochs, n_samples\)"),
        (lambda: TrajectoryDisplay.from_scores([[1.0]], samples=[1]), IndexError, "sample 1 is not in X, which has 1"),
        (lambda: DataMapDisplay.from_scores([1.0], [1.0], [1.0, 0.0]), ValueError, "different lengths"),
    ],
)
def test_errors(draw, error, message):
    with pytest.raises(error, match=message):
        draw()


def test_missing_metrics_and_trajectories():
    net = NeuralNetClassifier(nn.Linear(4, 2), criterion=nn.CrossEntropyLoss, max_epochs=1, verbose=0)
    scorer = ActionScoreClassifier(net).fit(X, Y)
    with pytest.raises(ValueError, match="confidence, variability, correctness were not recorded; fit a classifier"):
        DataMapDisplay.from_estimator(scorer)
    with pytest.raises(NotFittedError, match="no trajectories_; fit it with store_trajectories=True"):
        TrajectoryDisplay.from_estimator(scorer)


IMAGES = RNG.random((6, 8, 10))
SHAPES = {
    "grey": IMAGES,
    "channel in front": IMAGES[:, None],
    "channel behind": IMAGES[..., None],
    "colours in front": np.stack([IMAGES] * 3, axis=1),
    "colours behind": np.stack([IMAGES] * 3, axis=3),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_grid_shows_the_images_of_its_frame(kind):
    scores, y = np.array([3.0, 1.0, 2.0, 6.0, np.nan, 4.0]), ["a", "a", "a", "b", "b", "b"]
    display = SampleGridDisplay.from_scores(scores, SHAPES[kind], y, n_shown=2).plot(Figure())
    table = display.frame()
    assert table["sample"].tolist() == [3, 5, 5, 3, 0, 2, 1, 2]
    np.testing.assert_array_equal(table["score"], scores[table["sample"]])
    for row in table.to_dict("records"):
        axes = display.axes_["ba".index(row["group"]), row["rank"] - 1 + 2 * (row["end"] == "easiest")]
        shown = np.asarray(axes.get_images()[0].get_array())
        np.testing.assert_array_equal(shown if shown.ndim == 2 else shown[..., 0], IMAGES[row["sample"]])
        assert axes.get_xlabel() == f"#{row['sample']}\n{row['score']:.3g}"


@pytest.mark.parametrize("padded", [False, True])
def test_grid_with_boxes_and_maps(padded):
    corners = [
        np.array([[1.0, 2.0, 5.0, 6.0]]),
        np.empty((0, 4)),
        np.array([[0.0, 0.0, 2.0, 2.0], [3.0, 3.0, 4.0, 5.0]]),
    ]
    boxes = pad_boxes(corners, [np.zeros(len(rows), int) for rows in corners]) if padded else corners
    maps = RNG.random((3, 4, 5))
    display = SampleGridDisplay.from_scores([3.0, 2.0, 1.0], IMAGES[:3], n_shown=3, boxes=boxes, maps=maps).plot(
        Figure()
    )
    for column, sample in enumerate((0, 1, 2, 2, 1, 0)):
        axes = display.axes_[0, column]
        drawn = [[*line.get_xydata().min(0), *line.get_xydata().max(0)] for line in axes.get_lines()]
        np.testing.assert_array_equal(np.reshape(drawn, (-1, 4)), corners[sample])
        np.testing.assert_array_equal(axes.get_images()[1].get_array(), maps[sample])


def test_curves_are_means_with_intervals(ax):
    values = RNG.random((2, 3, 5))
    index = [(s, k, r) for s in range(2) for k in range(3) for r in range(5)]
    results = {
        "strategy": [("hardest", "random")[s] for s, _, _ in index],
        "share_kept": [(0.2, 0.5, 1.0)[k] for _, k, _ in index],
        "repeat": [r for *_, r in index],
        "value": [values[each] for each in index],
    }
    display = PruningCurveDisplay.from_scores(results).plot(ax)
    table = display.frame()
    np.testing.assert_allclose(table["mean"], values.mean(2).ravel())
    low, high = stats.t.interval(0.95, 4, values.mean(2), stats.sem(values, axis=2))
    np.testing.assert_allclose(table[["low", "high"]], np.column_stack([low.ravel(), high.ravel()]))
    for i, line in enumerate(display.lines_):
        np.testing.assert_allclose(line.get_xydata(), np.column_stack([[0.2, 0.5, 1.0], values[i].mean(1)]))
        heights = display.bands_[i].get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == (pytest.approx(low[i].min()), pytest.approx(high[i].max()))


def test_curves_of_a_search(ax):
    pruned = ResampledClassifier(ActionScorePruner(), LogisticRegression())
    grid = {"sampler__threshold": [0.0, 0.2], "sampler__strategy": ["hardest", "random"]}
    search = GridSearchCV(pruned, grid, cv=2).fit(X, Y)
    table = PruningCurveDisplay.from_estimator(search, ax=ax).frame()
    assert table["share_kept"].tolist() == [0.8, 1.0] * 2
    best = search.cv_results_["mean_test_score"]
    np.testing.assert_allclose(sorted(table["mean"]), sorted(best))


def results_of(candidates, metric="score"):
    """Results of a search of two folds, from (parameters, value) of each candidate."""
    names = {name for parameters, _ in candidates for name in parameters}
    columns = {f"param_{name}": [parameters.get(name, np.ma.masked) for parameters, _ in candidates] for name in names}
    values = np.array([value for _, value in candidates])
    return columns | {f"split0_test_{metric}": values - 0.01, f"split1_test_{metric}": values + 0.01}


def test_of_a_wider_grid_the_best_other_parameters_are_drawn_and_named(ax):
    values = {(0.0, 1): 0.9, (0.0, 200): 0.6, (0.2, 1): 0.7, (0.2, 200): 0.8}
    grid = [({"sampler__threshold": t, "estimator__n_neighbors": k}, value) for (t, k), value in values.items()]
    display = PruningCurveDisplay.from_cv_results(results_of(grid)).plot(ax)
    table = display.frame()
    assert table["share_kept"].tolist() == [0.8, 1.0]
    np.testing.assert_allclose(table["mean"], [0.8, 0.9])
    assert table["parameters"].tolist() == ["n_neighbors=200", "n_neighbors=1"]
    assert display.lines_[0].get_label().split("\n")[1:] == ["  0.8: n_neighbors=200", "  1: n_neighbors=1"]


def test_thresholds_on_the_score_are_drawn_as_they_are(ax):
    pruned = ResampledClassifier(ActionScorePruner(by="score", strategy="easiest"), LogisticRegression())
    search = GridSearchCV(pruned, {"sampler__threshold": [0.1, 0.2]}, cv=2).fit(X, Y)
    table = PruningCurveDisplay.from_estimator(search, ax=ax).frame()
    assert table["threshold"].tolist() == [0.1, 0.2]
    assert set(table["strategy"]) == {"easiest"}, "that of the pruner, though it was not searched"
    assert ax.get_xlabel().startswith("threshold")


def test_strategies_are_those_of_the_pruner_and_of_no_other_step():
    grid = [({"prune__threshold": 0.1, "impute__strategy": kind}, 0.5) for kind in ("mean", "median")]
    table = PruningCurveDisplay.from_cv_results(results_of(grid)).frame()
    assert table[["strategy", "parameters"]].to_numpy().tolist() == [["pruner", "strategy=mean"]]


def test_a_metric_and_a_meaning_of_thresholds_are_chosen_among_several():
    grid = [({"threshold": 0.1, "by": "fraction"}, 0.5), ({"threshold": 3.0, "by": "score"}, 0.7), ({"C": 1}, 0.1)]
    results = results_of(grid, "recall")
    table = PruningCurveDisplay.from_cv_results(results, metric="recall", by="score").frame()
    assert table[["threshold", "mean"]].to_numpy().tolist() == [[3.0, 0.7]]
    with pytest.raises(ValueError, match="thresholds of both meanings of by=; draw one"):
        PruningCurveDisplay.from_cv_results(results, metric="recall")
    with pytest.raises(ValueError, match="no metric 'score'; it has recall"):
        PruningCurveDisplay.from_cv_results(results, by="score")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: SampleGridDisplay.from_scores([1.0], np.zeros((1, 2, 3, 5))), r"shape \(1, 2, 3, 5\); expected"),
        (lambda: SampleGridDisplay.from_scores([1.0], np.zeros((2, 3, 5))), "lengths differ: .*'images': 2"),
        (lambda: PruningCurveDisplay.from_scores({"strategy": []}), "results lack share_kept, repeat, value"),
        (lambda: PruningCurveDisplay.from_cv_results({"param_C": [1]}), "no parameter named threshold"),
        (
            lambda: PruningCurveDisplay.from_cv_results({"param_threshold": ["auto"]}),
            "'auto' is no single number",
        ),
        (lambda: PruningCurveDisplay.from_estimator(LogisticRegression()), "has no cv_results_; expected a fitted"),
    ],
)
def test_errors_of_grids_and_curves(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_a_display_says_what_it_holds():
    display = ActionScoreDisplay.from_scores([1.0, 2.0, 3.0], ["a", "b", "b"])
    columns = ", ".join(display.frame().columns)
    assert repr(display) == f"<ActionScoreDisplay: 2 rows of {columns}; .plot() draws them, .frame() returns them>"
