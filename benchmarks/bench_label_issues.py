"""Which labels are wrong, how many, and what they should be: one fit, two, or nets trained at once, against cleanlab.

    python -m benchmarks label_issues                        # hours
    python -m benchmarks label_issues --only held_back,tables --jobs 2 --runs 1

A cell is a table, a kind and rate of noise, and a regime; its numbers are means over seeds. Nets train for few epochs
with dropout and weight decay ("few"), or for so many that they memorise ("many"). Five nets hold a fifth of the rows
out each. The first alone is one fit; with a sixth net, on all rows, it makes two; all five are the cross-fit, and their
margins and probabilities are averages over the window of each. cleanlab 2.9.0 gets what the five say after their last
epoch of the rows that they did not see. The rule of the cross-fit was found on the tables `found` (ten of the kinds of
noise, first seed), got its floor after `tables` was read (first seed), and had not seen `larger` and `held_back` when
it was frozen. The test whether a net has learnt anything was changed after its refusals on two imbalanced tables of
`held_back` were seen, by ten other imbalanced tables. The refusal of a net whose training has hardly begun came last,
from other data, when all of these had been read: it refuses 1 in 200 cells more. The rule of one fit and two has seen
more: what went wrong on `tables` and `larger` led to its floor of the noise rate, and one constant was changed after
`held_back` was read. Noise that follows the features gives the likeliest other class to rows that a nearest-neighbour
and a linear model are unsure of. Two classes have no pair noise of their own. What the fits cost is timed by
`label_issues_cost`; labels that people gave are in `label_issues_people`.
"""

from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed

from benchmarks.common.datasets import KEEL, LOADERS, SOURCES, Table, is_here, load_fashion, load_keel, scaled
from benchmarks.common.intervals import Claim, Interval
from benchmarks.common.label_cells import (
    CLEANLAB,
    CROSS,
    ONE,
    REGIMES,
    SINGLES,
    TWO,
    Evidence,
    judge_cell,
    perceptron,
    train_cell,
)
from benchmarks.common.label_noise import CELLS, NOISE
from benchmarks.common.nets import strided_cnn
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import markdown_table

FOUND_ON = (
    *("satimage", "spambase", "magic", "penbased", "segment", "vehicle", "banana", "letter", "optdigits", "texture"),
    *("phoneme", "ring", "twonorm", "vowel", "wine"),
    *("australian", "german"),  # a run of these two led to another test of whether a net has learnt something
)
TABLES = (
    "tic-tac-toe",
    "saheart",
    "led7digit",
    "mammographic",
    "movement_libras",
    "pima",
    "contraceptive",
    "ionosphere",
)
LARGER = ("chess", "marketing", "mushroom", "splice")
# Chosen by their size, and written down before any rule was tried on them. The first rule of the noise floor, found on
# the tables above, lost F1 on seven of them (few epochs, first seed), and a less careful one was taken in its place.
# The rule of the cross-fit was frozen before it was tried on them.
HELD_BACK = (
    *("crx", "wisconsin", "titanic", "imbalanced/yeast1", "imbalanced/abalone9-18", "imbalanced/winequality-red-4"),
    *("mnist 5k", "20newsgroups"),
)
N_SEEDS, N_ROWS, N_IMAGES = 3, 700, 10_000

OPTIONS = ("jobs", "only", "runs", "keep")


def load_flat(name: str) -> Table:
    """Read a table, images as rows of numbers."""
    whole = LOADERS[name]() if name in LOADERS else load_keel(name)
    return Table(whole.X.reshape(len(whole.y), -1), whole.y)


def run_table(name: str, part: str, settings: Settings) -> dict[str, list[dict[str, dict[str, float]]]]:
    """All cells of a table: by noise and regime, one entry a seed."""
    torch.set_num_threads(settings.threads)
    is_images = name == "fashion"
    whole = load_fashion() if is_images else load_flat(name)
    n_rows = N_IMAGES if is_images else N_ROWS if part != "larger" else len(whole.y)
    cells = CELLS[::3] if settings.quick or is_images or part == "larger" else CELLS
    results: dict[str, list[dict[str, dict[str, float]]]] = {}
    seeds = settings.seeds(1 if part == "larger" else N_SEEDS)
    for seed, (kind, rate), regime in product(seeds, cells, REGIMES):
        if kind == "pair" and whole.n_classes == 2:
            continue
        path = Path(settings.keep) / f"{name}_{n_rows}_{kind}_{rate}_{regime}_{seed}.npz"
        if settings.keep and path.exists():
            seen = Evidence(**np.load(path))
        else:
            rng = np.random.default_rng(seed)
            table = whole.take(rng.permutation(len(whole.y))[:n_rows])
            table = table if is_images else Table(scaled(table.X), table.y)
            labels = NOISE[kind](table, rate, rng)
            module = partial(perceptron, table.X.shape[1], whole.n_classes)
            build = (lambda _: strided_cnn()) if is_images else module
            seen = train_cell(table, labels, build, REGIMES[regime], seed)
            if settings.keep:
                path.parent.mkdir(parents=True, exist_ok=True)
                np.savez(path, **vars(seen))
        results.setdefault(f"{kind} {rate:.0%}, {regime}", []).append(judge_cell(seen))
    progress(name)
    return results


