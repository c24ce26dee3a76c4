"""What is passed in another order, or in another place, is an error in one sentence."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from actscore_sk import ActionScorePruner
from actscore_sk.inspection import (
    ActionScoreDisplay,
    ActionScoreReport,
    SampleGridDisplay,
    group_difficulty,
    score_agreement,
)

mpl.use("Agg")
N = 8
NAMES = [f"r{i}" for i in range(N)]
SCORES = pd.Series(np.arange(float(N)), index=NAMES)
Y = pd.Series(list("abababab"), index=NAMES)
LABELS = pd.DataFrame(
    {"given_label": Y, "suggested_label": list("bababaab"), "wrong_probability": SCORES / N, "is_issue": False},
    index=NAMES,
)
SORTED = LABELS.sort_values("wrong_probability", ascending=False)
TWICE = pd.DataFrame([[0, 1]] * N, columns=["a", "a"])


@pytest.mark.parametrize(
    "call",
    [
        lambda: ActionScoreDisplay.from_scores(SCORES, Y[::-1]),
        lambda: SampleGridDisplay.from_scores(SCORES, np.zeros((N, 2, 2)), Y[::-1]),
        lambda: ActionScoreReport.from_scores(SCORES, Y[::-1]),
        lambda: ActionScoreReport.from_scores(SCORES, data=Y[::-1]),
        lambda: score_agreement({"first": SCORES, "second": SCORES[::-1]}),
        lambda: ActionScorePruner().fit_resample(pd.DataFrame(index=NAMES), Y, action_scores=SCORES[::-1]),
    ],
)
def test_the_same_rows_in_another_order_are_refused(call):
    with pytest.raises(ValueError, match=r"in another order; pass .*\.loc\["):
        call()


def test_sorted_scores_are_not_taken_for_scores_in_the_order_of_an_array():
    X, y = np.zeros((N, 1)), np.arange(N) % 2
    scores = pd.Series(np.arange(float(N)))[::-1]
    with pytest.raises(ValueError, match=r"pass action_scores\.sort_index\(\)"):
        ActionScorePruner().fit_resample(X, y, action_scores=scores)
    pruner = ActionScorePruner(threshold=0.25)
    pruner.fit_resample(X, y, action_scores=scores.sort_index())
    assert pruner.sample_indices_.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("options", [{"y": Y}, {"y": Y.to_numpy(), "data": Y.to_frame()}])
def test_labels_sorted_by_suspicion_find_their_rows_by_name(options):
    rows = ActionScoreReport.from_scores(SCORES.to_numpy(), **options, labels=SORTED).frame().sort_values("row")
    assert rows["suggested_label"].tolist() == LABELS["suggested_label"].tolist()


@pytest.mark.parametrize(
    ("labels", "y", "message"),
    [
        (SORTED, Y.to_numpy(), "an index of names such as 'r7', which scores, y and data do not have"),
        (SORTED.reset_index(drop=True), Y.to_numpy(), "labels gives sample 0 the label 'b', and y 'a'"),
    ],
)
def test_labels_of_which_nothing_says_whose_they_are_are_refused(labels, y, message):
    with pytest.raises(ValueError, match=message):
        ActionScoreReport.from_scores(SCORES.to_numpy(), y, labels=labels)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: group_difficulty(Y, SCORES), "text such as 'a'; expected numbers: are scores and labels swapped"),
        (lambda: ActionScoreDisplay.from_scores(Y, SCORES), "text such as 'a'"),
        (lambda: ActionScorePruner().fit_resample(np.zeros((N, 1)), Y, action_scores=Y.tolist()), "text such as 'a'"),
        (lambda: group_difficulty(SCORES, TWICE), "groups has 2 columns called 'a'"),
        (lambda: ActionScoreReport.from_scores(SCORES, groups=TWICE), "group has 2 columns called 'a'"),
        (lambda: ActionScoreReport.from_scores(SCORES, groups="site"), "group is 'site'; expected a DataFrame"),
        (lambda: ActionScoreReport.from_scores(SCORES, displays=[1]), "displays has list; expected a dict of displays"),
        (
            lambda: group_difficulty(SCORES.to_numpy(), pd.Series([[1], [2]] * 4)),
            r"has \[1\]; expected a text",
        ),
        (lambda: SampleGridDisplay.from_scores(SCORES, np.zeros((N, 2, 2)), n_shown=0), "n_shown=0; expected at least"),
        (lambda: ActionScoreDisplay.from_scores(SCORES).plot("left"), "ax='left'; expected axes of matplotlib"),
    ],
)
def test_what_is_no_score_group_or_picture_is_named(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
