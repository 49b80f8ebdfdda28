"""What every kernel must prove, written once: a kernel joins by one `Case` in its family's `cases.py`.

Each duty that passes leaves a mark in `.cache/proved`, from which `tests/proofs.py` prints the table of kernels and
transformations; a kernel that does not claim a duty has no mark.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from tests import marks

FLOAT = jnp.result_type(float)
X64 = FLOAT.itemsize == 8

# Of kernels from features to features, in place of the defaults for scores.
FEATURES: dict[str, Any] = {
    "value": lambda result: result,
    "second_order": True,
    "tolerance": (1e-5, 1e-12),
    "low_precision": 4e-3,
    "low_result": jnp.bfloat16,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class BadInput:
    """A call that must fail at trace time, and what its message must say."""

    call: Callable[[], Any]
    error: type[Exception]
    message: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One kernel before its duties.

    Attributes:
      name: `family.kernel`, as users import it.
      function: arrays in, any pytree out; options are bound inside.
      arguments: makes example arguments from a numpy generator: float64 and integer numpy arrays.
      reference: the same from float64 numpy, independently written, comparable to `value(function(...))`.
      value: the part of the result that the reference gives and that is differentiated: a float array.
      differentiable: positions of the arguments that it is differentiable in.
      second_order: whether second derivatives are promised (else they must raise, or the kernel is not differentiable).
      tolerance: of the reference, relative, in float32 and float64.
      diagnostics_tolerance: of jit and vmap in the rest of the result, where it holds the argument of a maximum, which
        its value determines to the square root of the precision only, or a class of about as many samples as columns.
      empty: arguments without samples, for which the result must be finite.
      bad_input: calls that must fail.
      low_precision: relative tolerance of bfloat16 inputs against the same rounded inputs in float32; None: not taken.
      low_result: dtype of the result for bfloat16 inputs: float32 for sums over samples, bfloat16 for features.
    """

    name: str
    function: Callable[..., Any]
    arguments: Callable[[np.random.Generator], tuple[np.ndarray, ...]]
    reference: Callable[..., Any]
    value: Callable[[Any], jax.Array] = lambda result: result.score
    differentiable: tuple[int, ...] = (0,)
    second_order: bool = False
    tolerance: tuple[float, float] = (1e-4, 1e-9)
    diagnostics_tolerance: tuple[float, float] = (1e-5, 1e-10)
    empty: Callable[[], tuple[np.ndarray, ...]] | None = None
    bad_input: tuple[BadInput, ...] = ()
    low_precision: float | None = 1e-4
    low_result: Any = jnp.float32

    def example(self, seed: int = 0, dtype: Any = FLOAT) -> tuple[jax.Array, ...]:
        """Example arguments, floats in `dtype`."""
        return cast(self.arguments(np.random.default_rng(seed)), dtype)


def cast(arguments: tuple[np.ndarray, ...], dtype: Any) -> tuple[jax.Array, ...]:
    """Arguments as jax arrays: floats in `dtype`, integers as they are."""
    return tuple(jnp.asarray(a, dtype if np.issubdtype(a.dtype, np.floating) else None) for a in arguments)


def assert_same(actual: Any, wanted: Any, tolerance: float) -> None:
    """Two pytrees agree: floats to a tolerance relative to their largest entry, the rest exactly."""
    assert jax.tree.structure(actual) == jax.tree.structure(wanted)
    for a, w in zip(jax.tree.leaves(actual), jax.tree.leaves(wanted), strict=True):
        assert a.shape == w.shape
        a, w = np.asarray(a), np.asarray(w)
        if np.issubdtype(a.dtype, np.floating):
            scale = max(1e-30, float(np.max(np.abs(w), initial=0.0)))
            np.testing.assert_allclose(a / scale, w / scale, rtol=0, atol=tolerance)
        else:
            np.testing.assert_array_equal(a, w)


def assert_finite(tree: Any) -> None:
    """No NaN and no infinity in any float leaf."""
    for leaf in jax.tree.leaves(tree):
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            assert bool(jnp.all(jnp.isfinite(leaf))), leaf


def _smooth(case: Case, arguments):
    """The case's value as a function of its differentiable arguments only."""

    def function(*varied):
        full = list(arguments)
        for position, argument in zip(case.differentiable, varied, strict=True):
            full[position] = argument
        return case.value(case.function(*full))

    # One program a derivative, where eager differentiation would compile each operation by itself.
    return jax.jit(function), tuple(arguments[i] for i in case.differentiable)


def duty_reference(case: Case) -> None:
    for seed in (0, 1, 2):
        arguments = case.arguments(np.random.default_rng(seed))
        actual = np.asarray(case.value(case.function(*cast(arguments, FLOAT))), np.float64)
        np.testing.assert_allclose(
            actual, case.reference(*arguments), rtol=case.tolerance[X64], atol=case.tolerance[X64]
        )


def duty_jit(case: Case) -> None:
    arguments = case.example()
    # jnp.max starts from -inf, which without jit is seen.
    with jax.disable_jit(), jax.debug_infs(False):
        eager = case.function(*arguments)
    _assert_same_result(case, jax.jit(case.function)(*arguments), eager)


