"""From a case to its records: compile, check against the peers, time in turns."""

import dataclasses
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes
from jaxinv.bench.record import PeerRecord, Record
from jaxinv.bench.timing import SHORT_MS, Program, Rounds, compiled, interleaved, repeated


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How long to look, and what all records of a run say of it.

    Attributes:
      seconds: for the rounds of one row.
      quick: small sizes only, no sweeps.
      huge_pages: whether the allocator was asked for huge pages.
      run: device, versions, rates.
    """

    seconds: float = 3.0
    quick: bool = False
    huge_pages: bool = False
    run: dict[str, Any]


def measure(case: Case, settings: Settings) -> Iterator[Record]:
    """Every record of a case: its sizes forward, the first of them in all modes and variants, then its sweeps."""
    first, *others = (case.small,) if settings.quick else case.sizes
    yield from (_forward(case, first, dtype, settings) for dtype in case.dtypes)
    if case.donated:
        yield _donated(case, first, settings)
    if case.differentiable:
        yield from _derivatives(case, first, settings)
    for sizes in others:
        yield _forward(case, sizes, "float32", settings)
        if case.differentiable and case.derivatives_at_every_size:
            yield from _derivatives(case, sizes, settings)
    if settings.quick:
        return
    for axis, values in case.sweep.items():
        for value in values:
            yield _forward(case, {**first, axis: value}, "float32", settings, axis=axis)


def forward(case: Case, sizes: Sizes, settings: Settings) -> Record:
    """The forward row alone, beside all its peers: what the guard measures again."""
    return _forward(case, sizes, "float32", settings)


def _forward(case: Case, sizes: Sizes, dtype: str, settings: Settings, *, axis: str | None = None) -> Record:
    host = example(case, sizes)
    arguments = _on_device(host, dtype)
    program = compiled(case.kernel, arguments)
    call, repeats = _long_enough(case.kernel, program, arguments)
    # Peers take float32; the slowest are left out where many sizes are measured.
    chosen = [p for p in case.peers if p.installed and dtype == "float32" and not (axis and p.slow)]
    beside = [_Beside.of(peer, host, sizes.get("models", 1)) for peer in chosen]
    calls = [call, *(one.timed for one in beside)]
    threads = [_better_threads(call), *(one.threads or _better_threads(one.timed) for one in beside)]
    rounds = interleaved(calls, threads=threads, seconds=settings.seconds)
    result = program.run(*arguments)
    peers = tuple(
        one.record(rounds, column, repeats, functools.partial(difference, case, result))
        for column, one in enumerate(beside, start=1)
    )
    error = _error(case, host, result) if axis is None and dtype == "float32" else None
    return _record(case, sizes, settings, program, rounds, repeats, dtype=dtype, axis=axis, peers=peers, error=error)


@dataclasses.dataclass(frozen=True)
class _Beside:
    """A peer ready to be timed.

    Attributes:
      peer: which.
      once: one call, whose result is its answer.
      timed: what is timed, several calls as one where they are short.
      factor: of the time of `timed` to that of one call for the whole pool.
      threads: that it does best with; None where XLA runs it.
      program: None where XLA does not run it.
    """

    peer: Peer
    once: Callable[[], Any]
    timed: Callable[[], Any]
    factor: float
    threads: int | None = None
    program: Program | None = None

    @classmethod
    def of(cls, peer: Peer, host: tuple[Any, ...], pool: int) -> "_Beside":
        if peer.compiled:
            return cls.run_by_xla(peer, peer.call, _on_device(host, "float32"))
        seen = pool if peer.models is None else min(pool, peer.models)
        part = host if seen == pool else (host[0][:seen], *host[1:])
        once = functools.partial(peer.call, *part)
        return cls(peer, once, once, pool / seen, _better_threads(once))

    @classmethod
    def run_by_xla(cls, peer: Peer, function: Callable[..., Any], arguments: tuple[Any, ...]) -> "_Beside":
        """A function of the peer's, on arguments that are on the device."""
        program = compiled(function, arguments)
        timed, repeats = _long_enough(function, program, arguments)
        return cls(peer, program.on(arguments), timed, 1 / repeats, program=program)

    def record(
        self, rounds: Rounds, column: int, repeats: int, difference_from_ours: Callable[[Any], float]
    ) -> PeerRecord:
        """What the rounds say of it; `repeats` calls of ours were timed as one."""
        ratio, low, high = rounds.ratio(column, self.factor * repeats)
        return PeerRecord(
            name=self.peer.name,
            kind=self.peer.kind,
            time=rounds.time(column, self.factor),
            ratio=ratio,
            ratio_low=low,
            ratio_high=high,
            difference=None if self.peer.tolerance is None else difference_from_ours(self.once()),
            tolerance=self.peer.tolerance,
            threads=self.threads,
            import_ms=_import_ms(self.peer.modules) if self.peer.modules and self.program is None else None,
            lower_ms=None if self.program is None else self.program.lower_ms,
            compile_ms=None if self.program is None else self.program.compile_ms,
        )


