"""A recorder on a net of the tests, and its scores against the visits of the loop in plain torch."""

import numpy as np
import torch
from helpers import add_up, seed_everything
from skorch.dataset import ValidSplit

from actscore_sk.callbacks import ActionScoreRecorder

N = 70
CLASS_WEIGHTS = torch.tensor([1.0, 0.5, 3.0])
split = ValidSplit(5, stratified=False)  # the first fifth is held out
held_out, trained = list(range(14)), list(range(14, N))


def record(net, X, y, seed=0, **options):
    """Train `net` with a recorder as its first callback; give the recorder."""
    recorder = ActionScoreRecorder(**options)
    callbacks = net.callbacks or []
    net.set_params(callbacks=[("action_scores", recorder), *callbacks])
    seed_everything(seed)
    net.fit(X, y)
    return recorder


def assert_scores(recorder, visits, n_samples=N):
    total, count = add_up(visits, n_samples)
    np.testing.assert_allclose(recorder.action_scores_, total, rtol=1e-6, atol=1e-6)
    assert recorder.n_visits_.tolist() == count.tolist()
    assert np.isnan(recorder.action_scores_).tolist() == (count == 0).tolist()


def assert_consistent(recorder):
    np.testing.assert_allclose(
        np.nansum(recorder.trajectories_, axis=0), np.nan_to_num(recorder.action_scores_), rtol=1e-5
    )
    assert recorder.trajectories_.shape == (recorder.n_epochs_, len(recorder.n_visits_))
    assert np.isnan(recorder.action_scores_).tolist() == (recorder.n_visits_ == 0).tolist()


def weighted_mean(losses, target):
    return losses.sum() / CLASS_WEIGHTS[target].sum()