def duty_vmap(case: Case) -> None:
    examples = [case.example(seed) for seed in (0, 1, 2)]
    batched = jax.jit(jax.vmap(case.function))(*(jnp.stack(column) for column in zip(*examples, strict=True)))
    for i, example in enumerate(examples):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], batched)
        _assert_same_result(case, one, case.function(*example))


def _assert_same_result(case: Case, actual: Any, wanted: Any) -> None:
    assert_same(case.value(actual), case.value(wanted), 1e-10 if X64 else 1e-5)
    assert_same(actual, wanted, case.diagnostics_tolerance[X64])


def duty_jvp(case: Case) -> None:
    if not case.differentiable:
        pytest.skip("not differentiable")
    _check_against_differences(*_smooth(case, case.example()), "fwd")


def duty_vjp(case: Case) -> None:
    if not case.differentiable:
        pytest.skip("not differentiable")
    function, varied = _smooth(case, case.example())
    if X64:
        _check_against_differences(function, varied, "rev")
    else:
        assert_finite(jax.jit(jax.grad(lambda *v: jnp.sum(function(*v)), tuple(range(len(varied)))))(*varied))


def _check_against_differences(function, varied, mode):
    check_grads(function, varied, order=1, modes=(mode,), atol=1e-5, rtol=1e-5)


def duty_second_order(case: Case) -> None:
    function, varied = _smooth(case, case.example())
    if not case.differentiable:
        pytest.skip("not differentiable")
    gradient = jax.grad(lambda *v: jnp.sum(function(*v)), tuple(range(len(varied))))
    if not case.second_order:
        with pytest.raises(TypeError, match="differentiable once"):
            jax.jvp(gradient, varied, varied)
        pytest.skip("differentiable once, and says so")
    check_grads(jax.jit(gradient), varied, order=1, modes=("fwd",), atol=1e-4, rtol=1e-4)
    # Whether the derivative of the gradient can be transposed shows in the trace.
    jax.eval_shape(lambda *v: jax.vjp(gradient, *v)[1](v), *varied)


def duty_dtype(case: Case) -> None:
    for dtype in (FLOAT, jnp.float32):
        value = jax.eval_shape(lambda *arguments: case.value(case.function(*arguments)), *case.example(dtype=dtype))
        assert value.dtype == dtype


def duty_bfloat16(case: Case) -> None:
    if case.low_precision is None:
        pytest.skip("takes no bfloat16")
    low = case.example(dtype=jnp.bfloat16)
    value = case.value(case.function(*low))
    assert value.dtype == case.low_result
    exact = case.value(case.function(*(a.astype(jnp.float32) if a.dtype == jnp.bfloat16 else a for a in low)))
    assert_same(value.astype(jnp.float32), exact, case.low_precision)


def duty_empty(case: Case) -> None:
    if case.empty is None:
        pytest.skip("nothing to leave empty")
    arguments = cast(case.empty(), FLOAT)
    assert_finite(case.function(*arguments))
    if case.differentiable:
        function, varied = _smooth(case, arguments)
        assert_finite(jax.jit(jax.grad(lambda *v: jnp.sum(function(*v)), tuple(range(len(varied)))))(*varied))


def duty_no_leaks(case: Case) -> None:
    with jax.checking_leaks():
        jax.eval_shape(case.function, *case.example())


def duty_one_compile(case: Case) -> None:
    first, second = case.example(0), case.example(1)
    case.function(*first)
    with _counted_lowerings() as lowerings:
        case.function(*second)
    assert not lowerings, "other numbers compiled anew"


@contextlib.contextmanager
def _counted_lowerings() -> Iterator[list[str]]:
    """The programs that are lowered within, which precedes their compilation."""
    found: list[str] = []

    def listen(event: str, duration_secs: float, **_: object) -> None:
        del duration_secs
        if event == "/jax/core/compile/jaxpr_to_mlir_module_duration":
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def duty_bad_input(case: Case) -> None:
    assert case.bad_input, f"{case.name} states no bad input"
    for bad in case.bad_input:
        with pytest.raises(bad.error, match=bad.message):
            bad.call()


DUTIES: dict[str, Callable[[Case], None]] = {
    name.removeprefix("duty_").replace("_", " "): function
    for name, function in list(globals().items())
    if name.startswith("duty_")
}

# Each in the precision that shows it, for compiling them is what the suite's time goes to: what no precision changes in
# float32, derivatives against differences in float64. The others are proved in both.
IN_FLOAT32 = ("jit", "vmap", "bfloat16", "empty", "no leaks", "one compile", "bad input")
IN_FLOAT64 = ("jvp", "second order")
DUTIES_HERE = tuple(duty for duty in DUTIES if duty not in (IN_FLOAT32 if X64 else IN_FLOAT64))


def prove(case: Case, duty: str) -> None:
    """Puts a kernel through one duty and leaves a mark if it passed."""
    marks.leave(case.name, duty, passed=False)
    DUTIES[duty](case)
    marks.leave(case.name, duty, passed=True)
