"""A step without torch's wrapper is the step with it; whoever is to hear of steps hears of them."""

import functools

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from actscore_sk import ActionScoreRecorder
from actscore_sk.recording.optimizer_step import clear_gradients, take_step

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True),
    "groups": lambda p: torch.optim.AdamW([{"params": p[:1], "lr": 0.5}, {"params": p[1:]}], lr=0.1),
    "maximize": lambda p: torch.optim.SGD(p, lr=0.1, maximize=True),
}


def weights_after(make, step, clear):
    module = torch.nn.Linear(2, 1)
    torch.nn.init.constant_(module.weight, 1.0)
    torch.nn.init.constant_(module.bias, 0.5)
    optimizer = make([*module.parameters()])
    for value in (1.0, -2.0, 3.0):
        clear(optimizer)
        module(torch.tensor([[value, 1.0]])).sum().backward()
        step(optimizer)
    return [part.tolist() for part in module.parameters()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_are_those_of_the_optimizer(name):
    theirs = weights_after(
        OPTIMIZERS[name], lambda optimizer: optimizer.step(), lambda optimizer: optimizer.zero_grad()
    )
    assert weights_after(OPTIMIZERS[name], take_step, clear_gradients) == theirs


@pytest.fixture
def optimizer():
    weight = torch.ones(1, requires_grad=True)
    weight.grad = torch.ones(1)
    return torch.optim.SGD([weight], lr=0.1)


REGISTERS = {
    "before": lambda optimizer: optimizer.register_step_pre_hook,
    "after": lambda optimizer: optimizer.register_step_post_hook,
    "before all": lambda _: register_optimizer_step_pre_hook,
    "after all": lambda _: register_optimizer_step_post_hook,
}


@pytest.mark.parametrize("name", REGISTERS)
def test_hooks_of_steps_are_called(name, optimizer):
    heard = []
    handle = REGISTERS[name](optimizer)(lambda *args: heard.append(name))
    take_step(optimizer)
    handle.remove()
    take_step(optimizer)
    assert heard == [name]


def test_a_patch_of_the_class_is_called_though_it_copies_all_attributes_of_the_step(optimizer, monkeypatch):
    own, heard = torch.optim.SGD.step, []

    @functools.wraps(own)
    def patch(*args, **kwargs):
        heard.append(1)
        return own(*args, **kwargs)

    monkeypatch.setattr(torch.optim.SGD, "step", patch)
    take_step(optimizer)
    assert heard == [1]


def test_a_step_of_the_instance_is_called(optimizer):
    heard = []
    optimizer.step = lambda: heard.append(1)
    take_step(optimizer)
    assert heard == [1]


def test_a_profiler_sees_the_name_of_the_step(optimizer):
    with torch.autograd.profiler.profile() as profile:
        take_step(optimizer)
    assert "Optimizer.step#SGD.step" in {event.key for event in profile.key_averages()}


def test_a_schedule_of_learning_rates_does_not_miss_a_step():
    # torch's schedulers set a step on the instance, and warn if they are called before it.
    callbacks = [LRScheduler(torch.optim.lr_scheduler.StepLR, step_every="batch", step_size=2)]
    nets = [
        NeuralNetClassifier(
            torch.nn.Linear, module__in_features=2, module__out_features=2, criterion=torch.nn.CrossEntropyLoss,
            max_epochs=2, batch_size=4, verbose=0, train_split=None, callbacks=[*callbacks, *recorders],
        )
        for recorders in ([], [ActionScoreRecorder()])
    ]  # fmt: skip
    for net in nets:
        torch.manual_seed(0)
        net.fit(np.eye(2, dtype=np.float32).repeat(8, 0), np.arange(16) % 2)
    plain, recorded = [[part.tolist() for part in net.module_.parameters()] for net in nets]
    assert plain == recorded
