"""Programs of jax and of torch ready to be timed side by side, forward and with gradients.

torch is no dependency: importing this module needs it.
"""

import dataclasses
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jaxinv.bench.timing import Rounds, compiled, interleaved

torch: Any = importlib.import_module("torch")

TOLERANCE = 1e-4
# On an accelerator one call is shorter than waiting for it.
_CALLS_ON_ACCELERATOR = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contestant:
    """A layer in a framework.

    Attributes:
      name: printed.
      parameters: numbers that training would change.
      forward: one call; its result may still be on its way.
      both: one call with the gradients of all arguments.
      wait: for such a result.
      answer: value and gradients in a layout that all have in common, fewer where others have more; None for a layer
        that computes another map.
      built_ms: to make what a layer has before its first call, and to make it again in this process.
      compile_ms: to trace and compile forward, and with gradients.
    """

    name: str
    parameters: int
    forward: Callable[[], Any]
    both: Callable[[], Any]
    wait: Callable[[Any], Any]
    answer: Callable[[], Sequence[np.ndarray]] | None
    built_ms: tuple[float, float] | None = None
    compile_ms: tuple[float, float] | None = None


def of_jax(
    name: str,
    function: Callable[..., jax.Array],
    arguments: tuple[Any, ...],
    cotangent: Any,
    *,
    compared: Callable[..., Sequence[Any]],
    parameters: int,
    built_ms: tuple[float, float] | None = None,
) -> Contestant:
    """A function that XLA compiles; `compared` picks the answer from its value and its gradients.

    Arrays of the host go to the default device, others stay where they are.
    """

    def both(cotangent, *arguments):
        value, back = jax.vjp(function, *arguments)
        return value, *back(cotangent)

    arguments, cotangent = jax.device_put((arguments, cotangent))
    forward, with_gradients = compiled(function, arguments), compiled(both, (cotangent, *arguments))
    return Contestant(
        name=name,
        parameters=parameters,
        forward=lambda: forward.run(*arguments),
        both=lambda: with_gradients.run(cotangent, *arguments),
        wait=jax.block_until_ready,
        answer=lambda: [np.asarray(array) for array in compared(*with_gradients.run(cotangent, *arguments))],
        built_ms=built_ms,
        compile_ms=(forward.lower_ms + forward.compile_ms, with_gradients.lower_ms + with_gradients.compile_ms),
    )


def of_torch(
    name: str,
    function: Callable[..., Any],
    arguments: Sequence[Any],
    cotangent: Any,
    *,
    compared: Callable[..., Sequence[Any]] | None,
    parameters: int,
    built_ms: tuple[float, float] | None = None,
) -> Contestant:
    """A function of tensors that ask for gradients."""

    def forward():
        with torch.no_grad():
            return function(*arguments)

    def both():
        value = function(*arguments)
        return value, *torch.autograd.grad(value, arguments, cotangent)

    def answer(compared):
        return [array.detach().cpu().numpy() for array in compared(*both())]

    return Contestant(
        name=name,
        parameters=parameters,
        forward=forward,
        both=both,
        wait=lambda result: torch.cuda.synchronize() if cotangent.is_cuda else None,
        answer=None if compared is None else lambda: answer(compared),
        built_ms=built_ms,
    )


def tensor(array: Any, *, leaf: bool = True, memory_format: Any = torch.contiguous_format) -> Any:
    """On torch's device; as a parameter or an input whose gradient is asked for, unless not a `leaf`."""
    device = "cuda" if jax.default_backend() == "gpu" else "cpu"
    return torch.tensor(np.asarray(array), device=device).contiguous(memory_format=memory_format).requires_grad_(leaf)


def differences(contestants: Sequence[Contestant]) -> list[float | None]:
    """Of each answer from the first, relative to the largest entry; None where there is none.

    Raises:
      AssertionError: one is beyond the tolerance.
    """
    first, found = None, []
    for one in contestants:
        answer = None if one.answer is None else one.answer()
        first = answer if first is None else first
        if answer is None or first is None:
            found.append(None)
            continue
        off = max(np.max(np.abs(a - b)) / np.max(np.abs(b)) for a, b in zip(answer, first, strict=False))
        assert off <= TOLERANCE, f"{one.name} differs from {contestants[0].name} by {off:.1e}"
        found.append(float(off))
    return found


def rounds(contestants: Sequence[Contestant], mode: str, *, seconds: float) -> tuple[Rounds, int]:
    """All of them in turns, "forward" or "both", and how many calls are timed as one."""
    calls = 1 if jax.default_backend() == "cpu" else _CALLS_ON_ACCELERATOR

    def timed(one):
        call = getattr(one, mode)

        def run():
            for _ in range(calls - 1):
                call()
            one.wait(call())

        return run

    return interleaved([timed(one) for one in contestants], seconds=seconds), calls
