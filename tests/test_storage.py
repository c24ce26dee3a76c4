"""Trajectories on disk: readable while written, after a kill, and never at the cost of a user's file."""

import pickle
import subprocess
import sys
import time

import numpy as np
import pytest

from actscore_sk.storage import FileTrajectories, MemoryTrajectories, open_trajectories

WIDE = 100_000  # samples: a row of 400 kB takes long enough to be caught in the middle

WRITER = """
import pickle, sys
import numpy as np
rows = pickle.loads(bytes.fromhex(sys.argv[1]))
while len(rows) < 2000:  # under a gigabyte, should nobody end it
    rows.append(np.full(rows.n_samples, len(rows) + 1, dtype=np.float32))
"""


@pytest.fixture
def writer(tmp_path):
    """A process that appends rows 1, 2, 3, ... until it is killed, and the store it writes to."""
    rows = FileTrajectories(tmp_path / "losses.npy", WIDE)
    process = subprocess.Popen([sys.executable, "-c", WRITER, pickle.dumps(rows).hex()])
    yield process, rows
    process.kill()
    process.wait()


def wait_for(rows, n_epochs):
    limit = time.monotonic() + 30
    while len(rows) < n_epochs:
        assert time.monotonic() < limit, "the writer wrote nothing"
        time.sleep(0.001)


def assert_counts_up(array):
    assert array.shape[1] == WIDE
    expected = np.arange(1, len(array) + 1)
    np.testing.assert_array_equal(array[:, 0], expected)
    np.testing.assert_array_equal(array[:, -1], expected)
    assert (array[-1] == len(array)).all()


def test_another_process_reads_finished_epochs_while_one_writes(writer):
    _, rows = writer
    wait_for(rows, 1)
    lengths = [len(rows)]
    limit = time.monotonic() + 30
    while lengths[-1] < lengths[0] + 40 and time.monotonic() < limit:
        array = np.load(rows.path, mmap_mode="r")
        assert_counts_up(array)
        lengths.append(len(array))
    assert lengths == sorted(lengths)
    assert lengths[-1] > lengths[0]


def test_a_kill_keeps_finished_epochs_and_the_next_run_goes_on(writer):
    process, rows = writer
    wait_for(rows, 5)
    process.kill()
    process.wait()
    n_epochs = len(rows)
    assert_counts_up(rows.array())
    rows.append(np.full(WIDE, n_epochs + 1))
    assert len(rows) == n_epochs + 1
    assert_counts_up(rows.array())


