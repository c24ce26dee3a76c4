"""Rows of a criterion's arguments are samples: told by how its losses react, and not by a size."""

import pytest
import torch
from torch import nn

from actscore_sk.losses.sample_loss import SampleLoss
from actscore_sk.recording.sample_axis import SampleAxis


class OfBatch(SampleLoss):
    """Compares outputs with their mean over the batch."""

    def unreduced(self, *, scored=True):
        return lambda outputs, targets: (outputs - outputs.mean(0) - targets).square()


@pytest.mark.parametrize(("kind", "expected"), [(SampleLoss, True), (OfBatch, False)])
def test_losses_that_depend_on_other_rows_are_not_joined(kind, expected):
    axis, loss = SampleAxis(), kind(nn.MSELoss())
    inputs = torch.arange(6.0)[:, None], torch.zeros(6, 1)
    assert axis.is_first(loss, inputs, n_samples=6) is expected
    assert axis.may_join(loss) is expected
