"""Record the loss of every sample while a skorch net trains: from the loader to the score.

One training step, in the order in which a loss passes through the files:

1. `session.py`: `RecordingSession` holds all state of a recorded net, and opens the step;
2. `recorded_net.py`: the net's class, swapped by `class_swap.py`, hands each method of the training to the session;
3. `data/loading.py`: the tracked loader yields a batch and knows the rows of X in it;
4. `fast_path.py` decides about `fast_steps.py`: the step without skorch's bookkeeping, if `fast_path_proof.py` saw that
   it gives the same result;
5. `loss_listener.py`: the call of `get_loss` becomes a `Visit` (`visit.py`); `criterion_listener.py` intercepts the
   criterion in it, and `own_loss.py` asks a `get_loss` of the user's own, with `asked_loss.py`, for the losses of
   single samples;
6. `visit_buffer.py`: visits wait, then many batches are evaluated at once; `books.py` compares the totals;
7. `net_recording.py`: the losses of the block go to the record of X, `score_record.py`, with what `class_reader.py`
   finds in it; `eval_recording.py` does the same for an `eval_set`;
8. `sample_state.py`: statistics add them up, a few numbers per sample; parts and units go to `detail_state.py`;
9. `score_attributes.py`: the statistics become `action_scores_` and the other fitted attributes.

The others are tools: `asked_net.py`, `refused_step.py`, `batch_parts.py`, `modules.py`, `overrides.py`,
`sample_axis.py`, `counted.py`, and the stores of units, `unit_scores.py` and `ragged_units.py`.
"""
