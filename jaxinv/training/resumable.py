"""Training that can be killed: its state is saved as it goes, and the same call goes on from there."""

import os
import pathlib
from collections.abc import Callable
from typing import TypeVar

from orbax import checkpoint

State = TypeVar("State")


def train_resumably(
    advance: Callable[[State, int], State],
    state: State,
    *,
    num_rounds: int,
    folder: str | os.PathLike[str],
) -> State:
    """`advance(state, round)` for each round, the state being saved after each.

    Where a run was killed, the same call with the same arguments returns bit for bit what the whole run returns,
    provided that `advance` depends on its arguments alone: its random numbers come from a key by
    `jax.random.fold_in(key, round)`.

    Args:
      advance: some steps of training, usually one jitted scan.
      state: at the start, a pytree of arrays: parameters and moments.
      num_rounds: in all, those of earlier calls included.
      folder: of this run alone; the last two states are kept there.

    Returns:
      The state after all rounds.

    Raises:
      ValueError: the folder holds a run of more rounds.
    """
    options = checkpoint.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
    with checkpoint.CheckpointManager(pathlib.Path(folder).absolute(), options=options) as manager:
        done = manager.latest_step() or 0
        if done > num_rounds:
            raise ValueError(f"folder: {folder} holds a run of {done} rounds, {num_rounds} were asked for")
        if done:
            state = manager.restore(done, args=checkpoint.args.StandardRestore(state))
        for number in range(done, num_rounds):
            state = advance(state, number)
            manager.save(number + 1, args=checkpoint.args.StandardSave(state))
    return state
