"""memory=: a search scores each part of the data once, whatever happens in between, and never with an old net."""

import abc
import dataclasses
import functools
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import types
from collections import OrderedDict
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from estimator_cases import MLP, Items, make_data, make_net
from imblearn.pipeline import Pipeline as ImblearnPipeline
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EpochScoring
from torch import nn
from torch.utils.data import Subset, TensorDataset

from actscore_sk import (
    ActionScoreClassifier,
    ActionScorePruner,
    ActionScoreTransformer,
    ResampledClassifier,
    ReweightedClassifier,
)
from actscore_sk.scoring import cached_fit
from actscore_sk.scoring.fingerprint import fingerprint

X, Y = make_data(n_samples=60)
HERE = Path(__file__).parent
TESTS = HERE.parent
PATH = os.pathsep.join([str(HERE), str(TESTS), *sys.path])


class Count(Callback):
    """Adds a line to a file at each fit; with STALL in the environment it never comes back."""

    def __init__(self, path):
        self.path = path

    def on_train_begin(self, net, **kwargs):
        add_line(self.path)
        if os.environ.get("STALL"):
            time.sleep(60)


class Interrupting(LogisticRegression):
    """Interrupts the fits with the numbers in `at`, counted in a file."""

    def __init__(self, path=None, at=(), C=1.0):
        super().__init__(C=C)
        self.path, self.at = path, at

    def fit(self, X, y, sample_weight=None):
        add_line(self.path)
        if n_lines(self.path) in self.at:
            raise KeyboardInterrupt
        return super().fit(X, y, sample_weight)


def add_line(path):
    with open(path, "ab", buffering=0) as file:
        file.write(b"\n")


def n_lines(path):
    return Path(path).read_bytes().count(b"\n") if Path(path).exists() else 0


def counting_net(tmp_path, **options):
    return make_net(callbacks=[("count", Count(str(tmp_path / "fits")))], **options)


# name: (estimator of a net and a memory, grid)
SEARCHES = {
    "pipeline of imbalanced-learn": (
        lambda net, memory, model: ImblearnPipeline(
            [("scaler", StandardScaler()), ("pruner", pruner_of(net, memory)), ("model", model)]
        ),
        {"pruner__threshold": [0.05, 0.3], "pruner__strategy": ["hardest", "random"]},
    ),
    "resampled": (
        lambda net, memory, model: ResampledClassifier(pruner_of(net, memory), model),
        {"sampler__threshold": [0.05, 0.3], "estimator__C": [0.01, 1]},
    ),
    "pipeline of scikit-learn": (
        lambda net, memory, model: Pipeline(
            [("scaler", StandardScaler()), ("model", ResampledClassifier(pruner_of(net, memory), model))]
        ),
        {"model__sampler__class_balanced": [False, True], "model__estimator__C": [0.01, 1]},
    ),
    "reweighted": (
        lambda net, memory, model: ReweightedClassifier(model, scorer=net, memory=memory, random_state=0),
        {"temperature": [0.1, 1], "weighting": ["hard", "easy"]},
    ),
    "transformer": (
        lambda net, memory, model: make_pipeline(ActionScoreTransformer(net, memory=memory, random_state=0), model),
        {"actionscoretransformer__features": ["input", "penultimate"], "logisticregression__C": [0.01, 1]},
    ),
}


def pruner_of(net, memory):
    return ActionScorePruner(net, memory=memory, random_state=0)


def search(kind, net, memory, model=None, **options):
    make_estimator, grid = SEARCHES[kind]
    return GridSearchCV(make_estimator(net, memory, model or LogisticRegression()), grid, cv=3, **options)


def outcome(fitted):
    return {name: values for name, values in fitted.cv_results_.items() if name.endswith("test_score")}


# -- one fit for a fold ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("make_memory", [str, lambda path: joblib.Memory(path, verbose=0)], ids=["str", "Memory"])
@pytest.mark.parametrize("kind", SEARCHES)
def test_a_search_scores_each_fold_once(kind, make_memory, tmp_path):
    without = search(kind, counting_net(tmp_path), None).fit(X, Y)
    assert n_lines(tmp_path / "fits") == 4 * 3 + 1
    kept = search(kind, counting_net(tmp_path), make_memory(tmp_path / "memory")).fit(X, Y)
    assert n_lines(tmp_path / "fits") == 13 + 3 + 1
    for name, values in outcome(without).items():
        np.testing.assert_array_equal(outcome(kept)[name], values)
    assert kept.best_params_ == without.best_params_
    np.testing.assert_array_equal(kept.predict(X), without.predict(X))


