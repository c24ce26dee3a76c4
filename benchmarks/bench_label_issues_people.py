"""Which labels that people gave are wrong: CIFAR-10N, 8,000 images on a processor, 50,000 on a GPU, and stored arrays.

    python -m benchmarks label_issues_people --jobs 2                   # an hour
    python -m benchmarks label_issues_people --only arrays
    python -m benchmarks label_issues_people --only resnet --device cuda --runs 3 --folds

Labels "worse" are wrong in two of five images, "aggre" in one of eleven. `small`: a small CNN on 8,000 of the images,
for few epochs, with the methods of `label_issues`; seeds draw other images. `arrays` needs no training: it reads what a
ResNet-9 on a GPU recorded, each epoch (AP, over the rows trained on) and, in another run, the average over its window;
the constants of the noise rate from one split were fitted with these arrays, too. `resnet` trains that ResNet-9 anew:
50,000 images, a tenth held out, one cycle of 20 epochs, and with `--folds` five times for cleanlab, too.
"""

from functools import partial
from itertools import product
from time import perf_counter
from typing import Any

import numpy as np
import torch
from cleanlab.filter import find_label_issues as cleanlab_issues
from joblib import Parallel, delayed
from sklearn.metrics import average_precision_score

from actscore_sk import ActionScoreClassifier
from actscore_sk.label_issues.decision import LabelIssues, find_label_issues
from actscore_sk.label_issues.ranking import wrong_label_scores
from actscore_sk.metrics import get_metric
from actscore_sk.metrics.epoch_window import class_entropy, epoch_weights
from benchmarks.common.datasets import Source, Table, is_here, load_cifar10n
from benchmarks.common.intervals import Claim, Interval
from benchmarks.common.label_cells import (
    CLEANLAB,
    REGIMES,
    SINGLES,
    TWO,
    judge,
    judge_cell,
    judge_issues,
    train_cell,
)
from benchmarks.common.label_noise import Labels
from benchmarks.common.nets import colour_cnn
from benchmarks.common.record import Settings, progress
from benchmarks.common.resnet import Cycle, make_resnet, on_device, out_of_fold
from benchmarks.common.timing import markdown_table

DYNAMICS = Source("cifar10n_dynamics.npz", "record a ResNet-9 on CIFAR-10N: see benchmarks/README.md")
OPTIONS = ("jobs", "only", "device", "runs", "folds")
PARTS = ("small", "arrays", "resnet")
KINDS = ("worse", "aggre")
N_SEEDS, N_FOLDS, N_SMALL = 3, 5, 8_000


def run_small(kind: str, regime: str, seed: int, n_images: int, threads: int) -> dict[str, dict[str, float]]:
    """Train the nets of one cell, and judge each method."""
    torch.set_num_threads(threads)
    people = load_cifar10n()
    rows = np.random.default_rng(seed).permutation(len(people.y))[:n_images]
    table, given = Table(4 * people.X[rows] - 2, people.y[rows]), people.given[kind][rows]  # type: ignore[index]
    found = judge_cell(train_cell(table, given, lambda _: colour_cnn(), REGIMES[regime], seed))
    progress(f"{kind}, {regime}, {seed}")
    return found


def mean_of(cells: list[dict[str, dict[str, float]]], method: str, what: str) -> str:
    """Return the mean over the seeds with its interval; nothing where a method does not say it."""
    return str(Interval.of([cell[method][what] for cell in cells], 3)) if what in cells[0][method] else ""


