"""Losses of samples, put together again, are the criterion's own."""

import pytest
import torch
from torch import nn

from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.losses.weighting import batch_losses

SIZES = [4, 4, 2, 4]
CRITERIA = {
    "mean": nn.CrossEntropyLoss(),
    "sum": nn.CrossEntropyLoss(reduction="sum"),
    "weights of classes": nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 0.25], dtype=torch.float64)),
    "ignored targets": nn.CrossEntropyLoss(ignore_index=2),
}


@pytest.mark.parametrize("name", CRITERIA)
def test_losses_of_batches_are_those_of_the_criterion(name):
    criterion, generator = CRITERIA[name], torch.Generator().manual_seed(0)
    logits = torch.randn(sum(SIZES), 3, generator=generator, dtype=torch.float64)
    targets = torch.arange(sum(SIZES)) % 3
    view = SampleLoss(criterion, score_class_weights=True)
    units = view.units((logits, targets), len(targets))
    batches = zip(logits.split(SIZES), targets.split(SIZES), strict=True)
    expected = torch.stack([criterion(*batch) for batch in batches])
    torch.testing.assert_close(batch_losses(view, units, (logits, targets), SIZES), expected)