def test_a_search_inside_a_validation(tmp_path):
    nested = search("resampled", counting_net(tmp_path), str(tmp_path / "memory"))
    scores = cross_val_score(nested, X, Y, cv=3)
    assert n_lines(tmp_path / "fits") == 3 * (3 + 1)
    np.testing.assert_array_equal(cross_val_score(nested, X, Y, cv=3), scores)
    assert n_lines(tmp_path / "fits") == 12


def test_a_kept_scorer_is_as_good_as_a_new_one(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(60)[::-1])
    pruner = pruner_of(counting_net(tmp_path), str(tmp_path / "memory"))
    first = pruner.fit(frame, Y).estimator_
    second = pruner.fit(frame, Y).estimator_
    assert first is not second
    np.testing.assert_array_equal(first.predict_proba(frame), second.predict_proba(frame))
    assert first.to_frame().equals(second.to_frame())
    assert second.history_[:, "train_loss"] == first.history_[:, "train_loss"]


# -- interruptions ---------------------------------------------------------------------------------------------


def test_an_interrupted_search_goes_on(tmp_path):
    model = Interrupting(str(tmp_path / "models"), at=(5, 11))
    going = search("resampled", counting_net(tmp_path), str(tmp_path / "memory"), model)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            going.fit(X, Y)
    going.fit(X, Y)
    assert n_lines(tmp_path / "fits") == 4
    plain = search("resampled", make_net(), None).fit(X, Y)
    np.testing.assert_array_equal(going.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])


def test_a_scoring_fit_that_failed_is_not_kept(tmp_path):
    net = counting_net(tmp_path, iterator_train__drop_last=True, batch_size=50)
    for n_fits in (1, 2):
        with pytest.raises(TypeError, match="unexpected keyword"):
            pruner_of(net, str(tmp_path / "memory")).fit(X, Y, no_such_parameter=1)
        assert n_lines(tmp_path / "fits") == n_fits


def fit_pruner(path):
    pruner_of(counting_net(Path(path)), str(Path(path) / "memory")).fit(X, Y)


def run_here(code, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=HERE, env={**os.environ, "PYTHONPATH": PATH, **environment}, stdout=-1
    )


def test_a_killed_process_leaves_no_lock(tmp_path):
    killed = run_here(f"import test_grid_search_cache as t; t.fit_pruner({str(tmp_path)!r})", STALL="1")
    for _ in range(600):
        if n_lines(tmp_path / "fits"):
            break
        time.sleep(0.05)
    waiting = threading.Thread(target=fit_pruner, args=[str(tmp_path)], daemon=True)
    waiting.start()
    waiting.join(0.5)
    assert n_lines(tmp_path / "fits") == 1, "did not wait for the process that was scoring"
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    waiting.join(30)
    assert not waiting.is_alive(), "waits for a dead process"
    assert n_lines(tmp_path / "fits") == 2
    fit_pruner(tmp_path)
    assert n_lines(tmp_path / "fits") == 2


SCRIPT = """
import torch
from test_grid_search_cache import X, Y, Path, counting_net, outcome, search

class Module(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)

    def forward(self, X):
        return self.layer(X)

if __name__ == "__main__":
    path = Path({path!r})
    for folder, n_jobs in (("plain", None), ("kept", 2), ("kept", None)):
        (path / folder).mkdir(exist_ok=True)
        net = counting_net(path / folder, module=Module)
        fitted = search("resampled", net, str(path / "memory") if folder == "kept" else None, n_jobs=n_jobs).fit(X, Y)
        print([values.tolist() for values in outcome(fitted).values()])
"""


def test_two_workers_score_each_fold_once(tmp_path):
    """Also a module class of a script, which a worker can't import."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(path=str(tmp_path)))
    environment = {**os.environ, "PYTHONPATH": PATH}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert n_lines(tmp_path / "plain" / "fits") == 13
    assert n_lines(tmp_path / "kept" / "fits") == 4
    plain, by_workers, by_one = done.stdout.splitlines()
    assert plain == by_workers == by_one


# -- what makes a key ------------------------------------------------------------------------------------------


def module_of(code):
    """A module class as a notebook makes one: the same name each time."""
    names = {"nn": nn, "torch": torch, "functools": functools, "abc": abc, "__name__": "notebook"}
    exec(textwrap.dedent(code), names)  # what a notebook does with a cell
    return names["Module"]


TEMPLATE = """
class Module(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, X):
        return self.layer(X) * {factor}
