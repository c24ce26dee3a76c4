"""A user's program with every public name, for type checkers: .ci/run has mypy and pyright check it from outside.

It is checked against the installed package, without the source tree, and never run.
"""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
import torch

import actscore_sk
from actscore_sk import inspection, losses, metrics

Floats = npt.NDArray[np.float64]


def estimators(net: Any, X: Any, y: Any) -> None:
    """Fit the estimators and read what they have learnt."""
    sampler = actscore_sk.CurriculumSampler(start_fraction=0.5)
    classifier = actscore_sk.ActionScoreClassifier(net, reduction="auto", train_sampler=sampler, random_state=0)
    classifier = classifier.fit(X, y, sample_weight=[1.0, 2.0], eval_set=(X, y))
    assert_type(classifier.action_scores_, Floats)
    assert_type(classifier.sample_metrics_["aum"], Floats)
    assert_type(classifier.noise_rate_, float)
    hardest: int = int(classifier.action_scores_.argmax())
    mask: npt.NDArray[np.bool_] = classifier.validation_mask_ | classifier.is_label_issue_
    wrong = classifier.label_issues(on="train")
    print(hardest, mask, wrong, classifier.to_frame(), classifier.predict(X), classifier.predict_proba(X).max())
    regressor = actscore_sk.ActionScoreRegressor(metrics=("action_score", "variability"), store_trajectories=Path("a"))
    assert_type(regressor.partial_fit(X, y).trajectories_, npt.NDArray[np.float32])
    scorer = actscore_sk.ActionScoreEstimator(net, store_units="auto", unit_grid=(4, 4)).fit(X)
    print(scorer.unit_frame(y), scorer.unit_scores_[0].mean(), scorer.n_visits_.min(), scorer.n_epochs_ + 1)


def recorder_and_tracker(net: Any, batches: list[torch.Tensor]) -> None:
    """Score what a net of the user's, or a training loop, does."""
    recorder = actscore_sk.ActionScoreRecorder("epoch_end", store_probabilities=True)
    with recorder.watching(net):
        net.fit(batches)
    assert_type(recorder.n_epochs_, int)
    tracker = actscore_sk.ActionScoreTracker(100, n_classes=3, reduction="mean")
    for batch in batches:
        tracker.update(batch.long(), batch, logits=batch, targets=batch.long(), held_out=False)
    tracker.end_epoch(held_out_loss=0.5)
    tracker.merge(actscore_sk.ActionScoreTracker(100, n_classes=3)).load_state_dict(tracker.state_dict())
    print(tracker.action_scores_.sum(), tracker.to_frame(), actscore_sk.AcceleratedNetMixin)
    for sampler in (actscore_sk.DynamicPruningSampler(), actscore_sk.HardExampleSampler(random_state=0)):
        data = torch.utils.data.TensorDataset(batches[0])
        loader = torch.utils.data.DataLoader(data, sampler=sampler.bind(100, 5))
        print(len(sampler), [index + 1 for index in sampler], loader)


def samplers(X: Any, y: Any, scores: Floats) -> None:
    """Act on scores."""
    pruner = actscore_sk.ActionScorePruner(strategy="both", threshold=(0.1, 2.0), by="score", memory="cache")
    X_kept, y_kept = pruner.fit_resample(X, y, action_scores=scores)
    kept: npt.NDArray[np.int64] = pruner.sample_indices_
    curriculum = actscore_sk.ActionScoreCurriculum(order="hard_first", class_balanced=True)
    resampler = actscore_sk.ActionScoreResampler(weighting=np.exp, n_samples=0.5).fit(X_kept, y_kept)
    relabeler = actscore_sk.ActionScoreRelabeler(random_state=np.random.RandomState(0))
    resampled = actscore_sk.ResampledClassifier(curriculum, None).fit(X, y, sample_weight=scores)
    numbers = actscore_sk.ResampledRegressor(relabeler, None).fit(X, y)
    trusted = actscore_sk.ReweightedClassifier(None, weighting="trust").fit(X, y, action_scores=scores)
    weighted = actscore_sk.ReweightedRegressor(None, temperature=0.5, memory=None).fit(X, y)
    print(kept, resampler.sample_weight_, resampled.predict(X), numbers.sampler_, trusted.sample_weight_ / 2, weighted)
    transformer = actscore_sk.ActionScoreTransformer(features="input", cv=3)
    print(transformer.fit_transform(X, y), transformer.transform(X), transformer.prediction_r2_ + 1)
    print(actscore_sk.TablePreprocessor().fit(X).get_feature_names_out()[0], actscore_sk.__version__.split("."))