def print_small(settings: Settings, record: dict[str, Any]) -> list[Claim]:
    """Train small CNNs, and print what two fits say beside other rankings and cleanlab."""
    n_images, seeds = (300, range(1)) if settings.quick else (N_SMALL, settings.seeds(N_SEEDS))
    regimes = [*REGIMES][:1]
    jobs = [*product(KINDS, regimes, seeds)]
    run = partial(delayed(run_small), n_images=n_images, threads=settings.threads)
    cells = Parallel(settings.jobs)(run(*job) for job in jobs)
    claims = []
    what = ("average precision", "rate", "F1", "suggestions right", "Brier")
    for kind, regime in product(KINDS, regimes):
        mine = [cell for job, cell in zip(jobs, cells, strict=True) if job[:2] == (kind, regime)]
        record[f"{kind}, {regime}"] = mine
        rows = [(method, *[mean_of(mine, method, each) for each in what]) for method in (TWO, *SINGLES)]
        print(f"\n## {kind}, {regime} epochs, {n_images:,} images, {len(mine)} seeds\n")
        print(markdown_table(("", *what), rows))
        for other in ("action score", "AUM", CLEANLAB):
            gaps = [cell[TWO]["average precision"] - cell[other]["average precision"] for cell in mine]
            claims.append(Claim(f"{kind}, {regime} epochs: average precision above {other}", Interval.of(gaps, 3)))
    return claims


def run_cifar10n() -> list[Any]:
    """Decide from what was recorded on a GPU, and print how that compares."""
    recorded, people = np.load(DYNAMICS.path()), load_cifar10n()
    lines = []
    for kind in ("aggre", "worse"):
        given = people.given[kind]  # type: ignore[index]
        table = Table(people.X[:, 0, 0], people.y)
        says = recorded[f"{kind}_window_probabilities"].astype(np.float32)
        held_out = np.isin(np.arange(len(given)), recorded["held_out"])
        issues = find_label_issues(recorded[f"{kind}_window_margin"], says, given, held_out)
        ranked = rank_epochs(recorded, kind, given, given != people.y, ~held_out)
        found = judge_issues(table, given, issues) | {"truly wrong": (given != people.y).mean()} | ranked
        lines.append((kind, *[f"{found[what]:.3f}" for what in CIFAR_COLUMNS]))
    print("\n## CIFAR-10N, 50,000 images, one fit\n", markdown_table(("labels", *CIFAR_COLUMNS), lines), sep="\n")
    return lines


def rank_epochs(recorded: Any, kind: str, given: Labels, wrong: np.ndarray, trained: np.ndarray) -> dict[str, float]:
    """Average precision of rankings by what was recorded in each epoch, over the rows trained on."""
    margins, losses = (recorded[f"{kind}_{what}"].astype(np.float64) for what in ("margin", "loss"))
    weights = epoch_weights(recorded[f"{kind}_held_out_loss"], class_entropy(given))
    scores = wrong_label_scores(weights @ margins / weights.sum(), given, ~trained)
    rankings = {"AP R2": scores, "AP AUM": -margins.mean(0), "AP action score": losses.sum(0)}
    return {name: average_precision_score(wrong[trained], values[trained]) for name, values in rankings.items()}


CIFAR_COLUMNS = (
    "AP R2",
    "AP AUM",
    "AP action score",
    "truly wrong",
    "rate",
    "average precision",
    "F1",
    "suggestions right",
    "Brier",
)
RANKED_BY = ("action_score", "aum", "el2n")
N_IMAGES_OF_PEOPLE, QUICK_IMAGES, QUICK_CYCLE = 50_000, 500, Cycle(epochs=1, batch_size=100, width=8)


def judge_resnet(table: Table, given: Labels, images: np.ndarray, cycle: Cycle, device: str, seed: int):
    """Train once with a tenth held out; average precision is that of the images trained on, unless it says all."""
    net = make_resnet(len(given), cycle, device, seed, holds_out=True)
    judge_of_labels = ActionScoreClassifier(
        net, metrics=RANKED_BY, store_probabilities=True, refit=False, random_state=seed
    )
    start = perf_counter()
    judge_of_labels.fit(on_device(images, given, device), None)
    seconds, wrong, trained = perf_counter() - start, given != table.y, ~judge_of_labels.validation_mask_
    rankings = {"R2": judge_of_labels.wrong_label_scores_} | {
        name: scores * (1 if get_metric(name).higher_is_harder else -1)
        for name, scores in judge_of_labels.sample_metrics_.items()
    }
    found = judge_issues(table, given, issues_of(judge_of_labels))
    ranked = {f"AP {name}": average_precision_score(wrong[trained], s[trained]) for name, s in rankings.items()}
    found.pop("bins", None)  # not in a refusal
    return ranked | {"AP R2, all": found.pop("average precision")} | found | {"seconds": seconds}


