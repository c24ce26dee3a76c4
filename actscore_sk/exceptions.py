"""Errors of the package; each is a ``ValueError``, as scikit-learn's callers expect."""


class ActionScoreError(ValueError):
    """Base of all errors that this package raises about scoring.

    ``except ActionScoreError`` catches them all; their messages say what came, what was expected and what to do.
    """


class IndexTrackingError(ActionScoreError):
    """The position of a sample in X cannot be known from the way the net loads its data."""


class SampleLossError(ActionScoreError):
    """The criterion hides the loss of single samples, so they cannot be scored."""


class NonFiniteLossError(ActionScoreError):
    """The loss of a sample became NaN or infinite during training."""


class CommandError(ActionScoreError):
    """The command cannot do what it was asked to do; it prints the message as one line."""
