"""Types that public signatures share, named after what is passed; at run time nothing depends on them."""

import os
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

# Arrays, tensors, tables, sparse matrices, dicts and tuples of them, data sets: no type covers them all. Those that
# nobody can take are refused by `data.containers`, in a sentence, when `fit` gets them.
Samples: TypeAlias = Any
Targets: TypeAlias = Any
EvalSet: TypeAlias = Any  # a pair of them, or a data set
# Of scikit-learn, skorch and joblib, none of which comes with types.
Estimator: TypeAlias = Any
Memory: TypeAlias = Any  # a folder, or a joblib.Memory

ArrayLike: TypeAlias = npt.ArrayLike
Floats: TypeAlias = npt.NDArray[np.float64]
Singles: TypeAlias = npt.NDArray[np.float32]
Counts: TypeAlias = npt.NDArray[np.int32]
Positions: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Labels: TypeAlias = npt.NDArray[Any]
UnitScores: TypeAlias = Any  # Singles or RaggedScores, as the criterion has it: no union that each caller must narrow

StrPath: TypeAlias = str | os.PathLike[str]
Store: TypeAlias = bool | StrPath  # False, in memory, or in a file
Seed: TypeAlias = int | np.random.RandomState | None

# The values of options; a test compares them with what the classes accept.
Recording: TypeAlias = Literal["training", "epoch_end"]
Reduction: TypeAlias = Literal["sum", "mean", "interpolated", "auto"]
DataDevice: TypeAlias = Literal["auto", "net", "host"]
Strategy: TypeAlias = Literal["hardest", "easiest", "both", "stratified", "random"]
Pacing: TypeAlias = Literal["linear", "root", "exponential", "step"]
Order: TypeAlias = Literal["easy_first", "hard_first", "random"]
Weighting: TypeAlias = Literal["hard", "easy", "middle"] | Callable[[Floats], ArrayLike]
