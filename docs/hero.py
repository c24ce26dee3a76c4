"""The picture of the first page: losses over epochs, the score of each digit, and the labels most likely wrong.

python docs/hero.py             # writes docs/images/hero.png, and hero_narrow.png for telephones
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from actscore_sk import ActionScoreClassifier

IMAGES = Path(__file__).parent / "images"
# Name, size in inches, and how the three panels are laid out.
PICTURES = (
    ("hero.png", (12.4, 3.7), {"nrows": 1, "ncols": 3, "width_ratios": [1.05, 1, 1.75], "wspace": 0.04}),
    ("hero_narrow.png", (4.7, 8.6), {"nrows": 3, "ncols": 1, "height_ratios": [1, 1, 0.95], "hspace": 0.02}),
)
DARK, LIGHT, ACCENT = "#1b3a57", "#c9d8e8", "#b5541c"
N_WRONG, N_SHOWN = 90, 10


def draw_losses(ax, losses, is_wrong):
    """Draw the median loss of right and of wrong labels, and where eight of ten of them are."""
    epochs = np.arange(1, len(losses) + 1)
    for group, colour, line, name in ((~is_wrong, DARK, "-", "right labels"), (is_wrong, ACCENT, "--", "wrong labels")):
        low, middle, high = np.quantile(losses[:, group], [0.1, 0.5, 0.9], axis=1)
        ax.fill_between(epochs, low, high, color=colour, alpha=0.2, linewidth=0)
        ax.plot(epochs, middle, color=colour, linewidth=2, linestyle=line, label=name)
    ax.set(xlabel="epoch", ylabel="loss", ylim=(0, None), xticks=epochs[::3])
    ax.set_title("1  A net trains", loc="left", fontsize="large")


def draw_scores(ax, scores, is_wrong):
    """Draw how often each score is there."""
    both = [scores[~is_wrong], scores[is_wrong]]
    bins = np.linspace(0, scores.max(), 31)
    ax.hist(both, bins, color=[LIGHT, ACCENT], edgecolor="white", linewidth=0.4, stacked=True, label=["right", "wrong"])
    ax.set(xlabel="action score: losses, added up", ylabel="digits", yscale="log")
    ax.set_title("2  Each sample gets a score", loc="left", fontsize="large")


def draw_digits(figure, images, given, clf, is_wrong):
    """Draw the digits most likely wrong, with the label given and the one suggested."""
    figure.suptitle("3  Labels most likely wrong, and what they should be", fontsize="large")
    for ax, row in zip(figure.subplots(2, N_SHOWN // 2).ravel(), clf.label_issues().index[:N_SHOWN], strict=True):
        ax.imshow(images[row], cmap="gray_r", interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"{given[row]} → {clf.suggested_labels_[row]}", color=DARK, fontsize="large")
        ax.spines[:].set(color=ACCENT if is_wrong[row] else LIGHT, linewidth=2)


def main():
    """Flip labels, fit, draw."""
    digits = load_digits()
    rng = np.random.default_rng(0)
    wrong = rng.choice(len(digits.target), N_WRONG, replace=False)
    given = digits.target.copy()
    given[wrong] = (digits.target[wrong] + rng.integers(1, 10, N_WRONG)) % 10
    is_wrong = np.isin(np.arange(len(given)), wrong)
    clf = ActionScoreClassifier(store_probabilities=True, store_trajectories=True, random_state=0)
    clf.fit(digits.data, given)
    found = int(is_wrong[clf.is_label_issue_].sum())
    print(f"{clf.is_label_issue_.sum()} labels look wrong, {found} of the {N_WRONG} wrong ones are among them")

    for name, size, panels in PICTURES:
        figure = plt.figure(figsize=size, layout="constrained")
        curves, bars, grid = figure.subfigures(**panels)
        draw_losses(curves.subplots(), clf.trajectories_, is_wrong)
        draw_scores(bars.subplots(), clf.action_scores_, is_wrong)
        for ax in (*curves.axes, *bars.axes):
            ax.legend(frameon=False)
            ax.spines[["top", "right"]].set_visible(False)
        draw_digits(grid, digits.images, given, clf, is_wrong)
        figure.savefig(IMAGES / name, dpi=115, facecolor="white")
        print(f"{name}: {(IMAGES / name).stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
