"""What a Pipeline of scikit-learn says to a sampler: which class does the job there."""

import sys
from typing import Any


class NoTransform:
    """Attribute `transform` of a sampler: it has none, and tells scikit-learn's Pipeline what to use instead.

    scikit-learn refuses a step without `transform` in a sentence that names no remedy. imbalanced-learn's takes
    samplers and refuses a step with one; so the attribute does not exist for anybody else.

    Examples
    --------
    >>> class Sampler:
    ...     transform = NoTransform()
    >>> hasattr(Sampler(), "transform")
    False
    """

    def __get__(self, sampler: Any, owner: type) -> Any:
        """Raise an error, as the class says."""
        asker = sys._getframe(1)
        if asker.f_globals.get("__name__") == "sklearn.pipeline" and asker.f_code.co_name == "_validate_steps":
            raise TypeError(
                f"{owner.__name__} changes the number of rows, and no step of scikit-learn's Pipeline may; end the "
                f"Pipeline in ResampledClassifier({owner.__name__}(), classifier), or use imblearn.pipeline.Pipeline"
            )
        raise AttributeError(f"{owner.__name__!r} object has no attribute 'transform'; use fit_resample")
