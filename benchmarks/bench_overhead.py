"""What scoring costs: the same net trained by a torch loop, by skorch and by actscore_sk, in turns.

    python -m benchmarks overhead                      # about ten minutes
    python -m benchmarks overhead --device cuda --only mlp,resnet
    python -m benchmarks overhead --clock cpu --only cnn

Timed is all of a fit: checks of the input, the module made, training and scores; see `benchmarks.common.training`.
Targets are judged by the median over repeats of the ratio inside a repeat. Needs the `bench` extra.
`--quick` takes less than two minutes on two idle cores and leaves the rows with worker processes out.
"""

import time
from collections.abc import Callable, Sequence
from cProfile import Profile
from dataclasses import replace
from functools import partial
from pstats import Stats
from statistics import median
from typing import Any

import torch

from actscore_sk.metrics import get_metric_names
from actscore_sk.recording import books
from benchmarks.common.nets import ResNet9
from benchmarks.common.record import Settings
from benchmarks.common.timing import (
    CLOCKS,
    Seconds,
    Spread,
    Target,
    in_fresh_process,
    interleave,
    markdown_table,
    paired_ratio,
    peak_bytes,
    timing_table,
)
from benchmarks.common.training import (
    ROWS,
    TWINS,
    Case,
    Job,
    TimedTracker,
    cnn,
    make_job,
    mlp,
    parameters,
    torch_loop_tracker,
    work,
)

OPTIONS = ("device", "clock", "only")

# Ten epochs are skorch's default. A batch of 1024 is what one takes for a million rows; it shows the cost of a
# sample, as the batch of 128 shows the cost of a batch. In `scaling` each size makes a million visits in batches
# that are all full. Repeats are many and short, since other work on the machine comes and goes.
MLP = Case(20_000, (32,), 2, partial(mlp, 32), 128, epochs=10, repeats=15, quick_repeats=3)
CNN = Case(4_000, (1, 28, 28), 10, cnn, 64, epochs=3, repeats=9, quick_repeats=2)
MILLION = Case(1_000_000, (16,), 2, partial(mlp, 16), 1024, epochs=1, repeats=7, quick_repeats=3)
SCALING = Case(1_000_000, (16,), 2, partial(mlp, 16), 125, epochs=1, repeats=7, quick_repeats=3)
SIZES = {"10^4 rows": 10_000, "10^5 rows": 100_000, "10^6 rows": 1_000_000}
LARGE_ROWS = ("torch loop", "torch loop + scores", "actscore", "actscore, all metrics")
MEMORY_ROWS = ("torch loop", "skorch", "actscore", "actscore, all metrics")
WORKER_ROWS = ("skorch, user's DataLoader settings", "actscore, user's DataLoader settings")
TRACKERS: dict[str, dict[str, Any]] = {
    "action score": {},
    "all metrics": {"metrics": get_metric_names()},
    "all metrics, probabilities": {"metrics": get_metric_names(), "store_probabilities": True},
}
MEMORY_REPEATS = 3
GPU_ROWS = ("torch loop", "skorch", "actscore", "actscore, all metrics")  # best form of each, in seconds per row
# As CIFAR-10 in shape and number; for a GPU alone: a minute there, hours on a CPU.
RESNET = Case(50_000, (3, 32, 32), 10, ResNet9, 512, epochs=4, repeats=5, quick_repeats=2, is_bytes=True)
GPU_LIMITS = {("actscore", "skorch"): 0.5, ("actscore, all metrics", "actscore"): 1.05}
BOOK_SIZES, BOOK_VISITS = (20_000, 100_000), 200_000


# -- the cases -------------------------------------------------------------------------------------------------


def rows_of(settings: Settings) -> list[str]:
    """Return the rows of the small cases."""
    if settings.device == "cuda":
        return list(GPU_ROWS)
    leaves_out = settings.quick or settings.clock == "cpu"
    return [row for row in ROWS if not (leaves_out and row in WORKER_ROWS)]


def repeats_of(case: Case, settings: Settings) -> int:
    """Return the number of repeats that count."""
    return case.quick_repeats if settings.quick else case.repeats


Found = tuple[dict[str, Any], list[Target]]


