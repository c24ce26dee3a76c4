"""Pages of the site that are made from the package and its benchmarks, and the links between pages."""

import importlib
import inspect
import re
import shutil
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
BENCHMARKS = DOCS.parent / "benchmarks"
LIBRARIES = ("torch.", "skorch.")  # what their classes have is on their own pages
SCIKIT_LEARN = re.compile(r"set_\w+_request|get_metadata_routing|get_feature_names_out")
# Public for other rooms of the package, and nothing that a user calls.
ENGINE = {
    *("follow", "watching", "end_with_window", "label_evidence", "initialize", "on_train_begin", "on_train_end"),
    *("draw_on", "size", "check_targets", "reduced", "detached", "of", "run_single_epoch"),
}

# Title of a group, a sentence, and the room and the names in it.
GROUPS = [
    ("Estimators", "Fit a learner, and score each sample that it learns from.", "actscore_sk", [
        "ActionScoreClassifier", "ActionScoreRegressor", "ActionScoreEstimator",
    ]),
    ("Recorders", "The same for a net, a loop or processes of your own.", "actscore_sk", [
        "ActionScoreRecorder", "ActionScoreTracker", "AcceleratedNetMixin",
    ]),
    ("Samplers", "Leave samples out, order them, draw or relabel them: `fit_resample(X, y)`.", "actscore_sk", [
        "ActionScorePruner", "ActionScoreCurriculum", "ActionScoreResampler", "ActionScoreRelabeler",
    ]),
    ("Models that act on scores", "Resample or weigh inside of `fit`, in any Pipeline.", "actscore_sk", [
        "ResampledClassifier", "ResampledRegressor", "ReweightedClassifier", "ReweightedRegressor",
    ]),
    ("Transformers", "Predict difficulty; make numbers of a table.", "actscore_sk", [
        "ActionScoreTransformer", "TablePreprocessor",
    ]),
    ("Samplers of batches", "Decide which samples the next epoch visits.", "actscore_sk", [
        "CurriculumSampler", "DynamicPruningSampler", "HardExampleSampler",
    ]),
    ("Displays and tables", "Pictures of scores, their numbers, and one page of all.", "actscore_sk.inspection", [
        "ActionScoreDisplay", "GroupDifficultyDisplay", "TrajectoryDisplay", "DataMapDisplay", "SampleGridDisplay",
        "PruningCurveDisplay", "ActionScoreReport", "group_difficulty", "score_agreement",
    ]),
    ("Metrics", "The definition of each, in NumPy: a number per sample.", "actscore_sk.metrics", [
        "action_score", "aum", "confidence", "correctness", "el2n", "forgetting", "variability", "epoch_weights",
        "get_metric", "get_metric_names",
    ]),
    ("Losses", "Criteria that deliver the loss of each sample, part and unit.", "actscore_sk.losses", [
        "DetailedLoss", "LossDetails", "Units", "RaggedScores", "MultiBoxLoss", "make_anchors", "pad_boxes",
        "SegmentationLoss", "TokenCrossEntropyLoss", "MultiOutputLoss",
    ]),
    ("Errors", "All are an `ActionScoreError`.", "actscore_sk", [
        "ActionScoreError", "IndexTrackingError", "NonFiniteLossError", "SampleLossError",
    ]),
]  # fmt: skip
ROOM_OF = {name: room for _, _, room, names in GROUPS for name in names}


def write_reference(folder: Path) -> None:
    """Write the page that lists all public names in groups; autosummary makes a page of each."""
    lines = ["Reference", "=========", "", "What is public. All else may change without notice.", ""]
    for title, sentence, room, names in GROUPS:
        lines += [title, "-" * len(title), "", sentence.replace("`", "``"), "", f".. currentmodule:: {room}", ""]
        lines += [".. autosummary::", "   :toctree: .", "   :nosignatures:", "", *(f"   {name}" for name in names), ""]
    folder.mkdir(exist_ok=True)
    (folder / "api.rst").write_text("\n".join(lines))


def public_methods(path: str) -> list[str]:
    """Return the methods of a class that users call, inherited ones too."""
    cls = _class_of(path)
    return [
        name
        for name in dir(cls)
        if not (name.startswith("_") or name in ENGINE or SCIKIT_LEARN.fullmatch(name))
        and not _owner(cls, name).__module__.startswith(LIBRARIES)
        and callable(getattr(cls, name, None))
    ]


