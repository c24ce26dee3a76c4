"""Gradients are those of `loss.backward()`; whoever replaced or watches it is called."""

import functools

import pytest
import torch
from torch.overrides import TorchFunctionMode

from actscore_sk.recording.backward import backpropagate


@pytest.fixture
def weight():
    return torch.tensor([1.0, 2.0], requires_grad=True)


def test_gradients_are_added_as_torch_adds_them(weight):
    other = weight.detach().clone().requires_grad_()
    for factor in (1.0, -0.3):
        (other.exp() * factor).mean().backward()
        backpropagate((weight.exp() * factor).mean())
    assert torch.equal(weight.grad, other.grad)


@pytest.mark.parametrize("place", [torch.Tensor, torch.autograd], ids=["method", "function"])
def test_a_patch_is_called_though_it_copies_all_attributes(place, weight, monkeypatch):
    own, heard = place.backward, []

    @functools.wraps(own)
    def patch(*args, **kwargs):
        heard.append(1)
        return own(*args, **kwargs)

    monkeypatch.setattr(place, "backward", patch)
    backpropagate(weight.sum())
    assert heard == [1]


def test_a_mode_of_torch_sees_the_call(weight):
    heard = []

    class Mode(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            heard.append(function)
            return function(*args, **kwargs or {})

    loss = weight.sum()
    with Mode():
        backpropagate(loss)
    assert torch.Tensor.backward in heard


def test_a_loss_without_a_graph_is_torchs_error():
    with pytest.raises(RuntimeError, match="does not require grad"):
        backpropagate(torch.tensor(1.0))