def metric_functions(trajectories: Floats) -> list[Floats]:
    """Compute every metric from whole trajectories."""
    weights = metrics.epoch_weights([0.5, 0.25], class_entropy=0.7)
    print(weights, [metrics.get_metric(name).higher_is_harder for name in metrics.get_metric_names()])
    return [
        metrics.action_score(trajectories, reduction="auto", held_out_losses=[0.5, 0.25]),
        metrics.aum(trajectories),
        metrics.confidence(trajectories),
        metrics.correctness(trajectories),
        metrics.el2n(trajectories, k=3),
        metrics.forgetting(trajectories),
        metrics.variability(trajectories),
        actscore_sk.action_score(trajectories),
    ]


class Both(losses.DetailedLoss):
    """A criterion with parts."""

    def details(self, y_pred: torch.Tensor, y_true: torch.Tensor) -> losses.LossDetails:
        """Compute the losses of the samples of a batch."""
        errors = (y_pred - y_true) ** 2
        return losses.LossDetails(errors.mean(1), {"first": errors[:, 0]}, units=losses.Units.of(errors))


def criteria(boxes: list[Any]) -> list[torch.nn.Module]:
    """Build every criterion."""
    anchors = losses.make_anchors((64, 64), [(8, 8)], [[16.0]])
    print(losses.pad_boxes(boxes, boxes).shape, losses.RaggedScores(np.zeros(3), np.array([0, 1, 3]))[1])
    heads = losses.MultiOutputLoss([torch.nn.MSELoss(), torch.nn.L1Loss()], weights=[1.0, 0.5])
    return [heads, losses.MultiBoxLoss(anchors), losses.SegmentationLoss(), losses.TokenCrossEntropyLoss(), Both()]


def pictures(clf: actscore_sk.ActionScoreClassifier, X: Any, y: Any) -> None:
    """Draw every display, and write a report."""
    inspection.ActionScoreDisplay.from_estimator(clf, y).plot().figure_.savefig("scores.png")
    inspection.DataMapDisplay.from_scores([0.9], [0.1], [1.0]).plot().ax_.set_title("map")
    inspection.GroupDifficultyDisplay.from_scores([1.0, 2.0], ["a", "b"]).frame()
    inspection.PruningCurveDisplay.from_estimator(clf).plot()
    inspection.SampleGridDisplay.from_scores(clf.action_scores_, X, n_shown=3).plot()
    inspection.TrajectoryDisplay.from_estimator(clf).draw_on(None)
    inspection.ActionScoreReport.from_estimator(clf, y).save("report.html")
    print(inspection.group_difficulty([1.0, 2.0], ["a", "b"]), inspection.score_agreement({"a": [1.0], "b": [2.0]}))


def errors(clf: actscore_sk.ActionScoreClassifier, X: Any) -> str:
    """Tell the errors apart."""
    try:
        clf.fit(X)
    except (actscore_sk.IndexTrackingError, actscore_sk.NonFiniteLossError, actscore_sk.SampleLossError) as error:
        return str(error)
    except actscore_sk.ActionScoreError as error:
        return str(error)
    return ""


def mistakes() -> None:
    """Make mistakes that a type checker must see: it complains of a comment that silences nothing."""
    actscore_sk.ActionScoreClassifier(reduction="total")  # type: ignore[arg-type]
    actscore_sk.ActionScorePruner(treshold=0.1)  # type: ignore[call-arg]
    metrics.action_score("losses", reduction=1)  # type: ignore[arg-type]
    actscore_sk.ActionScoreRecorder().action_scores_.argmax().lower()  # type: ignore[attr-defined]