def entry_of(path: str, method: str) -> str:
    """Return a directive for a method; what scikit-learn's classes have is described in one sentence."""
    cls = _class_of(path)
    owner = _owner(cls, method)
    if owner.__module__.startswith("actscore_sk"):
        return f".. automethod:: {cls.__name__}.{method}"
    parameters = str(inspect.signature(getattr(cls, method))).replace("self, ", "").replace("(self)", "()")
    return "\n".join(
        [
            f".. method:: {cls.__name__}.{method}{parameters}",
            "",
            f"   {summary_of(path, method)} As in scikit-learn's ``{owner.__name__.strip('_')}``.",
        ]
    )


def summary_of(path: str, method: str) -> str:
    """Return the first sentence about a method."""
    text = inspect.getdoc(getattr(_class_of(path), method)).partition("\n\n")[0]
    return re.sub(r":\w+:`([^<`]*?)( <[^>]*>)?`", r"\1", " ".join(text.split()))


def _class_of(path: str) -> type:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _owner(cls: type, name: str) -> type:
    return next((each for each in cls.__mro__ if name in vars(each)), object)


def neighbours(name: str) -> list[str]:
    """Return the other names of its group, as links."""
    group = next(names for _, _, _, names in GROUPS if name in names)
    return [f":obj:`~{ROOM_OF[other]}.{other}`" for other in group if other != name]


def pages_about(name: str) -> list[str]:
    """Return links to the pages of the guide, and to the examples, in whose text or code the name is."""
    word = re.compile(rf"\b{name}\b")
    pages = sorted(page for page in DOCS.glob("guide/*.md") if page.stem != "README" and word.search(page.read_text()))
    examples = sorted(page for page in DOCS.glob("examples/plot_*.py") if word.search(page.read_text()))
    titles = [page.read_text().partition("\n")[0].lstrip("# ").partition(":")[0] for page in pages]
    return [f":doc:`{title} </guide/{page.stem}>`" for title, page in zip(titles, pages, strict=True)] + [
        f":doc:`/auto_examples/{page.stem}`" for page in examples
    ]


CONTEXT: dict[str, Any] = {
    function.__name__: function for function in (public_methods, summary_of, entry_of, neighbours, pages_about)
}


def copy_records(folder: Path) -> None:
    """Bring the page of the benchmarks and their records into the site."""
    page = (BENCHMARKS / "README.md").read_text()
    (folder / "benchmarks.md").write_text(re.sub(r"\[([^\]]*)\]\(results/?\)", r"\1", page))
    shutil.rmtree(folder / "results", ignore_errors=True)  # records that are gone from the repository
    shutil.copytree(BENCHMARKS / "results", folder / "results")
    for record in (folder / "results").glob("*.md"):
        record.write_text("---\norphan: true\n---\n\n" + record.read_text())


# Pages that also live in the repository link to each other by its folders.
MOVED = {
    "../../benchmarks/README.md": "../generated/benchmarks.md",
    "../../benchmarks/results/": "../generated/results/",
    "../benchmarks/README.md": "generated/benchmarks.md",
    "../benchmarks/results/": "generated/results/",
    "../docs/": "../",
}
EXAMPLE = re.compile(r"\]\(../examples/(\w+)\.py\)")
FENCED = re.compile(r"^(```.*?^```)$", flags=re.MULTILINE | re.DOTALL)
NAMED = re.compile(
    rf"(?<![\[`])`(({'|'.join(sorted(ROOM_OF, key=len, reverse=True))})(\([^`<]*)?(\.\w+\([^`<]*)?)`(?!\])"
)


def link_names(text: str) -> str:
    """Turn public names in the text of a page, not in its code, into links to the reference."""
    parts = FENCED.split(text)
    parts[::2] = [
        NAMED.sub(lambda found: f"{{py:obj}}`{found[1]} <{ROOM_OF[found[2]]}.{found[2]}>`", part) for part in parts[::2]
    ]
    return "".join(parts)


def rewrite_page(app, name: str, source: list[str]) -> None:
    """Turn links of the repository into links of the site, and the list of guide pages into its contents."""
    if name == "guide/README":
        pages = re.findall(r"^- \[.*?\]\((\w+)\.md\)", source[0], flags=re.MULTILINE)
        source[0] += "\n".join(["\n```{toctree}", ":hidden:", "", *pages, "```\n"])
    for old, new in MOVED.items():
        source[0] = source[0].replace(f"]({old}", f"]({new}")
    source[0] = EXAMPLE.sub(r"](../auto_examples/\1.rst)", source[0])
    if name.startswith("guide/") or name in {"concepts", "faq", "glossary", "comparison", "start"}:
        source[0] = link_names(source[0])
