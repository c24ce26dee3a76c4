"""One record of one net in training: visits in, epochs closed, other samples scored on the way.

This is the place where losses on the device become scores of rows of X; `recording` decides which losses count.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from actscore_sk.data.identity import SampleIdentity, identify
from actscore_sk.losses.details import LossDetails
from actscore_sk.metrics.reductions import REDUCTIONS
from actscore_sk.recording.bad_samples import naming_the_criterion
from actscore_sk.recording.books import Books
from actscore_sk.recording.class_reader import ClassReader
from actscore_sk.recording.class_shares import entropy_of_classes
from actscore_sk.recording.epoch_plan import NO_PLAN, EpochPlan
from actscore_sk.recording.eval_recording import EvalRecording
from actscore_sk.recording.label_state import check_labels
from actscore_sk.recording.modules import all_modules, preserved_modules, reuses_outputs
from actscore_sk.recording.ranks import is_main
from actscore_sk.recording.record_settings import RecordSettings
from actscore_sk.recording.resume import matching_state
from actscore_sk.recording.score_record import ScoreRecord
from actscore_sk.recording.session import RecordingSession
from actscore_sk.recording.shared_training import refuse_details
from actscore_sk.recording.shared_visits import SharedVisits
from actscore_sk.recording.visit import Visit
from actscore_sk.recording.visit_buffer import CAPACITY, VisitBuffer, most_held
from actscore_sk.utils.interrupts import uninterrupted
from actscore_sk.utils.randomness import preserved_random_state


class NetRecording:
    """Records the samples of X, and those of an `eval_set`, through one or more trainings of a net.

    Parameters
    ----------
    recording : {"training", "epoch_end"}
        Loss of the training step, or of a pass after each epoch; see `ActionScoreRecorder`.
    settings : RecordSettings
        How visits become scores.
    eval_set : tuple (X, y), Dataset or None
        Other samples, scored after each epoch.
    plan : EpochPlan
        Of a training that is one of two.

    Attributes
    ----------
    record : ScoreRecord or None
        None before the first training.
    validation_mask : ndarray of bool (n_samples,)
        True for samples held out of training.
    session : RecordingSession or None
        The running training; None between trainings, so that a pickle holds no net.
    """

    def __init__(
        self, recording: str, settings: RecordSettings, eval_set: Any = None, plan: EpochPlan = NO_PLAN
    ) -> None:
        self.recording, self.settings, self.eval_set, self.plan = recording, settings, eval_set, plan
        self.record: ScoreRecord | None = None
        self.validation_mask = np.zeros(0, dtype=bool)
        self.session: RecordingSession | None = None
        self._eval = EvalRecording()
        self._buffer: VisitBuffer | None = None
        self._classes: ClassReader | None = None
        self._identity: SampleIdentity | None = None

    def __getstate__(self) -> dict[str, Any]:
        # what belongs to a running training stays behind: the session holds the net, the buffer its outputs
        self.flush()
        return vars(self) | dict.fromkeys(("session", "_buffer", "eval_set"))

    @property
    def eval_record(self) -> ScoreRecord | None:
        """Scores of the `eval_set`; None before the first training with one."""
        return self._eval.record

    @property
    def records_steps(self) -> bool:
        """True if the steps of training and validation are recorded, and not a pass after each epoch."""
        return self.recording == "training"

    # -- called by the session ----------------------------------------------------------------------------

    def begin(self, session: RecordingSession) -> None:
        """Allocate for the rows of X, or go on with those of the training before.

        Parameters
        ----------
        session : RecordingSession
            Has split its data.

        Raises
        ------
        ValueError
            If the reduction needs held-out samples and there are none, or if the rows are not those of the training
            before: their sums would mix different samples.
        """
        self.session, n_samples = session, session.n_samples
        is_second = self.plan.held_out_losses is not None
        has_held_out = len(session.parts.validation_rows) > 0 or self.eval_set is not None or is_second
        self._settle(session, has_held_out)
        if self.record is None:
            self._identity = identify(session.root)
            record = self._new_record(session, self._identity)
            self._classes = ClassReader(record.state)
            self.record = record  # the last of the three: an interrupt may come in between
        else:
            self._identity.check_same(identify(session.root))  # type: ignore[union-attr]
        self.validation_mask = np.zeros(n_samples, dtype=bool)
        self.validation_mask[session.parts.validation_rows.numpy()] = True
        self.record.held_out = torch.from_numpy(self.validation_mask.copy()) if self.validation_mask.any() else None
        if REDUCTIONS[self.settings.reduction].needs_held_out and not has_held_out:
            raise ValueError(
                f'reduction="{self.settings.reduction}" goes by the loss of held-out samples, but the net trains on '
                "all of them (train_split=None); let the net hold some out, pass an eval_set, or take another reduction"
            )
        # Compiled nets may reuse the memory of an output at the next batch.
        capacity = 0 if reuses_outputs(session.net) else CAPACITY
        books = Books()
        self._buffer = VisitBuffer(
            self._record_block, self._record_details, keep_inputs=self.record.state.needs_classes, capacity=capacity,
            max_rows=most_held(session.root, session.net.device), books=books, may_skip=session.ranks is not None,
        )  # fmt: skip
        if self.eval_set is not None:
            self._eval.begin(
                self.eval_set, session, self.settings, self._classes,  # type: ignore[arg-type]
                capacity=capacity, is_held_out=not self.validation_mask.any(),
            )  # fmt: skip
        for record in self._records:
            record.shared = None if session.ranks is None else SharedVisits()

    @property
    def _records(self) -> list[ScoreRecord]:
        return [record for record in (self.eval_record, self.record) if record is not None]

    def _settle(self, session: RecordingSession, has_held_out: bool) -> None:
        """Complete the settings with what is known of the samples; the first training decides."""
        needs_window = self.settings.store_probabilities or REDUCTIONS[self.settings.reduction].needs_held_out
        if self.record is None and needs_window:
            entropy = self.settings.class_entropy
            if entropy is None:
                entropy = entropy_of_classes(session.net, session.root)
            self.settings = replace(self.settings, class_entropy=entropy, has_held_out=has_held_out)

    def _new_record(self, session: RecordingSession, identity: SampleIdentity) -> ScoreRecord:
        """Make the record of X; it goes on from what was saved beside the checkpoint that the net was loaded from."""
        saved = matching_state(session.net, session.recordings.index(self), [identity.n_samples, identity.digests])
        n_kept = 0 if saved is None else len(saved["record"]["trained_shares"])
        record = ScoreRecord(session.n_samples, self.settings, n_kept=n_kept, is_writer=is_main(session.ranks))
        if saved is not None:
            record.load_state_dict(saved["record"])
        return record

    @property
    def is_between_epochs(self) -> bool:
        """True if there is a record, and no visit since its last epoch was closed."""
        self.flush()
        return self.record is not None and not self.record.has_open_visits

    def state_dict(self) -> dict[str, Any]:
        """Return the state of closed epochs, to be saved."""
        identity = self._identity
        return {
            "record": self.record.state_dict(),  # type: ignore[union-attr]
            "identity": [identity.n_samples, identity.digests],  # type: ignore[union-attr]
        }

    @property
    def is_complete(self) -> bool:
        """True if the plan says that no later epoch counts."""
        losses = self.record.held_out_losses  # type: ignore[union-attr]
        return self.settings.has_window and self.plan.is_complete(losses, int(self.validation_mask.sum()))

    @property
    def on_visit(self) -> Callable[[Visit], None]:
        """Function that records a visit."""
        return self._buffer.add  # type: ignore[union-attr]

    def end_epoch(self) -> None:
        """Make the passes that are asked for and close the epoch."""
        session = self.session
        if self.recording == "epoch_end":
            self._pass(session.root, self._buffer)  # type: ignore[union-attr]
        if self.eval_set is not None:
            self._pass(self._eval.dataset, self._eval.buffer)
        self._close_epoch()

    def end(self) -> None:
        """Close an epoch that was interrupted, if any sample was seen in it, and release the net."""
        self.flush()
        ranks = self.session.ranks  # type: ignore[union-attr]
        is_open = self.record is not None and self.record.has_open_visits
        if is_open if ranks is None else any(ranks.all(is_open)):
            self._close_epoch()
        for record in self._records:
            record.shared = None
        self.session = None

    # -- inside -------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Evaluate the visits that wait, so that results hold all of them."""
        if self._buffer is not None:
            self._buffer.flush()
        self._eval.flush()

    def _pass(self, dataset: Any, buffer: Any) -> None:
        """Run the net over a data set in inference mode; its random numbers, modes and buffers are put back."""
        net = self.session.net  # type: ignore[union-attr]
        with preserved_random_state(net.device), preserved_modules(all_modules(net)):
            self.session.pass_over(dataset, buffer.add)  # type: ignore[union-attr]
        buffer.flush()

    def _close_epoch(self) -> None:
        """Close the epoch in the eval record first: its held-out loss is what the record of X may go by."""
        record, session = self.record, self.session
        with uninterrupted(), naming_the_criterion(session.net):  # type: ignore[union-attr]  # as many rows as epochs
            self.flush()
            for each in self._records:
                each.exchange(session.ranks)  # type: ignore[union-attr]
            epoch = record.n_epochs + 1  # type: ignore[union-attr]
            held_out_loss = self.plan.loss_of(epoch)
            if self.eval_record is not None:
                if held_out_loss is None and self.validation_mask.any():
                    held_out_loss = record.mean_held_out_loss()  # type: ignore[union-attr]
                self.eval_record.end_epoch(held_out_loss)
                held_out_loss = self.eval_record.held_out_losses[-1]
            record.end_epoch(held_out_loss, session.trained_share)  # type: ignore[union-attr]
            session.inform_sampler(record.state.latest, self)  # type: ignore[union-attr]
        self._buffer.books.close(epoch)  # type: ignore[union-attr]

    def _record_block(self, rows: Tensor, losses: Tensor, inputs: tuple | None, visit: Visit) -> None:
        state = self.record.state  # type: ignore[union-attr]
        logits, labels = None, None
        if state.needs_classes:
            logits, labels = self._classes.read(inputs, visit.sample_loss)  # type: ignore[union-attr]
        # Labels stay with their samples: the first epoch tells, and later ones need not make the host wait.
        if labels is not None and state.epoch == 1:
            check_labels(labels, state.readers_of_classes)
        self.record.update(rows, losses, logits, labels)  # type: ignore[union-attr]

    def _record_details(self, rows: Tensor, details: LossDetails) -> None:
        if self.record.shared is None:  # type: ignore[union-attr]
            self.record.update_details(rows, details)  # type: ignore[union-attr]
        else:
            refuse_details(details, self.settings.store_units)
