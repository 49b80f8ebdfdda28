"""Leading axes of size 1, so that arrays broadcast also for users who forbid jax to promote ranks by itself."""

import jax


def with_equal_ranks(*arrays: jax.Array) -> tuple[jax.Array, ...]:
    """The arrays with as many axes as the one that has most, new ones of size 1 in front."""
    rank = max(array.ndim for array in arrays)
    return tuple(array.reshape((1,) * (rank - array.ndim) + array.shape) for array in arrays)
