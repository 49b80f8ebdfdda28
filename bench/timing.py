"""Timing one call: compiled ahead, inputs ready, the whole result awaited, medians of interleaved rounds."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax


def compiled(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    """A call without arguments of `function`, compiled ahead of time, that waits for its result."""
    ready = jax.block_until_ready(jax.device_put(arguments))
    run = jax.jit(function).lower(*ready).compile()
    return lambda: jax.block_until_ready(run(*ready))


def interleaved(calls: Sequence[Callable[[], Any]], rounds: int = 9) -> list[list[float]]:
    """Seconds of each call in each round, all calls in turn, after one warm-up round.

    Interleaving makes a slow spell of a shared machine fall on all calls alike.
    """
    for call in calls:
        call()
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for taken, call in zip(seconds, calls, strict=True):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return seconds


def median(seconds: Sequence[float]) -> float:
    """The median, in milliseconds."""
    return 1e3 * statistics.median(seconds)
