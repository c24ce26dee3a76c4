"""Errors and warnings of the package; each error is a ``ValueError``, as scikit-learn's callers expect."""


class ActionScoreError(ValueError):
    """Base of all errors that this package raises about scoring."""


class IndexTrackingError(ActionScoreError):
    """The position of a sample in X cannot be known from the way the net loads its data."""


class SampleLossError(ActionScoreError):
    """The criterion does not tell the loss of single samples."""


class NonFiniteLossError(ActionScoreError):
    """The loss of a sample became NaN or infinite during training."""


class ActionScoreWarning(UserWarning):
    """Scores are valid, but probably not what the user wants."""