def compare(case: Case, rows: Sequence[str], settings: Settings) -> Seconds:
    """Time rows on one case, print the table, and check that scored nets equal the plain ones."""
    job = make_job(case, settings.device)
    seconds, results = interleave(
        {row: partial(work, row, job) for row in rows},
        repeats=repeats_of(case, settings),
        device=settings.device,
        clock=settings.clock,
    )
    print(timing_table(seconds, "torch loop", case.n_batches))
    pairs = [(row, twin) for row, twin in TWINS.items() if row in results and twin in results]
    unequal = [row for row, twin in pairs if not torch.equal(*map(parameters, (results[row], results[twin])))]
    if pairs:
        n_equal = len(pairs) - len(unequal)
        print(f"\nParameters equal to skorch's, to the bit: {n_equal} of {len(pairs)} scored rows", *unequal)
    return seconds


def ratio_targets(name: str, seconds: Seconds, limits: dict[tuple[str, str], float]) -> list[Target]:
    """Hold ratios of rows against their limits."""
    return [
        Target(f"{name}: {row} / {reference}", paired_ratio(seconds, row, reference), limit)
        for (row, reference), limit in limits.items()
    ]


def run_mlp(settings: Settings) -> Found:
    """Small batches of a small net, where every microsecond shows."""
    seconds = compare(MLP, rows_of(settings), settings)
    limits = {
        ("actscore", "torch loop"): 1.05,
        ("actscore", "skorch"): 0.5,
        ("actscore, all metrics", "actscore"): 1.15,
    }
    if settings.device == "cuda":
        limits = {("actscore", "torch loop"): 1.0} | GPU_LIMITS
    return {"seconds": seconds}, ratio_targets("mlp", seconds, limits)


def run_cnn(settings: Settings) -> Found:
    """A net that works harder for a batch."""
    seconds = compare(CNN, rows_of(settings), settings)
    rows = ["actscore", "torch loop + tracker", "torch loop + tracker, all metrics"]
    rows = [row for row in rows if row in seconds]
    return {"seconds": seconds}, ratio_targets("cnn", seconds, {(row, "torch loop"): 1.02 for row in rows})


def run_tracker(settings: Settings) -> Found:
    """The share of a tracker in a step of the CNN: its own processor time, over that of all else in the loop."""
    case, job = CNN, make_job(CNN, settings.device)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in TRACKERS}
    for repeat in range(repeats_of(case, settings) + 1):  # the first does not count
        for name, options in TRACKERS.items():
            tracker, start = TimedTracker(case.n_samples, **options), time.process_time()
            torch_loop_tracker(job, tracker=tracker)
            others = time.process_time() - start - tracker.seconds
            if repeat:
                found[name].append((tracker.seconds / case.n_batches, tracker.seconds / others))
    shares = {name: Spread.of([share for _, share in pairs]) for name, pairs in found.items()}
    lines = []
    for name, pairs in found.items():
        percent = [f"{100 * share:.2f} %" for share in vars(shares[name]).values()]
        lines.append((name, f"{median(own for own, _ in pairs) * 1e6:.0f}", *percent))
    print(markdown_table(("tracker", "µs a batch", "share of a step: median", "min", "max"), lines))
    return {"seconds_and_share": found}, [
        Target(f"tracker: {name}, share of a step", share, 0.02) for name, share in shares.items()
    ]


def run_million(settings: Settings) -> Found:
    """Many samples: time, then memory."""
    rows = LARGE_ROWS if settings.quick else (*LARGE_ROWS, "skorch")
    seconds = compare(MILLION, rows, settings)
    peaks, targets = compare_memory(settings)
    targets += ratio_targets("million", seconds, {("actscore, all metrics", "actscore"): 1.15})
    return {"seconds": seconds, **peaks}, targets


def run_scaling(settings: Settings) -> Found:
    """The same number of visits to more and more samples."""
    names = ("actscore",) if settings.quick else ("torch loop", "actscore")
    rows: dict[str, Callable[[], Any]] = {}
    for label, n_samples in SIZES.items():
        epochs = SCALING.n_samples // n_samples
        job = make_job(replace(SCALING, n_samples=n_samples, epochs=epochs), settings.device)
        rows |= {f"{row}, {label}": partial(work, row, job) for row in names}
    seconds, _ = interleave(rows, repeats=repeats_of(SCALING, settings), device=settings.device, clock=settings.clock)
    first, *larger = [f"actscore, {label}" for label in SIZES]
    print(timing_table(seconds, first, SCALING.n_batches))
    ratios = {row: paired_ratio(seconds, row, first) for row in larger}
    return {"seconds": seconds}, [
        Target(f"scaling: {row} / {first}", ratio, 1.1, low=0.9) for row, ratio in ratios.items()
    ]


# -- the books -------------------------------------------------------------------------------------------------


