"""The error that ends a command with one line instead of a traceback."""

from actscore_sk.exceptions import ActionScoreError


class CommandError(ActionScoreError):
    """What the user asked for cannot be done; the message is the one line that they see."""