def mean_of(cell: Sequence[dict[str, dict[str, float]]], method: str, what: str) -> float:
    """Mean over the seeds of a cell; NaN if it was not judged."""
    return float(np.mean([seed[method].get(what, np.nan) for seed in cell]))


WHAT = ("average precision", "rate error", "flagged if clean", "F1", "suggestions right", "Brier")
EXTRA = ("interval covers", "refused", "fits")


def print_regime(cells: dict[str, list[Any]], regime: str) -> list[Claim]:
    """Means over cells, and what is claimed against cleanlab."""
    mine = {name: cell for name, cell in cells.items() if name.endswith(f", {regime}")}
    gather = {
        (method, what): np.array([mean_of(cell, method, what) for cell in mine.values()])
        for method in METHODS
        for what in (*WHAT, *EXTRA)
    }
    lines = [
        (what, *[f"{np.nanmean(gather[m, what]):.3f}" if not np.isnan(gather[m, what]).all() else "" for m in METHODS])
        for what in (*WHAT, *EXTRA)
    ]
    decided = gather[CROSS, "refused"] == 0
    for what in ("F1", "rate error"):  # a refusal flags nothing, where cleanlab flags what cannot be known
        lines.append(
            (f"{what}, {decided.sum()} decided", *[f"{np.nanmean(gather[m, what][decided]):.3f}" for m in METHODS])
        )
    print(f"\n## {len(mine)} cells, {regime} epochs\n", markdown_table(("mean over cells", *METHODS), lines), sep="\n")
    claims = []
    for what, sign in CLAIMED.items():
        gap = sign * (gather[CROSS, what] - gather[CLEANLAB, what])
        interval = Interval.of(gap[~np.isnan(gap)].tolist(), 3)
        claims.append(Claim(f"{regime} epochs, {what}: {CROSS} better than {CLEANLAB}", interval))
        if what in ("F1", "rate error"):
            interval = Interval.of(gap[decided & ~np.isnan(gap)].tolist(), 3)
            claims.append(Claim(f"{regime} epochs, {what}, decided cells: {CROSS} better than {CLEANLAB}", interval))
    return claims


METHODS = (CROSS, TWO, ONE, CLEANLAB)
CLAIMED = {
    "average precision": 1,
    "rate error": -1,
    "F1": 1,
    "suggestions right": 1,
    "Brier": -1,
}  # -1: lower is better


def print_kinds(cells: dict[str, list[Any]]) -> list[Claim]:
    """Print means over the cells of each kind of noise: rankings in all cells, decisions in those that were decided."""
    lines, claims, heads = [], [], []
    for kind in NOISE:
        mine = [cell for name, cell in cells.items() if f", {kind} " in name and SINGLES[0] in cell[0]]
        if not mine:
            continue
        decided = [cell for cell in mine if mean_of(cell, CROSS, "refused") == 0]
        ranked = {each: [mean_of(cell, each, "average precision") for cell in mine] for each in (CROSS, *SINGLES)}
        said = {
            (what, method): np.array([mean_of(cell, method, what) for cell in decided])
            for what in ("rate error", "F1")
            for method in (CROSS, CLEANLAB)
        }
        covers = [mean_of(cell, CROSS, "interval covers") for cell in decided]
        means = [f"{np.mean(np.array(values)):.3f}" for values in (*ranked.values(), *said.values(), covers)]
        lines.append((kind, f"{len(decided)} of {len(mine)}", *means))
        heads = [f"{what}, {method}" for what, method in said]
        for what, sign in (("rate error", -1), ("F1", 1)):
            gap = sign * (said[what, CROSS] - said[what, CLEANLAB])
            text = f"{kind} noise, {what}, decided cells: {CROSS} better than {CLEANLAB}"
            claims.append(Claim(text, Interval.of(gap.tolist(), 3)))
    print(
        "\n## By kind of noise: average precision of rankings; rate and flags where something was decided\n",
        markdown_table(("noise", "decided", CROSS, *SINGLES, *heads, "interval covers"), lines),
        sep="\n",
    )
    return claims