"""


def weighted_module(seed):
    torch.manual_seed(seed)
    return MLP()


MODULES = [module_of(TEMPLATE.format(factor=factor)) for factor in (2.0, 3.0)]
CHANGES = {
    "a value in X": lambda net: (net, (X + 1e-6 * (X.max() == X), Y), {}),
    "a label": lambda net: (net, (X, np.where(np.arange(60) == 5, 1 - Y, Y)), {}),
    "the order": lambda net: (net, (X[::-1], Y[::-1]), {}),
    "float64": lambda net: (net, (X.astype(np.float64), Y), {}),
    "weights": lambda net: (net, (X, Y), {"sample_weight": np.ones(60)}),
    "other weights": lambda net: (net, (X, Y), {"sample_weight": np.full(60, 2.0)}),
    "a parameter of fit": lambda net: (net, (X, Y), {"scale": 0.5}),
    "learning rate": lambda net: (net.set_params(lr=0.11), (X, Y), {}),
    "epochs": lambda net: (net.set_params(max_epochs=3), (X, Y), {}),
    "optimizer": lambda net: (net.set_params(optimizer=torch.optim.Adam), (X, Y), {}),
    "recording": lambda net: (ActionScoreClassifier(net, recording="epoch_end"), (X, Y), {}),
    "reduction": lambda net: (ActionScoreClassifier(net, reduction="mean"), (X, Y), {}),
    "seed": lambda net: (ActionScoreClassifier(net, random_state=1), (X, Y), {}),
    "a step before": lambda net: (make_pipeline(StandardScaler(), ActionScoreClassifier(net)), (X, Y), {}),
    "module": lambda net: (
        make_net(module=MODULES[0], callbacks=net.callbacks),
        (X, Y),
        {},
    ),
    "code of the module": lambda net: (
        make_net(module=MODULES[1], callbacks=net.callbacks),
        (X, Y),
        {},
    ),
    "module with weights": lambda net: (make_net(module=weighted_module(0), callbacks=net.callbacks), (X, Y), {}),
    "module with other weights": lambda net: (make_net(module=weighted_module(1), callbacks=net.callbacks), (X, Y), {}),
    "frame": lambda net: (net, (pd.DataFrame(X, columns=list("abcd")), Y), {}),
    "frame of other names": lambda net: (net, (pd.DataFrame(X, columns=list("abce")), Y), {}),
}


def test_the_key_changes_with_what_matters(tmp_path):
    """All in one memory: what took another's place would be counted once less."""
    for count, (name, change) in enumerate(CHANGES.items(), start=1):
        for _ in range(2):
            scorer, data, params = change(counting_net(tmp_path))
            pruner_of(scorer, str(tmp_path / "memory")).fit(*data, **params)
            assert n_lines(tmp_path / "fits") == count, name


def test_a_new_version_of_a_library_scores_anew(tmp_path, monkeypatch):
    for version in ("1.0", "1.1"):
        monkeypatch.setattr(cached_fit, "_VERSIONS", (*cached_fit._VERSIONS, version))
        pruner_of(counting_net(tmp_path), str(tmp_path / "memory")).fit(X, Y)
    assert n_lines(tmp_path / "fits") == 2


def test_a_memory_that_would_keep_nothing_is_refused():
    class Memory:
        def cache(self, function):
            return function

    with pytest.raises(TypeError, match=r"must be a path or a joblib.Memory"):
        pruner_of(make_net(), Memory()).fit(X, Y)


def test_the_key_does_not_change_with_what_does_not_matter(tmp_path):
    net, memory = counting_net(tmp_path), str(tmp_path / "memory")
    pruner = pruner_of(net, memory).fit(X, Y)
    pruner.fit(X.copy(), Y.copy())
    pruner.set_params(threshold=0.3, strategy="stratified", class_balanced=True).fit(X, Y)
    pruner_of(counting_net(tmp_path).fit(X, Y.astype(np.int64)), joblib.Memory(memory, verbose=0)).fit(X, Y)
    ReweightedClassifier(LogisticRegression(), scorer=net, memory=memory, random_state=0).fit(X, Y)
    assert n_lines(tmp_path / "fits") == 2, "one by the pruner, one by hand"


