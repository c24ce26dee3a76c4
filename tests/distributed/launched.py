"""Trainings in two processes, run by torchrun; each process writes what it has found to a file.

torchrun --nproc_per_node 2 tests/distributed/launched.py accelerate FOLDER
"""

import faulthandler
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DataLoaderConfiguration
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping
from skorch.dataset import ValidSplit
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler

from actscore_sk import (
    AcceleratedNetMixin,
    ActionScoreClassifier,
    ActionScoreRecorder,
    DynamicPruningSampler,
    HardExampleSampler,
)
from actscore_sk.metrics import get_metric_names

ALL = get_metric_names()
N_EPOCHS, BATCH, LR = 4, 4, 0.1
rng = np.random.default_rng(0)
X = rng.normal(size=(53, 5)).astype("float32")
Y = rng.integers(3, size=53)
WEIGHT = rng.uniform(0.5, 2, size=53)


class Accelerated(AcceleratedNetMixin, NeuralNetClassifier):
    pass


def silent(*args, **kwargs):
    pass


def module(n_outputs=3):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, n_outputs))


def accelerated(kind=Accelerated, n_outputs=3, accelerator=None, **options):
    defaults = {"criterion": nn.CrossEntropyLoss, "lr": LR, "batch_size": BATCH, "max_epochs": N_EPOCHS, "verbose": 0}
    accelerator = Accelerator(cpu=True) if accelerator is None else accelerator
    quiet = {"callbacks__print_log__sink": silent}
    return kind(module(n_outputs), accelerator=accelerator, **defaults | quiet | options)


def found(scorer, net, **more):
    """What every process has to have alike."""
    scores = scorer.sample_metrics_
    parameters = torch.cat([part.detach().flatten() for part in net.module_.parameters()]).cpu().numpy()
    losses = [row["train_loss"] for row in net.history if "train_loss" in row]  # an interrupted epoch has none
    has_trajectories = bool(scorer.store_trajectories)
    return {
        **{f"score {name}": values for name, values in scores.items()},
        "n_visits": scorer.n_visits_,
        "parameters": parameters,
        "train_loss": np.array(losses),
        "gradient_work": scorer.gradient_work_,
        "validation_mask": scorer.validation_mask_,
        **({"trajectories": np.array(scorer.trajectories_)} if has_trajectories else {}),
        **more,
    }


def recorded(net, X=X, y=Y, **options):
    recorder = ActionScoreRecorder(**{"metrics": ALL} | options)
    net.set_params(callbacks=[("scores", recorder), *(net.callbacks or [])])
    net.fit(X, y)
    return found(recorder, net)


def gone_on(net):
    """Train in two calls."""
    recorder = ActionScoreRecorder(metrics=ALL)
    net.set_params(callbacks=[("scores", recorder)], max_epochs=N_EPOCHS // 2)
    net.fit(X, Y).partial_fit(X, Y)
    return found(recorder, net)


def error_of(fit, *args, **options):
    """Class and text of the error that a fit ends with, in every process."""
    try:
        fit(*args, **options)
    except Exception as error:
        return {"error": np.array(f"{type(error).__name__}: {error}")}
    return {"error": np.array("none")}


# -- Accelerate -----------------------------------------------------------------------------------------------


def accelerate_group(folder):
    split = ValidSplit(4)
    plain = {"train_split": None}
    divided = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(split_batches=True))
    yield "uneven", recorded(accelerated(**plain), store_trajectories=folder / "uneven.npy")
    yield "even", recorded(accelerated(**plain), X[:48], Y[:48], store_trajectories=True)
    yield "shuffled", recorded(accelerated(**plain, iterator_train__shuffle=True))
    yield "fewer than a batch", recorded(accelerated(**plain), X[:5], Y[:5])
    yield "dropped", recorded(accelerated(**plain, iterator_train__drop_last=True), reduction="mean")
    yield "held out", recorded(accelerated(train_split=split), reduction="interpolated")
    yield "window", recorded(accelerated(train_split=split), reduction="auto")
    yield "epoch end", recorded(accelerated(train_split=split), recording="epoch_end")
    # spawn: a fork beside the threads of gloo may wait for a lock for ever
    workers = {"num_workers": 1, "multiprocessing_context": "spawn", "persistent_workers": True}
    workers = {f"iterator_train__{name}": value for name, value in workers.items()}
    yield "workers", recorded(accelerated(**plain, **workers))
    yield "divided", recorded(accelerated(accelerator=divided, batch_size=2 * BATCH, **plain))
    slow = Accelerator(cpu=True, gradient_accumulation_steps=2)
    yield "accumulated", recorded(accelerated(accelerator=slow, **plain))
    yield "goes on", gone_on(accelerated(**plain))