def _donated(case: Case, sizes: Sizes, settings: Settings) -> Record:
    """The result takes the place of the first argument, so that no fresh memory is touched."""
    first, *rest = _on_device(example(case, sizes), "float32")
    program = compiled(case.kernel, (first, *rest), donate=(0,))
    state = [first]

    def call():
        state[0] = jax.block_until_ready(program.run(state[0], *rest))

    return _record(case, sizes, settings, program, interleaved([call], seconds=settings.seconds), 1, variant="donated")


def _derivatives(case: Case, sizes: Sizes, settings: Settings) -> Iterator[Record]:
    """The pullback alone, and forward and pullback, ours beside those of the peers that XLA runs."""
    arguments = _on_device(example(case, sizes), "float32")
    chosen = [peer for peer in case.peers if peer.installed and peer.compiled and peer.kind != "floor"]
    ours = _modes(lambda *arguments: case.value(case.kernel(*arguments)), case.differentiable, arguments)
    theirs = [_modes(peer.call, case.differentiable, arguments) for peer in chosen]
    for mode, (function, given) in ours.items():
        program = compiled(function, given)
        call, repeats = _long_enough(function, program, given)
        beside = [_Beside.run_by_xla(peer, *modes[mode]) for peer, modes in zip(chosen, theirs, strict=True)]
        calls = [call, *(one.timed for one in beside)]
        rounds = interleaved(calls, threads=[_better_threads(call) for call in calls], seconds=settings.seconds)
        result = program.run(*given)
        peers = tuple(
            one.record(rounds, column, repeats, functools.partial(_largest_difference, result))
            for column, one in enumerate(beside, start=1)
        )
        yield _record(case, sizes, settings, program, rounds, repeats, mode=mode, peers=peers)


def _modes(
    value: Callable[..., Any], places: tuple[int, ...], arguments: tuple[Any, ...]
) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """The derivative modes of a function by name: what is timed, and its arguments."""

    def pull(*arguments):
        def of_varied(*varied):
            full = list(arguments)
            for place, argument in zip(places, varied, strict=True):
                full[place] = argument
            return value(*full)

        return jax.vjp(of_varied, *(arguments[place] for place in places))

    def pullback(back, cotangent):
        return back(cotangent)

    def both(cotangent, *arguments):
        primal, back = pull(*arguments)
        return primal, back(cotangent)

    primal, back = jax.jit(pull)(*arguments)
    # An argument: what is made of a constant by a linear map would be computed when the program is compiled.
    cotangent = jnp.ones_like(primal)
    return {"vjp": (pullback, (back, cotangent)), "forward+vjp": (both, (cotangent, *arguments))}


