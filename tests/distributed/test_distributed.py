"""Two processes that train one net score as one that trains on their joint batches; all that differs is refused."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from launched import ALL, BATCH, LR, N_EPOCHS, WEIGHT, X, Y, module
from torch import nn

from actscore_sk import ActionScoreTracker, DynamicPruningSampler, HardExampleSampler

LAUNCHED = Path(__file__).with_name("launched.py")
N_PROCESSES = 2
JOINT = N_PROCESSES * BATCH


@pytest.fixture(scope="module")
def folder(tmp_path_factory, worker_id):
    """Folder with the results of both processes, which were started as a user would start them.

    The workers of pytest share one start: two at once would meet at torchrun's one port and wait for each other.
    """
    root = tmp_path_factory.getbasetemp()
    folder = (root if worker_id == "master" else root.parent) / "launched"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.mkdir()
            alone = ["--standalone", "--local-addr", "localhost"]
            command = ["torch.distributed.run", *alone, "--nproc_per_node", N_PROCESSES, LAUNCHED, folder]
            run = subprocess.run(
                [sys.executable, "-m", *map(str, command)], capture_output=True, text=True, timeout=480
            )
            (folder / "errors.txt").write_text("" if run.returncode == 0 else run.stderr or "failed")
    errors = (folder / "errors.txt").read_text()
    assert not errors, errors
    return folder


@pytest.fixture(scope="module")
def processes(folder):
    """What each process has found, by configuration and name."""
    found = [dict(np.load(folder / f"{rank}.npz")) for rank in range(N_PROCESSES)]
    return [
        {name: {key.partition("|")[2]: results[key] for key in results if key.startswith(name + "|")} for name in names}
        for results in found
        for names in [{key.partition("|")[0] for key in results}]
    ]


# -- the same in one process ------------------------------------------------------------------------------------


def padded(order, *, drop_last=False):
    """Joint batches of positions, each with the number of its samples that are no padding, as Accelerate fills up."""
    order = torch.as_tensor(order)
    if drop_last:
        order = order[: len(order) // JOINT * JOINT]
    n_missing = -len(order) % JOINT
    filled = torch.cat([order, order.repeat(JOINT)[:n_missing]])
    return [(filled[i : i + JOINT], min(JOINT, len(order) - i)) for i in range(0, len(filled), JOINT)]


def dealt(order, *, drop_last=False):
    """The same as torch's DistributedSampler deals samples out: one process is served after the other."""
    order = torch.as_tensor(order)
    n_each = len(order) // N_PROCESSES if drop_last else -(-len(order) // N_PROCESSES)
    filled = torch.cat([order, order])[: n_each * N_PROCESSES]
    hands = [filled[rank::N_PROCESSES].split(BATCH) for rank in range(N_PROCESSES)]
    batches = [torch.cat(parts) for parts in zip(*hands, strict=True)]
    sizes = [len(batch) for batch in batches]
    sizes[-1] -= max(0, len(filled) - len(order))  # the last one of the last hand
    return [*zip(batches, sizes, strict=True)]


def reference(batches_of, *, n=53, held_out=None, recording="training", weight=None, sampler=None, every=1, **options):
    """A loop of torch alone, and a tracker: the scores and parameters that the processes must have."""
    net, tracker = module(), ActionScoreTracker(n, **{"metrics": ALL} | options)
    data, targets = torch.from_numpy(X[:n]), torch.from_numpy(Y[:n])
    optimizer = torch.optim.SGD(net.parameters(), LR)
    criterion = nn.CrossEntropyLoss(reduction="none")
    held_out = np.zeros(n, dtype=bool) if held_out is None else held_out

    def look(rows, is_held_out):
        with torch.no_grad():
            logits = net.eval()(data[rows])
            tracker.update(rows, criterion(logits, targets[rows]), logits, targets[rows], held_out=is_held_out)

    for _ in range(N_EPOCHS):
        net.train()
        order = np.flatnonzero(~held_out) if sampler is None else sampler.draw()
        batches, latest = batches_of(order), torch.zeros(2, n)
        for step, (rows, n_counted) in enumerate(batches):
            logits = net(data[rows])
            losses = criterion(logits, targets[rows])
            loss = losses.mean()
            if weight is not None:
                w = torch.from_numpy(weight[rows].astype("float32"))
                loss = (w * losses).sum() / w.sum()
            elif sampler is not None:
                w = sampler.weights_at(rows)
                loss = loss if w is None else (w * losses).mean()
            (loss / every).backward()
            if (step + 1) % every == 0 or step + 1 == len(batches):
                optimizer.step()
                optimizer.zero_grad()
            rows, losses = rows[:n_counted], losses[:n_counted].detach()
            latest.index_add_(1, rows, torch.stack([losses, torch.ones_like(losses)]))
            if recording == "training":
                tracker.update(rows, losses, logits[:n_counted], targets[rows])
        if sampler is not None:
            seen = latest[1] > 0
            sampler.update(seen.nonzero()[:, 0], (latest[0] / latest[1])[seen])
        if recording == "epoch_end":
            look(torch.from_numpy(np.flatnonzero(~held_out)), False)
        if held_out.any():
            look(torch.from_numpy(np.flatnonzero(held_out)), True)
        tracker.end_epoch()
    found = {f"score {name}": scores for name, scores in tracker.sample_metrics_.items()}
    parameters = torch.cat([part.detach().flatten() for part in net.parameters()]).numpy()
    return found | {"n_visits": tracker.n_visits_, "parameters": parameters}


