"""Import optional libraries at their use, with an error that says how to install them."""

import importlib
from types import ModuleType

from actscore_sk.utils.interrupts import uninterrupted


def import_optional(name: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a library that is not a core dependency.

    Parameters
    ----------
    name : str
        Module to import, e.g. ``"pandas"``.
    extra : str
        Extra of this package that installs it.
    purpose : str
        Use of the library; completes "... is needed to".

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If it is not installed; the message says how to install it.

    Examples
    --------
    >>> import_optional("math", extra="plot", purpose="draw").sqrt(4.0)
    2.0
    """
    try:
        with uninterrupted():  # a library that is being loaded may swallow an interrupt, or abort
            return importlib.import_module(name)
    except ImportError as error:
        library = name.partition(".")[0]
        raise ImportError(
            f'{library} is needed to {purpose}; install it with: pip install "actscore-sk[{extra}]"'
        ) from error