PROPERTY = "class Module(nn.Module):\n    @property\n    def width(self):\n        return {}"
STATIC = "class Module(nn.Module):\n    @staticmethod\n    def scale(x):\n        return x * {}"
OF_CLASS = "class Module(nn.Module):\n    @classmethod\n    def scale(cls, x):\n        return x * {}"
CACHED = "class Module(nn.Module):\n    @functools.cached_property\n    def width(self):\n        return {}"
NO_GRAD = "class Module(nn.Module):\n    @torch.no_grad()\n    def scale(self, x):\n        return x * {}"
NESTED = "class Module(nn.Module):\n    def forward(self, X):\n        return (lambda x: x * {})(X)"
BASE = "class Base(nn.Module):\n    factor = {}\nclass Module(Base):\n    pass"
ABSTRACT = "class Module(nn.Module, abc.ABC):\n    def forward(self, X):\n        return X * {}"
DEFAULT = "class Module(nn.Module):\n    def __init__(self, width={}):\n        super().__init__()"
HELPER = (
    "def scaled(x):\n    return x * {}\nclass Module(nn.Module):\n    def forward(self, X):\n        return scaled(X)"
)
CONSTANT = "FACTOR = {}\nclass Module(nn.Module):\n    def forward(self, X):\n        return X * FACTOR"
USING = "class Module(nn.Module):\n    def forward(self, X):\n        return X * factor(X)"
PARTIAL = "factor = functools.partial(max, {})\n" + USING
SIZES = "SIZES = ({}, 2.0)\ndef factor(X):\n    return SIZES[0]\n" + USING
TENSOR = "SCALE = torch.tensor([{}])\ndef factor(X):\n    return SCALE\n" + USING
CONFIG = (
    "class Config:\n    pass\nCONFIG = Config()\nCONFIG.factor = {}\ndef factor(X):\n    return CONFIG.factor\n" + USING
)
IN_MODULE = (
    "import types\nhelpers = types.ModuleType('helpers')\nhelpers.__file__ = 'helpers.py'\n"
    "helpers.scale = lambda X: X * {}\ndef factor(X):\n    return helpers.scale(X)\n" + USING
)
LOCKED = "import threading\nLOCK = threading.Lock()\ndef factor(X):\n    with LOCK:\n        return {}\n" + USING
CODE = {name: code for name, code in list(globals().items()) if isinstance(code, str) and "class Module" in code}


@pytest.mark.parametrize("code", [CODE[name] for name in CODE if name not in ("SCRIPT", "TEMPLATE", "USING")])
def test_code_counts_by_what_it_does(code):
    assert fingerprint(module_of(code.format(1.5))) == fingerprint(module_of(code.format(1.5)))
    assert fingerprint(module_of(code.format(1.5))) != fingerprint(module_of(code.format(2.5)))


@dataclasses.dataclass
class Settings:
    width: int = 3


class Slots:
    __slots__ = ("width",)

    def __init__(self, width):
        self.width = width


def closure_over(value):
    return lambda X: X * value


def library_in_closure(value):
    import numpy

    return lambda X: numpy.log(X) * value


def with_itself(value):
    parts = [value]
    parts.append(parts)
    return parts


def named(frame, name):
    frame.columns = [*frame.columns[:-1], name]
    return frame


