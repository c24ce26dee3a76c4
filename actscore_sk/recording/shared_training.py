"""What the processes of one training must have in common: samples, split, seed, number of batches, order."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from actscore_sk.data.loading import TrackedLoader
from actscore_sk.data.shards import Shard
from actscore_sk.exceptions import IndexTrackingError, SampleLossError
from actscore_sk.losses.details import LossDetails
from actscore_sk.losses.weighting import SampleWeights
from actscore_sk.recording.ranks import Ranks, digest, ranks_of


def join_ranks(
    net: Any, n_samples: int, parts: Sequence[Tensor | None], weights: SampleWeights, sampler: Any
) -> Ranks | None:
    """Let a training begin together with those of other processes, on one split and with one seed.

    Parameters
    ----------
    net : NeuralNet
        Initialized.
    n_samples : int
        Number of rows of X.
    parts : sequence of Tensor of int64, or None
        Rows that are trained on and held out; None = all.
    weights : SampleWeights
        Learns how to divide by the weights of a batch that all processes share.
    sampler : EpochSampler or None
        Gets the seed of the main process.

    Returns
    -------
    ranks : Ranks or None
        None if the net trains in this process alone.

    Raises
    ------
    IndexTrackingError
        If the processes have other samples, or hold others out.
    """
    ranks = ranks_of(net)
    if ranks is not None:
        split = [n_samples, *map(digest, parts)]
        ranks.check_equal("samples, or train_split", split, "pass all the same X and y, and give train_split a seed")
        if sampler is not None:
            sampler.seed_ = ranks.of_main(sampler.seed_)
        weights.mean_of_processes = ranks.mean
        ranks.stop.note_interrupts()
    return ranks


def check_shared(ranks: Ranks | None, loader: TrackedLoader) -> None:
    """Check the loader of the training part before the first update, if several processes train.

    Raises
    ------
    IndexTrackingError
        If each process trains on all samples, or one of them on more batches than another.
    """
    if ranks is None:
        return
    if type(loader.shard) is Shard:
        raise IndexTrackingError(
            f"{ranks.share.n_processes} processes train one net, but each of them on all samples; share them out with "
            "torch's DistributedSampler, or train with Accelerate and AcceleratedNetMixin"
        )
    advice = "leave even_batches=True, or set drop_last=True: the last step of one would wait for the others"
    ranks.check_equal("number of batches", len(loader), advice)


def begin_step(ranks: Ranks | None, n_steps: int, loader: TrackedLoader) -> int:
    """Return how many samples of a training step count; stop if the processes have agreed to do so.

    Parameters
    ----------
    ranks : Ranks or None
        None: all samples count.
    n_steps : int
        Number of training steps before.
    loader : TrackedLoader
        Has the batch in hand.
    """
    if ranks is None or loader.shard is None:
        return loader.batch_size_in_hand
    ranks.stop.check(n_steps)
    return loader.shard.n_in_hand


def refuse_details(details: LossDetails, store_units: Any) -> None:
    """Raise SampleLossError for losses of parts, or for units that were asked for; others are left out."""
    if details.components or store_units not in (False, "auto"):
        raise SampleLossError(
            "losses of parts and units are not put together across processes; train in one, or let the criterion "
            "return the loss alone"
        )


def settle_epoch(ranks: Ranks | None, loader: TrackedLoader | None, n_trained: int) -> int:
    """Return how many samples all processes have trained on in an epoch.

    Raises
    ------
    IndexTrackingError
        If they have gone through the samples in other orders, so that some were missed and others seen twice.
    """
    if ranks is None or loader is None or loader.shard is None:
        return n_trained
    advice = "let the sampler draw alike in all of them, from a generator with a seed"
    ranks.check_equal("order of samples", loader.shard.order, advice)
    return sum(ranks.all(n_trained))