def _record(
    case: Case,
    sizes: Sizes,
    settings: Settings,
    program: Program,
    rounds: Rounds,
    repeats: int,
    *,
    mode: str = "forward",
    dtype: str = "float32",
    axis: str | None = None,
    variant: str = "fresh",
    peers: tuple[PeerRecord, ...] = (),
    error: float | None = None,
) -> Record:
    work, rate = case.work(sizes), settings.run["rates"]
    seconds = max(work.flops / rate[f"matmul_{dtype}"], work.bytes / rate["copy"])
    return Record(
        family=case.family,
        case=case.name,
        mode=mode,
        dtype=dtype,
        sizes=dict(sizes),
        axis=axis,
        variant=variant,
        huge_pages=settings.huge_pages,
        repeats=repeats,
        lower_ms=program.lower_ms,
        compile_ms=program.compile_ms,
        time=rounds.time(0, 1 / repeats),
        xla_flops=program.cost("flops"),
        xla_bytes=program.cost("bytes accessed"),
        peak_bytes=program.peak_bytes,
        error=error,
        work_flops=work.flops,
        work_bytes=work.bytes,
        limit_ms=1e3 * seconds,
        peers=peers,
        busy=rounds.busy,
        run=settings.run,
    )


def example(case: Case, sizes: Sizes) -> tuple[Any, ...]:
    """The same host arguments each time."""
    return case.arguments(np.random.default_rng(0), sizes)


def _on_device(arguments: tuple[Any, ...], dtype: Any) -> tuple[Any, ...]:
    def put(leaf):
        leaf = jnp.asarray(leaf)
        return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.block_until_ready(jax.tree.map(put, arguments))


def _long_enough(function: Callable[..., Any], program: Program, arguments: tuple[Any, ...]):
    """A call of at least about `SHORT_MS`, and how many calls of the kernel it holds."""
    call = program.on(arguments)
    once = interleaved([call], seconds=0.0).time(0).median_ms
    if once >= SHORT_MS:
        return call, 1
    repeats = int(np.ceil(2 * SHORT_MS / max(once, 1e-3)))
    return compiled(repeated(function, repeats), arguments).on(arguments), repeats


def _better_threads(call: Callable[[], Any]) -> int:
    """1 or all: two pools of BLAS threads side by side can be ten times slower than one thread.

    XLA's LAPACK calls on a processor run on such a pool too.
    """
    numbers = (1, os.cpu_count() or 1)
    rounds = interleaved([call, call], threads=numbers, seconds=0.0, least=2)
    return numbers[int(np.argmin(np.median(rounds.wall, axis=0)))]


def difference(case: Case, ours: Any, theirs: Any) -> float:
    """Of a peer's answer from ours, relative to its largest entry; a peer may have seen a pool's first models only."""
    ours, theirs = np.asarray(case.value(ours)), np.asarray(theirs)
    return _largest_difference(ours[: len(theirs)] if theirs.ndim else ours, theirs)


def _largest_difference(ours: Any, theirs: Any) -> float:
    """Over the arrays of a result: of theirs from ours, relative to the largest entry of the array."""

    def of_array(ours, theirs):
        ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
        return float(np.max(np.abs(ours - theirs)) / max(np.max(np.abs(theirs)), 1e-30))

    return max(jax.tree.leaves(jax.tree.map(of_array, ours, theirs)))


def _error(case: Case, host: tuple[Any, ...], ours: Any) -> float:
    """Of our float32 answer from our float64 answer."""
    # A traced function does not read its tables of integers anew where integers have become wider (jax 0.10), or again
    # narrower.
    jax.clear_caches()
    with jax.enable_x64(True):
        exact = np.asarray(case.value(jax.jit(case.kernel)(*_on_device(host, "float64"))))
    jax.clear_caches()
    assert exact.dtype == np.float64
    return difference(case, ours, exact)


@functools.cache
def _import_ms(modules: tuple[str, ...]) -> float:
    """Of a peer's packages in a fresh process, compilation that they do at import included."""
    script = f"import time; t = time.perf_counter(); import {', '.join(modules)}; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return 1e3 * float(done.stdout.splitlines()[-1])