NAMED_LAYERS = [("activation", nn.ReLU()), ("norm", nn.Softmax(-1))]
# Each makes a new object of a number; equal numbers, equal keys, other numbers, other keys.
THINGS = {
    "array": lambda n: np.array([1.0, n]),
    "NaN": lambda n: np.array([np.nan, n]),
    "transposed array": lambda n: np.array([[1.0, n], [2.0, 3.0]]).T,
    "objects": lambda n: np.array([f"a{n}", None, 1.5], dtype=object),
    "strings": lambda n: np.array([f"a{n}", "b"]),
    "dates": lambda n: np.array([f"2020-01-0{n}"], dtype="datetime64[D]"),
    "scalar": lambda n: np.float32(n),
    "empty array": lambda n: np.empty((0, n)),
    "tensor": lambda n: torch.tensor([1.0, n]),
    "boolean tensor": lambda n: torch.tensor([True, n == 1]),
    "bfloat16": lambda n: torch.tensor([1.0, n], dtype=torch.bfloat16),
    "parameter": lambda n: nn.Parameter(torch.tensor([1.0, n])),
    "DataFrame": lambda n: pd.DataFrame({"a": [1.0, n], "b": ["x", "y"]}),
    "column names": lambda n: named(pd.DataFrame({"a": [1.0], "b": ["x"]}), f"name{n}"),
    "index": lambda n: pd.DataFrame({"a": [1.0, 2.0]}, index=[0, n]),
    "names twice": lambda n: pd.DataFrame([[1.0, n]], columns=["a", "a"]),
    "categories": lambda n: pd.Series(["a", f"b{n}"], dtype="category"),
    "Series": lambda n: pd.Series([1.0, n], index=["a", "b"]),
    "text Series": lambda n: pd.Series(["a", f"b{n}", None]),
    "nullable Series": lambda n: pd.Series([1, n, None], dtype="Int64"),
    "polars": lambda n: pl.DataFrame({"a": [1.0, n], "b": ["x", None]}),
    "polars Series": lambda n: pl.Series("a", [1, n]),
    **{name: lambda n, name=name: getattr(sparse, name)(np.diag([1.0, n])) for name in ("csr_array", "dok_matrix")},
    "dict": lambda n: {"a": np.ones(2), "b": n},
    "set": lambda n: {"a", "b", f"c{n}"},
    "list": lambda n: [np.ones(2), n],
    "list in itself": with_itself,
    "closure": closure_over,
    "library in a closure": library_in_closure,
    "regular expression": lambda n: re.compile(f"a{n}"),
    "logger": lambda n: logging.getLogger(f"logger {n}"),
    "masked array": lambda n: np.ma.array([1.0, 2.0], mask=[False, n == 1]),
    "partial": lambda n: functools.partial(np.mean, axis=n),
    "function of a library": lambda n: [None, np.log, np.exp][n],
    "method": lambda n: Slots(n).__init__,
    "module": weighted_module,
    "frozen parameter": lambda n: nn.Parameter(torch.ones(2), requires_grad=n == 1),
    "named layers in another order": lambda n: nn.Sequential(OrderedDict(NAMED_LAYERS[:: 2 * n - 3])),
    "net": lambda n: make_net(max_epochs=n, callbacks=[EpochScoring("accuracy")]),
    "estimator": lambda n: make_pipeline(StandardScaler(), LogisticRegression(C=n)),
    "TensorDataset": lambda n: TensorDataset(torch.tensor([1.0, n])),
    "Subset": lambda n: Subset(TensorDataset(torch.ones(3)), [0, n]),
    "data set of one's own": lambda n: Items(np.ones(2), np.array([0, n])),
    "dataclass": Settings,
    "slots": Slots,
    "RandomState": np.random.RandomState,
    "Generator": np.random.default_rng,
    "torch generator": lambda n: torch.Generator().manual_seed(n),
    "enum": lambda n: [None, signal.SIGINT, signal.SIGTERM][n],
    "simple namespace": lambda n: types.SimpleNamespace(a=n),
}


@pytest.mark.parametrize("name", THINGS)
def test_equal_things_have_equal_keys_and_others_others(name):
    make = THINGS[name]
    assert fingerprint(make(1)) == fingerprint(make(1))
    assert fingerprint(make(1)) != fingerprint(make(2))


def test_neither_order_nor_identity_counts():
    one = np.ones(3)
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint([one, one]) == fingerprint([one, one.copy()])
    assert fingerprint(np.asfortranarray(X)) == fingerprint(X)
    assert fingerprint(X[::2]) == fingerprint(X[::2].copy())
    assert fingerprint(("ab", "c")) != fingerprint(("a", "bc"))
    assert fingerprint([1]) != fingerprint((1,))
    assert fingerprint(1) != fingerprint(1.0) != fingerprint(True)
    assert fingerprint(np.ones(2)) != fingerprint(torch.ones(2, dtype=torch.float64))


def test_what_is_no_data_is_an_error(tmp_path):
    with (tmp_path / "file").open("w") as file:
        for thing in (threading.Lock(), file):
            with pytest.raises(TypeError, match=r"no key can be made of a .*set memory=None"):
                fingerprint({"handle": thing})


def all_keys():
    things = {name: make(1) for name, make in THINGS.items()}
    return {name: fingerprint(thing) for name, thing in things.items()}


def test_keys_are_the_same_in_every_process():
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    code = "import test_grid_search_cache as t; print(t.all_keys())"
    printed, _ = run_here(code, PYTHONHASHSEED=seed).communicate(timeout=60)
    assert printed.decode().strip() == str(all_keys())


def test_a_net_class_counts_like_a_module():
    one, two = (type("Net", (NeuralNetClassifier,), {"factor": n, "__module__": "notebook"}) for n in (1, 2))
    assert fingerprint(make_net(one)) != fingerprint(make_net(two))
