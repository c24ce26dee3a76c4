"""Why nothing is decided about targets that are numbers, nor about several outputs per sample."""

from typing import Any, ClassVar

OF_NUMBERS = (
    "no label issues for targets that are numbers: a wrong one cannot be told from one that is hard to predict (a "
    "mixture of residuals, tried on the diabetes table, found wrong targets with an F1 of 0.00 to 0.07); look at the "
    "rows with the highest action_scores_, or leave out a share of your own: ActionScorePruner(threshold=0.05)"
)
OF_SEVERAL = (
    "no label issues for several outputs per sample: which of them may be wrong is not decided; look at the rows with "
    "the highest action_scores_, and at component_scores_ or unit_scores_ for the output; ActionScoreClassifier judges "
    "one label per sample"
)
NAMES = {
    "label_issues",
    "label_refusal_",
    "wrong_label_scores_",
    "wrong_label_proba_",
    "suggested_labels_",
    "is_label_issue_",
    "noise_rate_",
    "noise_rate_interval_",
    "noise_matrix_",
}


class WithoutLabelIssues:
    """Mix-in of estimators that judge no labels: asking says why.

    Examples
    --------
    >>> class Numbers(WithoutLabelIssues):
    ...     _why_no_label_issues = OF_NUMBERS
    >>> hasattr(Numbers(), "label_issues")
    False
    >>> Numbers().noise_rate_
    Traceback (most recent call last):
    AttributeError: no label issues for targets that are numbers: ...
    """

    _why_no_label_issues: ClassVar[str]

    def __getattr__(self, name: str) -> Any:
        if name in NAMES:
            raise AttributeError(self._why_no_label_issues)
        return object.__getattribute__(self, name)  # raises once more, and says why