FIRST = np.arange(len(X)) < 14  # what ValidSplit(4) holds out
EQUAL = {
    "uneven": {},
    "even": {"n": 48},
    "fewer than a batch": {"n": 5},
    "workers": {},
    "divided": {},
    "accumulated": {"every": 2},
    "goes on": {},
    "held out": {"held_out": FIRST, "reduction": "interpolated"},
    "window": {"held_out": FIRST, "reduction": "auto"},
    "epoch end": {"held_out": FIRST, "recording": "epoch_end"},
    "weighted": {"weight": WEIGHT},
}


def compare(found, expected):
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", EQUAL)
def test_two_processes_are_one_with_their_joint_batches(processes, name):
    compare(processes[0][name], reference(padded, **EQUAL[name]))


def test_what_is_dropped_by_all_is_not_visited(processes):
    expected = reference(lambda order: padded(order, drop_last=True), reduction="mean")
    compare(processes[0]["dropped"], expected)
    assert (expected["n_visits"] == 0).sum() == 5


@pytest.mark.parametrize(
    ("name", "options", "drop_last"),
    [("by hand", {}, False), ("by hand, dropped", {}, True), ("by hand, held out", {"held_out": FIRST}, False)],
)
def test_torch_without_accelerate_scores_alike(processes, name, options, drop_last):
    compare(processes[0][name], reference(lambda order: dealt(order, drop_last=drop_last), **options))


@pytest.mark.parametrize("kind", [HardExampleSampler, DynamicPruningSampler])
def test_a_train_sampler_draws_the_same_in_all_processes(processes, kind):
    found = processes[0][f"{kind.__name__} 0"]
    sampler = kind(random_state=0).bind(len(X), N_EPOCHS)
    sampler.seed_ = int(found["seed"])
    compare(found, reference(padded, sampler=sampler, reduction="mean"))
    assert processes[0]["HardExampleSampler None"]["seed"] == processes[1]["HardExampleSampler None"]["seed"]


def test_every_process_has_all_scores(processes):
    one, two = processes
    for name in one:
        for key, values in one[name].items():
            # torch alone has the losses of its own share in the history
            if not key.startswith("own") and not (name.startswith("by hand") and key == "train_loss"):
                np.testing.assert_array_equal(values, two[name][key], err_msg=f"{name}, {key}")


def test_visits_losses_and_work_are_those_of_all(processes):
    found = processes[0]["shuffled"]
    assert set(found["n_visits"]) == {N_EPOCHS}
    np.testing.assert_allclose(found["gradient_work"], 1)
    trajectories = processes[0]["even"]["trajectories"]
    np.testing.assert_allclose(trajectories.sum(axis=0), processes[0]["even"]["score action_score"], rtol=1e-6)
    np.testing.assert_allclose(trajectories.mean(axis=1), processes[0]["even"]["train_loss"], rtol=1e-6)


def test_the_main_process_writes_trajectories_and_all_read_them(processes, folder):
    written = np.load(folder / "uneven.npy")
    assert written.shape == (N_EPOCHS, len(X))
    for found in processes:
        np.testing.assert_array_equal(found["uneven"]["trajectories"], written)
    assert not [*folder.glob("*.part")]


