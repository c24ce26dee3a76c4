"""A search on a Dask cluster: its workers score each part of the data once, and one that is killed loses nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_grid_search_cache import PATH, n_lines

pytest.importorskip("distributed")

SCRIPT = """
import os, signal
from pathlib import Path

import joblib
from dask.distributed import Client, LocalCluster
from skorch.callbacks import Callback
from test_grid_search_cache import X, Y, Count, make_net, outcome, search

HERE = Path({path!r})


class KilledOnce(Callback):
    def on_epoch_end(self, net, **kwargs):
        try:
            (HERE / "was_killed").touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def fitted(name, *callbacks):
    (HERE / name).mkdir()
    net = make_net(callbacks=[("count", Count(str(HERE / name / "fits"))), *callbacks])
    return outcome(search("resampled", net, str(HERE / name / "memory"), n_jobs=2).fit(X, Y))


if __name__ == "__main__":
    expected = fitted("without")
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        with joblib.parallel_config("dask"):
            for name, callbacks in (("whole", []), ("killed", [("killed", KilledOnce())])):
                found = fitted(name, *callbacks)
                assert all((found[key] == expected[key]).all() for key in expected), name
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dask")
    script = folder / "script.py"
    script.write_text(SCRIPT.format(path=str(folder)))
    environment = {**os.environ, "PYTHONPATH": PATH}
    run = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return Path(folder)


def test_workers_score_each_fold_once(folder):
    assert n_lines(folder / "whole/fits") == n_lines(folder / "without/fits") == 4  # three folds, and all rows


def test_a_killed_worker_loses_its_own_fit_alone(folder):
    assert (folder / "was_killed").exists()
    assert n_lines(folder / "killed/fits") == 5