def profiled_share(job: Job, clock: Callable[[], float]) -> float:
    """Train the actscore row under `cProfile`; return how much of the time is spent inside `books.py`, in percent."""
    profile = Profile(clock)
    profile.runcall(work, "actscore", job)
    stats = Stats(profile)
    entries = [
        cumulative
        for (file, *_), (*_, callers) in stats.stats.items()  # type: ignore[attr-defined]
        for (caller, *_), (*_, cumulative) in callers.items()
        if file == books.__file__ != caller
    ]
    return 100 * sum(entries) / stats.total_tt  # type: ignore[attr-defined]


def run_books(settings: Settings) -> Found:
    """How much of a fit the comparison of both losses takes, by a profiler."""
    found, targets = {}, []
    for n_samples in BOOK_SIZES:
        job = make_job(replace(MLP, n_samples=n_samples, epochs=BOOK_VISITS // n_samples), settings.device)
        profiled_share(job, CLOCKS[settings.clock])  # imports and proofs come once
        shares = [profiled_share(job, CLOCKS[settings.clock]) for _ in range(repeats_of(MLP, settings))]
        found[str(n_samples)] = shares
        targets.append(Target(f"books: percent of a fit on {n_samples:,} rows", Spread.of(shares), 0.5))
    print(markdown_table(("rows", "percent of a fit"), [(n, Spread.of(shares)) for n, shares in found.items()]))
    return {"percent": found}, targets


# -- memory ----------------------------------------------------------------------------------------------------


def measure_memory(row: str, device: str, threads: int) -> tuple[int, int]:
    """Train one row in this process; give its peak and the recorder's state, both in bytes."""
    torch.set_num_threads(threads)
    work(row, make_job(replace(MILLION, n_samples=2 * MILLION.batch_size), device))  # loads what is loaded late
    result = work(row, make_job(MILLION, device))
    recorder = getattr(result, "_recorder", None)
    state = 0 if recorder is None else recorder.recording_.record.state.nbytes + recorder.validation_mask_.nbytes
    return peak_bytes(device), state


def compare_memory(settings: Settings) -> Found:
    """Measure each row in processes of its own and print the table."""
    repeats = range(1 if settings.quick else MEMORY_REPEATS)
    found = {
        row: [in_fresh_process(measure_memory, row, settings.device, settings.threads) for _ in repeats]
        for row in MEMORY_ROWS
    }
    lines = []
    for row, measured in found.items():
        peak = median(peak for peak, _ in measured) / 1e6
        more = [bytes_more(measured, found[other]) for other in ("torch loop", "skorch")]
        lines.append((row, f"{peak:.0f}", *more, measured[0][1] / MILLION.n_samples))
    header = ("row", "peak MB", "bytes a sample more than torch loop", "more than skorch", "state of the recorder")
    print("", markdown_table(header, lines), sep="\n")
    state = Spread.of([state / MILLION.n_samples for _, state in found["actscore"]])
    over = bytes_more(found["actscore"], found["skorch"])
    return {"peak_and_state_bytes": found}, [
        Target("million: peak of actscore over skorch, bytes a sample", over, 16),
        Target("million: state of the recorder, bytes a sample", state, 16),
    ]


def bytes_more(mine: list[tuple[int, int]], theirs: list[tuple[int, int]]) -> Spread:
    """Compare peaks of two rows, each process with each, in bytes a sample."""
    return Spread.of([(peak - other) / MILLION.n_samples for peak, _ in mine for other, _ in theirs])


def run_resnet(settings: Settings) -> Found:
    """A net of seven million parameters in bfloat16, on pictures of bytes; left out on a CPU."""
    if settings.device == "cpu":
        print("Left out: hours on a CPU.")
        return {}, []
    seconds = compare(RESNET, GPU_ROWS, settings)
    return {"seconds": seconds}, ratio_targets("resnet", seconds, {("actscore", "torch loop"): 1.02} | GPU_LIMITS)


CASES = {
    "mlp": run_mlp,
    "resnet": run_resnet,
    "cnn": run_cnn,
    "tracker": run_tracker,
    "million": run_million,
    "scaling": run_scaling,
    "books": run_books,
}


def measure(settings: Settings, record: dict[str, Any]) -> list[Target]:
    """Run the cases asked for."""
    targets: list[Target] = []
    for name in settings.parts(list(CASES)):
        print(f"\n## {name}\n")
        record[name], found = CASES[name](settings)
        targets += found
    return targets
