"""Errors of the package; each is a ``ValueError``, as scikit-learn's callers expect."""


class ActionScoreError(ValueError):
    """Base of all errors that this package raises about scoring."""


class IndexTrackingError(ActionScoreError):
    """The position of a sample in X cannot be known from the way the net loads its data."""


class SampleLossError(ActionScoreError):
    """The criterion does not tell the loss of single samples."""


class NonFiniteLossError(ActionScoreError):
    """The loss of a sample became NaN or infinite during training."""


class CommandError(ActionScoreError):
    """What the user asked for cannot be done; the message is the one line that they see."""