def estimator_group(folder):
    plain = {"train_split": None}
    weighted = ActionScoreClassifier(accelerated(**plain), metrics=ALL).fit(X, Y, sample_weight=WEIGHT)
    yield "weighted", found(weighted, weighted.estimator_)
    for sampler in (HardExampleSampler(random_state=0), DynamicPruningSampler(random_state=0), HardExampleSampler()):
        clf = ActionScoreClassifier(accelerated(**plain), metrics=ALL, reduction="mean", train_sampler=sampler).fit(
            X, Y
        )
        used = clf.train_sampler_
        yield f"{type(sampler).__name__} {sampler.random_state}", found(clf, clf.estimator_, seed=np.array(used.seed_))
    judge = ActionScoreClassifier(accelerated(), store_probabilities=True, random_state=0)
    judge.fit(X, Y, eval_set=(X[:9], Y[:9]))
    more = {
        "probabilities": judge.class_probabilities_,
        "wrong": judge.wrong_label_scores_,
        "eval": judge.eval_action_scores_,
        "predicted": judge.predict(X),
    }
    yield "judge", found(judge, judge.estimator_, **more)
    net, kept = accelerated(), {"store_trajectories": str(folder / "repeats.npy")}
    repeats = ActionScoreClassifier(net, refit=True, n_repeats=2, random_state=0, **kept).fit(X, Y)
    yield "repeats", found(repeats, repeats.estimator_, refit=np.array(repeats.refit_))


# -- torch alone ----------------------------------------------------------------------------------------------


class ByHand(NeuralNetClassifier):
    """As torch's documentation shares data and gradients out."""

    drop_last = False

    def initialize_module(self):
        super().initialize_module()
        self.module_ = DistributedDataParallel(self.module_)
        return self

    def get_iterator(self, dataset, training=False):
        if not training:
            return super().get_iterator(dataset, training=training)
        sampler = DistributedSampler(dataset, shuffle=False, drop_last=self.drop_last)
        return DataLoader(dataset, batch_size=self.batch_size, sampler=sampler)


class ByHandDropped(ByHand):
    drop_last = True


class NotSharedOut(ByHand):
    """Each process trains on all samples."""

    get_iterator = NeuralNetClassifier.get_iterator


def by_hand(kind=ByHand, **options):
    defaults = {"criterion": nn.CrossEntropyLoss, "lr": LR, "batch_size": BATCH, "max_epochs": N_EPOCHS, "verbose": 0}
    return kind(module(), **defaults | {"train_split": None} | options)


class Alone(NeuralNetClassifier):
    """No process knows of the other."""


class OtherOrders(Accelerated):
    """Each process draws an order of its own."""

    def get_iterator(self, dataset, training=False):
        order = np.random.default_rng(distributed.get_rank()).permutation(len(dataset)).tolist()
        loader = DataLoader(dataset, batch_sampler=BatchSampler(order, BATCH, drop_last=False))
        return self.accelerator.prepare(loader)