def fail_to_append(rows, value, limit):
    """Append on a disk that is full once a file has `limit` bytes."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            rows.append(np.full(WIDE, value))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_costs_only_the_running_epoch(tmp_path):
    rows = FileTrajectories(tmp_path / "losses.npy", WIDE)
    fail_to_append(rows, 1.0, limit=2 * WIDE)
    assert not rows.path.exists()  # half of the first row is no trajectory
    rows.append(np.ones(WIDE))
    fail_to_append(rows, 2.0, limit=6 * WIDE)
    assert rows.path.stat().st_size > 4 * WIDE + 128  # the torn row is there, and not seen
    assert_counts_up(rows.array())
    rows.append(np.full(WIDE, 2.0))
    assert_counts_up(rows.array())


def test_no_file_before_the_first_epoch_and_no_other_file_after(tmp_path):
    rows = FileTrajectories(tmp_path / "losses.npy", 3)
    assert list(tmp_path.iterdir()) == []
    assert rows.array().shape == (0, 3)
    rows.append([1.0, np.nan, 2.0])
    assert list(tmp_path.iterdir()) == [rows.path]


@pytest.mark.parametrize("in_memory", [True, False])
def test_rows_come_back_in_order(tmp_path, in_memory):
    expected = np.random.default_rng(0).normal(size=(1200, 3)).astype(np.float32)  # the count grows to 4 digits
    expected[::7, 1] = np.nan
    rows = open_trajectories(True if in_memory else str(tmp_path / "losses.npy"), 3)
    assert rows is not None
    buffer = np.empty(3, dtype=np.float32)
    for row in expected:
        buffer[:] = row  # a caller may use one buffer for every epoch
        rows.append(buffer)
    assert len(rows) == 1200
    assert rows.array().dtype == np.float32
    np.testing.assert_array_equal(rows.array(), expected)


def test_open_trajectories_takes_a_switch_or_a_path(tmp_path):
    assert open_trajectories(False, 2) is None
    memory = open_trajectories(True, 2)
    assert isinstance(memory, MemoryTrajectories)
    assert memory.array().shape == (0, 2)
    assert isinstance(open_trajectories(tmp_path / "losses.npy", 2), FileTrajectories)


def test_header_stays_in_place_for_any_size(tmp_path):
    # Readers rely on a fixed data offset and on digits of the count that change within one aligned word.
    rows = FileTrajectories(tmp_path / "losses.npy", 2)
    headers = []
    for _ in range(11):
        rows.append([0.0, 1.0])
        headers.append(rows.path.read_bytes()[:128])
    changed = {i for header in headers for i in range(128) if header[i] != headers[0][i]}
    assert changed <= set(range(64, 72))
    assert np.load(rows.path, mmap_mode="r").offset == 128


def test_a_pickle_holds_the_path_and_goes_on_behind_the_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = FileTrajectories("losses.npy", 1000)
    rows.append(np.zeros(1000))
    pickled = pickle.dumps(rows)
    assert len(pickled) < 1000
    monkeypatch.chdir(tmp_path.parent)  # a relative path must not move with the process
    again = pickle.loads(pickled)
    again.append(np.ones(1000))
    np.testing.assert_array_equal(rows.array()[:, 0], [0.0, 1.0])


@pytest.mark.filterwarnings("ignore:.*holds trajectories of an earlier run")
def test_a_new_run_starts_anew_and_spares_the_readers_of_the_old(tmp_path):
    old = FileTrajectories(tmp_path / "losses.npy", 2)
    old.append([1.0, 2.0])
    view = old.array()
    new = FileTrajectories(old.path, 3)
    assert len(new) == 0
    new.append([5.0, 6.0, 7.0])
    np.testing.assert_array_equal(view, [[1.0, 2.0]])
    with pytest.raises(ValueError, match=r"now has shape \(1, 3\), expected \(n_epochs, 2\)"):
        old.append([1.0, 2.0])


FOREIGN = {
    "text": lambda file: file.write(b"my thesis"),
    "empty": lambda file: file.write(b""),
    "float64": lambda file: np.save(file, np.zeros((2, 3))),
    "1-D": lambda file: np.save(file, np.zeros(3, dtype=np.float32)),
    "features": lambda file: np.save(file, np.zeros((2, 3), dtype=np.float32)),
    "objects": lambda file: np.save(file, np.array([[{}]], dtype=object)),
    "npz": lambda file: np.savez(file, np.zeros((2, 3), dtype=np.float32)),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_users_file_is_refused_and_kept(tmp_path, kind):
    path = tmp_path / "data.npy"
    with path.open("wb") as file:
        FOREIGN[kind](file)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"data\.npy exists and was not written as trajectories"):
        FileTrajectories(path, 3)
    assert path.read_bytes() == before


def test_a_folder_is_refused_and_a_missing_one_is_named(tmp_path):
    with pytest.raises(FileExistsError, match="was not written as trajectories"):
        FileTrajectories(tmp_path, 3)
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere to write trajectories to"):
        FileTrajectories(tmp_path / "nowhere" / "losses.npy", 3)


def test_a_lost_file_is_an_error_not_an_empty_run(tmp_path):
    rows = FileTrajectories(tmp_path / "losses.npy", 2)
    rows.append([1.0, 2.0])
    rows.path.unlink()
    with pytest.raises(FileNotFoundError, match=r"losses\.npy"):
        pickle.loads(pickle.dumps(rows)).array()


@pytest.mark.parametrize("make", [MemoryTrajectories, lambda n: FileTrajectories("never-written.npy", n)])
def test_a_row_of_another_length_is_named(make):
    with pytest.raises(ValueError, match=r"shape \(3,\); got shape \(2,\)"):
        make(3).append([1.0, 2.0])
