"""Timing calls: whole results awaited, rounds interleaved, wall-clock and CPU time apart."""

import dataclasses
import os
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import threadpoolctl

from jaxinv.bench.record import Time

SHORT_MS = 1.0
BUSY = 0.1
_MOST_ROUNDS = 25
_LEAST_SECONDS = 0.3  # below, the system's clock ticks are too coarse to tell how busy others were
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclasses.dataclass(frozen=True)
class Rounds:
    """Seconds of each call (columns) in each round (rows), and the share of the processor that others took."""

    wall: np.ndarray
    cpu: np.ndarray
    busy: float

    def time(self, column: int, factor: float = 1.0) -> Time:
        """Of one call; `factor` scales it."""
        wall = 1e3 * factor * self.wall[:, column]
        low, median, high = np.quantile(wall, (0.25, 0.5, 0.75))
        cpu = 1e3 * factor * float(np.median(self.cpu[:, column]))
        return Time(float(median), float(low), float(high), cpu, len(wall))

    def ratio(self, column: int, factor: float = 1.0) -> tuple[float, float, float]:
        """Median and quartiles over the rounds of a call's time over that of the first.

        Of wall-clock time on a calm machine; of CPU time where others took more than `BUSY` of the processor, since
        neighbours slow threads that wait for each other out of all proportion.
        """
        seconds = self.cpu if self.busy > BUSY else self.wall
        low, median, high = np.quantile(factor * seconds[:, column] / seconds[:, 0], (0.25, 0.5, 0.75))
        return float(median), float(low), float(high)


def interleaved(
    calls: Sequence[Callable[[], Any]], *, seconds: float, threads: Sequence[int | None] = (), least: int = 5
) -> Rounds:
    """Runs all calls, round after round (`least` at least), for about `seconds`, after one round to warm up.

    In rounds, so that a slow spell of a shared machine falls on all of them alike; each in an order of its own, drawn
    by a fixed seed, so that no call always meets the caches as the same other one left them. `threads` limits the BLAS
    and OpenMP threads of each call (None: no limit), outside what is timed.
    """
    pools = threadpoolctl.ThreadpoolController()
    limits = threads or (None,) * len(calls)
    start = time.perf_counter()
    for call in calls:
        call()
    once = time.perf_counter() - start
    before = _Processor.now()
    most = max(_MOST_ROUNDS, _LEAST_SECONDS / once)
    num_rounds = int(np.clip(seconds / once, least, most))
    wall, cpu = np.zeros((2, num_rounds, len(calls)))
    generator = np.random.default_rng(0)
    for number in range(num_rounds):
        for place in generator.permutation(len(calls)):
            with pools.limit(limits=limits[place]):
                start, start_cpu = time.perf_counter(), time.process_time()
                calls[place]()
                wall[number, place] = time.perf_counter() - start
                cpu[number, place] = time.process_time() - start_cpu
    return Rounds(wall, np.maximum(cpu, 1e-9), before.taken_by_others())


@dataclasses.dataclass(frozen=True)
class _Processor:
    """Seconds of all cores that were in use, and of this process, at some moment."""

    used: float | None
    own: float
    moment: float

    @classmethod
    def now(cls) -> "_Processor":
        stat = pathlib.Path("/proc/stat")
        used = None
        if stat.exists():
            user, nice, system, _idle, _wait, irq, softirq, steal = map(int, stat.read_text().split()[1:9])
            used = (user + nice + system + irq + softirq + steal) / _TICK
        return cls(used, time.process_time(), time.perf_counter())

    def taken_by_others(self) -> float:
        """Share of the processor that others took since then; 0 where the system does not tell."""
        now = _Processor.now()
        if self.used is None or now.used is None:
            return 0.0
        others = (now.used - self.used) - (now.own - self.own)
        return float(np.clip(others / ((now.moment - self.moment) * (os.cpu_count() or 1)), 0.0, 1.0))


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled function, and what compiling took."""

    run: Any
    lower_ms: float
    compile_ms: float

    def on(self, arguments: tuple[Any, ...]) -> Callable[[], Any]:
        """A call that waits for the whole result."""
        return lambda: jax.block_until_ready(self.run(*arguments))

    @property
    def peak_bytes(self) -> int | None:
        """Arguments, results and temporaries by XLA's plan."""
        plan = self.run.memory_analysis()
        if plan is None:
            return None
        sizes = (plan.argument_size_in_bytes, plan.output_size_in_bytes, plan.temp_size_in_bytes)
        return int(sum(sizes) - plan.alias_size_in_bytes)

    def cost(self, name: str) -> float | None:
        """XLA's own count of "flops" or "bytes accessed"; None where it has none."""
        counted = (self.run.cost_analysis() or {}).get(name)
        return None if counted is None or counted < 0 else float(counted)


def compiled(function: Callable[..., Any], arguments: tuple[Any, ...], *, donate: tuple[int, ...] = ()) -> Program:
    """Lowers and compiles a function for given arguments, each stage timed."""
    start = time.perf_counter()
    lowered = jax.jit(function, donate_argnums=donate).lower(*arguments)
    middle = time.perf_counter()
    run = lowered.compile()
    return Program(run, 1e3 * (middle - start), 1e3 * (time.perf_counter() - middle))


def repeated(function: Callable[..., Any], repeats: int) -> Callable[..., Any]:
    """`repeats` calls in one program, each of which needs the one before.

    The first entry of every argument grows by 0 times the last result, which no compiler may drop, since it would be
    NaN for an infinite result. Every one: what depends on the others alone would be computed once for all calls.
    """

    def nudge(arguments, result):
        floating = [leaf for leaf in jax.tree.leaves(result) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        nothing = 0 * jnp.stack([leaf.ravel()[0].astype(jnp.float32) for leaf in floating]).sum()

        def nudged(leaf):
            first = (0,) * leaf.ndim
            if leaf.dtype == bool:
                return leaf.at[first].set(leaf[first] ^ (nothing != 0))
            by = nothing if jnp.issubdtype(leaf.dtype, jnp.floating) else nothing != 0
            return leaf.at[first].add(by.astype(leaf.dtype))

        return jax.tree.map(nudged, arguments)

    def loop(*arguments):
        def step(_, carry):
            arguments = nudge(*carry)
            return arguments, function(*arguments)

        return jax.lax.fori_loop(1, repeats, step, (arguments, function(*arguments)))[1]

    return loop