def print_cells(cells: dict[str, list[Any]]) -> None:
    """Every cell that loses more than .01 of average precision to the best single ranking, the worst first."""
    lines, n = [], 0
    for name, cell in cells.items():
        ours = mean_of(cell, CROSS, "average precision")
        singles = {single: mean_of(cell, single, "average precision") for single in SINGLES if single in cell[0]}
        if np.isnan(ours):
            continue
        n += 1
        best = max(singles, key=lambda single: singles[single])
        if ours < singles[best] - 0.01:
            lines.append((name, f"{ours:.3f}", best, f"{singles[best]:.3f}"))
    lines.sort(key=lambda line: float(line[1]) - float(line[3]))
    print(f"\n## Lost to the best single ranking by more than .01: {len(lines)} of {n} cells\n")
    print(markdown_table(("cell", CROSS, "best", "average precision"), lines))


def print_targets(cells: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Hold the cross-fit against what was aimed at."""
    mean = {what: np.array([mean_of(cell, CROSS, what) for cell in cells.values()]) for what in (*WHAT, *EXTRA)}
    clean = {name.split(",")[0] for name in cells}
    flagged = [
        np.nanmean([mean_of(cell, CROSS, "flagged if clean") for name, cell in cells.items() if name.startswith(table)])
        for table in clean
    ]
    ranked = [name for name, cell in cells.items() if SINGLES[0] in cell[0]]
    best = np.array([max(mean_of(cells[name], each, "average precision") for each in SINGLES) for name in ranked])
    ours = np.array([mean_of(cells[name], CROSS, "average precision") for name in ranked])
    counts, said, wrong = np.sum(
        [seed[CROSS]["bins"] for cell in cells.values() for seed in cell if "bins" in seed[CROSS]], 0
    )
    gaps = abs(said - wrong) / np.maximum(counts, 1)
    targets = [
        ("average precision, mean over cells", np.nanmean(ours), ">=", 0.83),
        ("the same, less that of the best single ranking of each cell", np.nanmean(ours - best), ">=", 0.0),
        ("share of cells within .01 of the best single ranking", np.mean(ours >= best - 0.01), ">=", 0.9),
        ("rate of wrong labels, mean absolute error", np.mean(mean["rate error"]), "<=", 0.045),
        ("flagged on untouched tables, mean", np.mean(flagged), "<=", 0.01),
        ("flagged on untouched tables, worst table", max(flagged), "<=", 0.03),
        ("Brier", np.mean(mean["Brier"]), "<=", 0.08),
        ("probabilities: worst of ten bins", gaps.max(), "<=", 0.1),
    ]
    rows = [
        (what, f"{found:.3f}", f"{sign} {aim}", "met" if (found >= aim) == (sign == ">=") else "**not met**")
        for what, found, sign, aim in targets
    ]
    print("\n## What the cross-fit was to reach\n", markdown_table(("", "found", "target", ""), rows), sep="\n")
    return [{"what": what, "found": found, "target": aim} for what, found, _, aim in targets]


PARTS = {"found": FOUND_ON, "tables": TABLES, "held_back": HELD_BACK, "larger": LARGER, "images": ("fashion",)}


def measure(settings: Settings, record: dict[str, Any]) -> list[Claim]:
    """Run the parts whose data are here."""
    parts = settings.parts([*PARTS, *FOUND_ON, *TABLES, *HELD_BACK, *LARGER])  # parts, or single tables
    claims = []
    for part in PARTS:
        here = is_here("fashion") if part == "images" else KEEL.is_here
        # A quick run does not look at the tables that are kept for judging the rules.
        if not here or (settings.quick and part != "found"):
            continue
        names = [name for name in PARTS[part] if part in parts or name in parts][: 2 if settings.quick else None]
        names = [name for name in names if name not in SOURCES or is_here(name)]
        if not names:
            continue
        runs = Parallel(settings.jobs)(delayed(run_table)(name, part, settings) for name in names)
        found = dict(zip(names, runs, strict=True))
        cells = {f"{name}, {cell}": seeds for name, table in found.items() for cell, seeds in table.items()}
        print(f"\n# {part}: {', '.join(names)}")
        for regime in REGIMES:
            made = print_regime(cells, regime)
            claims += made if part == "held_back" else []
        made = print_kinds(cells)
        claims += made if part == "held_back" else []
        record[f"{part}, targets"] = print_targets(cells)
        print_cells(cells)
        record[part] = found
    return claims