def torch_group(folder):
    rank = distributed.get_rank()
    yield "by hand", recorded(by_hand())
    yield "by hand, dropped", recorded(by_hand(ByHandDropped))
    yield "by hand, held out", recorded(by_hand(train_split=ValidSplit(4)))
    alone = Alone(module(), criterion=nn.CrossEntropyLoss, lr=LR, max_epochs=1 + rank, batch_size=8, verbose=0)
    rows = slice(rank, None, 2)
    recorder = ActionScoreRecorder()
    alone.set_params(callbacks=[("scores", recorder)]).fit(X[rows], Y[rows])
    yield "alone", {"own n_epochs": np.array(recorder.n_epochs_), "own n": np.array(len(recorder.n_visits_))}
    yield "not shared out", error_of(recorded, by_hand(NotSharedOut))
    other = ValidSplit(0.25, random_state=rank)
    yield "other splits", error_of(recorded, by_hand(train_split=other))
    yield "other orders", error_of(recorded, accelerated(OtherOrders, train_split=None))
    twice = accelerated(train_split=None, iterator_train__sampler=DistributedSampler(X, shuffle=False))
    yield "shared out twice", error_of(recorded, twice)
    uneven = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(even_batches=False))
    yield "uneven batches", error_of(recorded, accelerated(accelerator=uneven, train_split=None), X[:50], Y[:50])
    central = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(dispatch_batches=True))
    yield "dispatched", error_of(recorded, accelerated(accelerator=central, train_split=None))
    broken = X.copy()
    broken[[7, 20]] = np.nan  # in the batches of one process alone
    yield "not finite", error_of(recorded, accelerated(train_split=None), broken)
    parts = accelerated(train_split=None, criterion=LossWithParts)
    yield "parts", error_of(recorded, parts, metrics=[])


class LossWithParts(nn.CrossEntropyLoss):
    """A criterion that returns a pair (loss, dict)."""

    def forward(self, logits, targets):
        losses = nn.functional.cross_entropy(logits, targets, reduction="none")
        return losses, {"half": losses / 2}


# -- stopping -------------------------------------------------------------------------------------------------


class OfThisProcess(Callback):
    """Stops one process: in an epoch, in a batch, or as Ctrl-C does."""

    def __init__(self, event, n, how=None):
        self.event, self.n, self.how = event, n, how

    def _count(self, event):
        self.n -= event == self.event and distributed.get_rank() == 1
        if self.n == 0:
            self.n = -1
            if self.how == "signal":
                os.kill(os.getpid(), signal.SIGINT)
            else:
                raise KeyboardInterrupt

    def on_epoch_end(self, net, **kwargs):
        self._count("epoch")

    def on_batch_end(self, net, training=True, **kwargs):
        if training:
            self._count("batch")


def stopping_group(folder):
    AcceleratorState._reset_state()  # else the precision of a process is that of its first Accelerator
    Accelerator(cpu=True, mixed_precision="bf16")
    yield "half", recorded(accelerated(train_split=None))
    long = {"max_epochs": 30, "train_split": None, "batch_size": 1}
    for name, callback in {
        "epoch": OfThisProcess("epoch", 2),
        "batch": OfThisProcess("batch", 130),
        "signal": OfThisProcess("batch", 20, "signal"),
    }.items():
        net = accelerated(callbacks=[("stops", callback)], **long)
        yield name, recorded(net, np.tile(X, (4, 1)), np.tile(Y, 4))
    in_first = accelerated(callbacks=[("stops", OfThisProcess("batch", 20, "signal"))], max_epochs=3, batch_size=1)
    two_fits = ActionScoreClassifier(in_first, refit=True, random_state=0).fit(np.tile(X, (4, 1)), np.tile(Y, 4))
    yield "signal in the first of two fits", found(two_fits, two_fits.estimator_, refit=np.array(two_fits.refit_))
    stops = EarlyStopping(monitor="valid_loss", patience=2)
    overfits = accelerated(train_split=ValidSplit(4), lr=0.8, max_epochs=60, callbacks=[("stops", stops)])
    yield "early", recorded(overfits)
    handler = signal.getsignal(signal.SIGINT)
    yield "handler", {"is python's": np.array(handler is signal.default_int_handler)}


def main(folder):
    faulthandler.dump_traceback_later(420, exit=True)  # where a process waits, before the test gives up
    torch.set_num_threads(1)
    results = {}
    for group in (accelerate_group, estimator_group, torch_group, stopping_group):
        for name, arrays in group(Path(folder)):
            results |= {f"{name}|{key}": value for key, value in arrays.items()}
    np.savez(Path(folder) / f"{os.environ['RANK']}.npz", **results)
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
