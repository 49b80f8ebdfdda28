"""What this device can do, measured in the same run: matrix products and copies."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxinv.bench.timing import compiled, interleaved

_SECONDS = 1.0


def rates(*, quick: bool = False) -> dict[str, float]:
    """Flop/s of a square matrix product by dtype, and bytes/s of a copy (read and written bytes counted).

    "matmul_float32" is in full precision; on a GPU "matmul_tf32" is what float32 reaches if its products may be
    rounded to TF32, which no kernel of ours does.
    """
    on_host = jax.default_backend() == "cpu"
    side = 512 if quick else 2048 if on_host else 8192
    found = {
        "matmul_float32": _matmul(side, jnp.float32, "highest"),
        "matmul_bfloat16": _matmul(side // 2 if on_host else side, jnp.bfloat16, "default"),
    }
    if jax.default_backend() == "gpu":
        found["matmul_tf32"] = _matmul(side, jnp.float32, "tensorfloat32")
    with jax.enable_x64(True):
        found["matmul_float64"] = _matmul(side // 2, jnp.float64, "highest")
    found["copy"] = _copy((1 << 18) if quick else (50 << 20) if on_host else (512 << 20))
    return found


def _matmul(side: int, dtype: Any, precision: str) -> float:
    x = jnp.full((side, side), 0.5, dtype)
    call = compiled(lambda a, b: jnp.matmul(a, b, precision=precision), (x, x)).on((x, x))
    return 2 * side**3 / (1e-3 * interleaved([call], seconds=_SECONDS).time(0).median_ms)


def _copy(entries: int) -> float:
    """In place, so that no fresh memory is asked for: reads and writes 4 bytes an entry."""
    state = [jnp.zeros(entries, jnp.float32)]
    program = compiled(lambda x: x + 1, (state[0],), donate=(0,))

    def call():
        state[0] = jax.block_until_ready(program.run(state[0]))

    return 8 * entries / (1e-3 * interleaved([call], seconds=_SECONDS).time(0).median_ms)