def test_files_of_two_fits_and_of_several_seeds_are_those_of_the_main_process(processes, folder):
    written = np.load(folder / "repeats.npy")
    assert written.shape == (N_EPOCHS, len(X))
    for found in processes:
        assert found["repeats"]["refit"]
        np.testing.assert_array_equal(found["repeats"]["trajectories"], written)
        np.testing.assert_allclose(written.sum(axis=0), found["repeats"]["score action_score"], rtol=1e-6)


def test_labels_and_eval_sets_are_judged_by_all(processes):
    judged = processes[0]["judge"]
    np.testing.assert_allclose(judged["probabilities"].sum(axis=1), 1, rtol=1e-5)
    assert np.isfinite(judged["wrong"]).all()
    assert judged["eval"].shape == (9,)
    assert judged["predicted"].shape == (len(X),)


def test_half_precision_is_recorded(processes):
    half = processes[0]["half"]
    assert set(half["n_visits"]) == {N_EPOCHS}
    np.testing.assert_allclose(half["score action_score"], processes[0]["uneven"]["score action_score"], rtol=0.05)
    assert (half["parameters"] != processes[0]["uneven"]["parameters"]).any()


# -- refused ------------------------------------------------------------------------------------------------------

REFUSED = {
    "not shared out": "IndexTrackingError: 2 processes train one net, but each of them on all samples",
    "other splits": "IndexTrackingError: the processes do not have the same samples, or train_split",
    "other orders": "IndexTrackingError: the processes do not have the same order of samples",
    "shared out twice": "IndexTrackingError: Accelerate shares batches out among the processes, and the Distributed",
    "uneven batches": "IndexTrackingError: the processes do not have the same number of batches",
    "dispatched": "IndexTrackingError: the samples of a batch cannot be known: dispatch_batches=True",
    "not finite": "NonFiniteLossError: the loss became NaN or infinite in epoch 1, first for the samples at [7",
    "parts": "SampleLossError: losses of parts and units are not put together across processes",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_right_is_an_error_in_all_processes(processes, name):
    for found in processes:
        assert str(found[name]["error"]).replace("positions ", "").startswith(REFUSED[name])


def test_processes_that_train_nets_of_their_own_know_nothing_of_each_other(processes):
    assert [int(found["alone"]["own n_epochs"]) for found in processes] == [1, 2]
    assert [int(found["alone"]["own n"]) for found in processes] == [27, 26]


# -- the end ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "n_visits"), [("epoch", 2 * 212), ("batch", 2 * 160), ("signal", 2 * 48)])
def test_one_process_that_stops_stops_all_and_keeps_the_scores(processes, name, n_visits):
    """Processes ask each other at every 16th step, and hear the answer 16 steps later, or at the end of an epoch."""
    assert processes[0][name]["n_visits"].sum() == n_visits


def test_ctrl_c_in_one_process_ends_the_two_fits_of_all(processes):
    for found in processes:
        stopped = found["signal in the first of two fits"]
        assert not stopped["refit"]
        assert stopped["n_visits"].sum() == 2 * 48


def test_early_stopping_goes_by_the_losses_of_all(processes):
    one, two = (found["early"]["train_loss"] for found in processes)
    assert len(one) == len(two) < 60


def test_ctrl_c_is_handled_as_before(processes):
    assert all(found["handler"]["is python's"] for found in processes)


# -- the page -----------------------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[2] / "docs/guide/scale.md"
PROGRAM, COMMANDS = re.findall(r"```(?:python|bash)\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)[:2]


@pytest.mark.parametrize("command", COMMANDS.splitlines(), ids=lambda command: command.split()[0])
def test_the_commands_of_the_page_do_what_it_says(tmp_path, command):
    (tmp_path / "train.py").write_text(PROGRAM)
    folder = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "ACCELERATE_USE_CPU": "true"}
    if not torch.cuda.is_available():
        command = command.replace("accelerate launch", "accelerate launch --cpu")
    run = subprocess.run(
        command.split(), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert run.returncode == 0, run.stderr
    said = re.search(r"`(\d+ samples, [^`]*)`", PAGE.read_text())[1]
    assert run.stdout.splitlines()[-1] == said
