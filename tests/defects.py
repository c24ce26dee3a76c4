"""Put a deliberate defect into each file of a room in turn, and see that a test notices: ``python -m tests.defects``.

Each defect changes one line of a copy of the package, in a temporary folder, and runs the named tests there.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
COPIED = "actscore_sk", "tests", "docs", "README.md", "pyproject.toml"
NOTICED, UNNOTICED, BROKEN = "noticed", "NOT NOTICED", "BROKEN"


class Defect(NamedTuple):
    """One change of one file; `tests` are arguments of pytest."""

    file: str
    old: str
    new: str
    tests: str


R, T = "actscore_sk/recording/", "tests/recording/"
DETAILS, LEAVES, LOSSES = T + "test_details.py", T + "test_leaves_no_trace.py", T + "test_recorded_losses.py"
SAMPLES, TRACKER, STEPS = "tests/losses/test_sample_losses.py", "tests/test_tracker.py", T + "test_own_steps.py"
EVENTS = T + "test_batch_events.py"
SET, SHARED = T + "test_set_in_training.py", "tests/distributed"
DEFECTS = (
    Defect(R + "asked_loss.py", "        self.before.restore()\n", "", SAMPLES),
    Defect(R + "asked_loss.py", "            self._has_gradient = True\n", "            raise\n", T + "test_terms.py"),
    Defect(R + "refused_step.py", "tensor.copy_(value)", "pass", STEPS),
    Defect(R + "asked_net.py", "row.update(values)", "pass", STEPS),
    Defect(
        R + "bad_samples.py",
        "self._first.note(rows, ~losses.isfinite())",
        "self._first.note(rows, losses.isnan())",
        T + "test_interruption.py::test_non_finite_loss_names_epoch_and_samples",
    ),
    Defect(R + "batch_order.py", "if any(_is_reordered(own, given) for own, given in changed)", "if False", STEPS),
    Defect(R + "batch_parts.py", "and len(batch) == n_samples", "", T + "test_batch_parts.py"),
    Defect(R + "books.py", "if self._is_first:", "if False:", SAMPLES),
    Defect(
        R + "books.py",
        "if not agrees(trained, recorded, self._tolerance):\n                self",
        "if False:\n                self",
        T + "test_terms.py",
    ),
    Defect(
        R + "class_reader.py",
        "            if not self._state.works_without_classes:\n                raise\n",
        "",
        LOSSES + " " + T + "test_label_state.py",
    ),
    Defect(
        R + "class_shares.py",
        "targets.reshape(-1) > 0.5",
        "targets.reshape(-1) > 1.5",
        T + "test_label_state.py tests/estimators/test_label_issues.py tests/metrics tests/estimators/test_refit.py",
    ),
    Defect(R + "class_swap.py", "name not in self._added_", "True", LEAVES),
    Defect(
        R + "counted.py",
        "torch.ones_like(rows, dtype=torch.int32)",
        "torch.zeros_like(rows, dtype=torch.int32)",
        DETAILS,
    ),
    Defect(R + "criterion_listener.py", "0 * samples", "samples", T + "test_terms.py"),
    Defect(R + "detail_state.py", "        self.epoch += 1\n", "", DETAILS),
    Defect(R + "eval_recording.py", "if is_held_out:", "if False:", "tests/metrics/test_epoch_window.py"),
    Defect(R + "fast_steps.py", "    clear_gradients(net.optimizer_)\n", "", T + "test_patched_skorch.py"),
    Defect(R + "fast_path.py", "and steps_once(net.optimizer_)", "", LEAVES),
    Defect(
        R + "fast_path.py", "return len(vars(net)) != self._n_attributes", "return False", T + "test_set_in_training.py"
    ),
    Defect(R + "fast_path_proof.py", "is_equal = _is_equal()", "is_equal = True", T + "test_patched_skorch.py"),
    Defect(
        R + "first_rows.py",
        "self.rows[0] == _NONE, found",
        "self.rows[0] != _NONE, found",
        TRACKER,
    ),
    Defect(R + "followed_criteria.py", "restore_class(listener.criterion)", "pass", LEAVES),
    Defect(
        R + "label_state.py", "values[:, :-1], values[:, -1]", "values[:, 1:], values[:, 0]", T + "test_label_state.py"
    ),
    Defect(R + "loop_batch.py", "if values.ndim != 1:", "if False:", TRACKER),
    Defect(R + "loop_buffer.py", "part.clone() for part in batch[:4]", "part for part in batch[:4]", TRACKER),
    Defect(R + "loop_intake.py", "visits[rows] == 0) | mask[rows]", "visits[rows] == 0)", TRACKER),
    Defect(
        R + "loss_listener.py", "listeners, self._on_visit = self._on_visit, ()", "listeners = self._on_visit", LOSSES
    ),
    Defect(
        R + "merging.py", '"n_samples", "epoch", "reduction", "metrics"', '"n_samples", "epoch", "reduction"', TRACKER
    ),
    Defect(R + "modules.py", "buffer.data.copy_(value)", "pass", LEAVES),
    Defect(
        R + "net_recording.py",
        "self._identity.check_same(identify(session.root))",
        "pass",
        "tests/data/test_identity.py " + T,
    ),
    Defect(
        R + "net_recording.py",
        "self.validation_mask[session.parts.validation_rows.numpy()] = True",
        "pass",
        T + "test_splits.py",
    ),
    Defect(R + "order_check.py", "if not (keep or seen.follow) or", "if False and", SAMPLES + " " + STEPS),
    Defect(R + "order_check.py", "and not source.is_first and not seen.keep_others:", "and False:", STEPS),
    Defect(R + "overrides.py", "return not is_set and defining_class", "return defining_class", SET),
    Defect(R + "overrides.py", "self.running.append(name)", "self.running.append('')", SET),
    Defect(R + "loss_kinds.py", "in (1.0, 0.85, 0.7, 0.5, 0.3, 0.1)", "in (1.0,)", SAMPLES),
    Defect(
        R + "loss_kinds.py", 'agrees(float(asked.again("mean")[0]), float(losses.mean()))', "True", T + "test_terms.py"
    ),
    Defect(
        R + "loss_kinds.py",
        "if not torch.allclose(changed, before",
        "if False and not torch.allclose(changed, before",
        T + "test_terms.py",
    ),
    Defect(R + "ragged_units.py", "self._wrong |= (sizes != self._sizes[there]).any()", "pass", DETAILS),
    Defect(R + "recipes.py", "kind = reduction.score if is_score else", "kind =", "tests/metrics " + TRACKER),
    Defect(
        R + "record_settings.py",
        "self.store_probabilities and self.has_held_out",
        "False",
        T + "test_label_state.py tests/estimators/test_label_issues.py",
    ),
    Defect(
        R + "recorded_net.py",
        "            if session is not None:\n                session.detach()\n            raise",
        "            raise",
        LEAVES,
    ),
    Defect(
        R + "resume.py",
        '"f_params", "f_optimizer", "f_criterion", "f_history"',
        '"f_history", "f_params"',
        T + "test_resume.py",
    ),
    Defect(
        R + "sample_axis.py",
        "return torch.allclose(part, whole[:half]",
        "return True or torch.allclose(part, whole[:half]",
        T + "test_sample_axis.py",
    ),
    Defect(
        R + "sample_state.py",
        "self.epoch_has_visits, losses, run = True,",
        "self.epoch_has_visits, losses, run = False,",
        T + "test_interruption.py",
    ),
    Defect(
        R + "score_attributes.py", "n_visits.min() < n_visits.max()", "False", T + "test_train_sampler.py " + LOSSES
    ),
    Defect(R + "score_record.py", "self.held_out = sum_of(self.held_out, other.held_out)", "pass", TRACKER),
    Defect(
        R + "score_table.py",
        "index=index if isinstance(index, pandas.Index) else None",
        "index=None",
        "tests/estimators/test_input_kinds.py",
    ),
    Defect(R + "session.py", "        self.stash.put_back()\n", "", SET),
    Defect(
        R + "split_parts.py",
        "self.training_rows = Alignment(train, root).positions",
        "self.training_rows = None",
        T + "test_splits.py",
    ),
    Defect(R + "step_check.py", "if agrees(trained, recorded):", "if True:", STEPS),
    Defect("actscore_sk/data/alignment.py", "bool(is_trained[rows].any())", "False", T + "test_splits.py"),
    Defect(R + "trainable_loss.py", ".sum() / amount", ".mean()", T + "test_sample_weight.py"),
    Defect(R + "unit_files.py", "if not _holds_floats(path):", "if False:", DETAILS),
    Defect(R + "unit_scores.py", "storage[unseen] = 0", "pass", DETAILS),
    Defect(R + "visit.py", "self._count_changes() != self._versions", "False", T + "test_interruption.py"),
    Defect(
        R + "visit_buffer.py",
        "any(each.was_changed() for each in visits)",
        "False",
        T + "test_interruption.py",
    ),
    Defect(
        "actscore_sk/data/alignment.py",
        "positions = selected if positions is None else selected[positions]",
        "positions = selected",
        T + "test_splits.py",
    ),
    Defect(
        "actscore_sk/data/identity.py",
        "differing = self.differing(other)",
        "differing = []",
        "tests/data/test_identity.py",
    ),
    Defect("actscore_sk/data/sources.py", "if isinstance(X, DataLoader):", "if False:", "tests/data/test_loading.py"),
    Defect(
        "actscore_sk/data/views.py", "first + step * torch.arange", "first + torch.arange", "tests/data/test_views.py"
    ),
    Defect(R + "batch_events.py", "return known is None or known(listener.__self__)", "return False", EVENTS),
    Defect(R + "epoch_plan.py", "PATIENCE * (1.5 * best + 4)", "(1.5 * best + 4)", "tests/estimators/test_refit.py"),
    Defect(R + "loop_record.py", "self.n_trained.append(0)", "pass", TRACKER),
    Defect(R + "state_table.py", "rows), numbers):", "rows), numbers) or True:", T + "test_state_table.py"),
    Defect(R + "pending_losses.py", "row[self._name] = value", "row[self._name] = 0.0", LEAVES),
    Defect(R + "optimizer_step.py", "or optimizer._optimizer_step_post_hooks", "", T + "test_optimizer_step.py"),
    Defect(R + "backward.py", "and not has_torch_function_unary(loss)", "", T + "test_backward.py"),
    Defect(R + "epoch_callbacks.py", "callback.best_score_ = mean", "pass", T + "test_epoch_callbacks.py"),
    Defect(R + "record_state.py", '"held_out", "targets"', '"held_out",', TRACKER),
    Defect(R + "shared_visits.py", "if not len(table):", "if len(table):", SHARED),
    Defect(R + "shared_training.py", "return sum(ranks.all(n_trained))", "return n_trained", SHARED),
    Defect(
        R + "accelerated_net.py", "sum(value * n for value, n in parts)", "sum(value for value, n in parts)", SHARED
    ),
    Defect(
        R + "loss_kinds.py",
        "return losses is None or form_of(losses, others) == form",
        "return True",
        T + "test_terms.py",
    ),
    Defect(
        "actscore_sk/estimators/cross_fit.py", "is_dealt[first] = False", "pass", "tests/estimators/test_cross_fit.py"
    ),
    Defect(R + "own_loss.py", "if asked.shows_nothing:", "if False:", SAMPLES),
    Defect(R + "joint_stop.py", "self._handler(signal.SIGINT, None)", "pass", SHARED),
    Defect(R + "ranks.py", "return total / self.share.n_processes", "return total", SHARED),
)


def run_tests(folder: Path, names: list[str]) -> tuple[int, list[str]]:
    """Run tests on the copy of the package in a folder; return the status of pytest, and the tests that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=no", *names]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return ran.returncode, re.findall(r"^FAILED (.+?)(?: - .*)?$", ran.stdout, flags=re.MULTILINE)