def issues_of(fitted: ActionScoreClassifier) -> LabelIssues:
    """Read what a fitted classifier with classes 0, 1, ... says."""
    scores, suggested, share = fitted.wrong_label_scores_, fitted.suggested_labels_, np.ones(len(fitted.n_visits_))
    if fitted.label_refusal_ is not None:
        return LabelIssues(scores, suggested, share, fitted.label_refusal_)
    rate = fitted.noise_rate_, fitted.noise_rate_interval_, fitted.noise_matrix_
    return LabelIssues(scores, suggested, share, None, fitted.wrong_label_proba_, fitted.is_label_issue_, *rate)


def judge_cleanlab(table: Table, given: Labels, says: np.ndarray) -> dict[str, float]:
    """What cleanlab says of probabilities by nets that did not see the images."""
    own = says[np.arange(len(given)), given]
    flags = cleanlab_issues(given, says, n_jobs=1)
    others = np.where(np.eye(says.shape[1], dtype=bool)[given], -1, says).argmax(1)
    found = judge(table, given, 1 - own, flags, 1 - own, others)
    return {"AP R2, all": found.pop("average precision")} | found


def run_resnet(settings: Settings) -> dict[str, dict[str, Any]]:
    """Train a ResNet-9 on labels that people gave, and print what it says beside cleanlab."""
    people, cycle = load_cifar10n(), QUICK_CYCLE if settings.quick else Cycle()
    people = people.take(np.arange(QUICK_IMAGES if settings.quick else N_IMAGES_OF_PEOPLE))
    images, table = (255 * people.X).round().astype(np.uint8), Table(people.X[:, 0, 0], people.y)
    stored = np.load(DYNAMICS.path()) if DYNAMICS.is_here and not settings.quick else {}
    record: dict[str, dict[str, Any]] = {}
    for kind in ("worse", "aggre"):
        given = people.given[kind]  # type: ignore[index]
        runs = [judge_resnet(table, given, images, cycle, settings.device, seed) for seed in settings.seeds(N_SEEDS)]
        found: dict[str, Any] = {what: Interval.of([run.get(what, np.nan) for run in runs], 4) for what in runs[0]}
        of_folds = []
        if f"{kind}_out_of_fold_probabilities" in stored:
            of_folds.append(("stored", stored[f"{kind}_out_of_fold_probabilities"].astype(np.float64)))
        if settings.folds:
            says = out_of_fold(images, given, cycle, settings.device, 0, N_FOLDS)
            of_folds.append(("trained", says.astype(np.float64)))
        cleanlab = {f"cleanlab, five folds {how}": judge_cleanlab(table, given, says) for how, says in of_folds}
        record[kind] = {"runs": runs, **cleanlab}
        rows = [
            (
                what,
                f"{found[what]}" if what in found else "",
                *[f"{c[what]:.4f}" if what in c else "" for c in cleanlab.values()],
            )
            for what in found
        ]
        print(
            f"\n## CIFAR-10N {kind}, {len(given):,} images, {(given != people.y).mean():.4f} wrong, {len(runs)} seeds\n"
        )
        print(markdown_table(("", "one fit", *cleanlab), rows))
        progress(kind)
    return record


def measure(settings: Settings, record: dict[str, Any]) -> list[Claim]:
    """Run the parts whose data are here."""
    if not is_here("cifar10n"):
        print("left out: CIFAR-10N is not here")
        return []
    parts, claims = settings.parts(PARTS), []
    if "small" in parts:
        claims = print_small(settings, record)
    if "arrays" in parts and DYNAMICS.is_here:
        record["arrays"] = run_cifar10n()
    if "resnet" in parts and (settings.device == "cuda" or settings.quick):
        record["resnet"] = run_resnet(settings)
    return claims
