"""Libraries held to the precision of our kernels."""

import functools
from collections.abc import Callable
from typing import Any

import jax


def in_full_precision(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same call without TF32, which an accelerator else takes for float32: our kernels never do."""

    @functools.wraps(call)
    def exact(*arguments):
        with jax.default_matmul_precision("highest"):
            return call(*arguments)

    return exact