def try_one(folder: Path, defect: Defect) -> str:
    """Apply a defect, run its tests, and take it back; a test that fails must pass without it."""
    file = folder / defect.file
    text = file.read_text()
    if text.count(defect.old) != 1:
        return f"{BROKEN}: it is there {text.count(defect.old)} times, expected once"
    try:
        file.write_text(text.replace(defect.old, defect.new))
        status, failed = run_tests(folder, [defect.file, *defect.tests.split()])  # its own examples first
    finally:
        file.write_text(text)
    if status == 0:
        return UNNOTICED
    if status != 1 or not failed or run_tests(folder, failed[:1])[0]:
        return f"{BROKEN}: the tests could not be run, pytest ended with {status}, or they fail without it"
    return f"{NOTICED} by {failed[0]}"


def main() -> int:
    """Run the command; the status is 1 if a defect is not noticed, or could not be put in."""
    parser = argparse.ArgumentParser(prog="python -m tests.defects", description=__doc__)
    parser.add_argument("-k", default="", help="only files whose name holds this")
    arguments = parser.parse_args()
    rooms = {path.name for path in (ROOT / R).glob("*.py") if path.name != "__init__.py"}
    results = [f"{R}{name}: no defect is known" for name in sorted(rooms - {Path(each.file).name for each in DEFECTS})]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in COPIED:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        chosen = [defect for defect in DEFECTS if arguments.k in defect.file]
        for defect in chosen:
            results.append(f"{defect.file}: {defect.old.strip()[:60]!r}: {try_one(folder, defect)}")
            print(results[-1], flush=True)
    wrong = [result for result in results if f": {NOTICED} by " not in result]
    print(f"{len(results) - len(wrong)} defects noticed, {len(wrong)} not", *wrong, sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
