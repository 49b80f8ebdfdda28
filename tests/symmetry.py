"""Symmetry as three named classes of exactness, each with its own bound, and the control that must break it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Action = Callable[[Any, Any], Any]


def trivial(element: Any, value: Any) -> Any:
    """The representation in which nothing moves: equivariance to it is invariance."""
    del element
    return value


def assert_equivariant(
    function: Callable[[Any], Any],
    point: Any,
    sample: Callable[[jax.Array], Any],
    *,
    act_in: Action,
    act_out: Action = trivial,
    exactness: str,
    bound: float | None = None,
    num_elements: int = 5,
) -> None:
    """`function(g x) = g function(x)` for random g, relative to the size of the result.

    Args:
      function: from a pytree to an array.
      point: x.
      sample: draws a group element from a key.
      act_in: the group's action on x.
      act_out: its action on the result; by default none (invariance).
      exactness: "exact" (float32 1e-5, float64 1e-10), "grid" or "statistical", whose error curve or floor is `bound`.
      bound: relative; for "exact" it is fixed.
      num_elements: how many group elements.
    """
    limit = _limit(exactness, bound)
    for difference in _differences(function, point, sample, act_in, act_out, num_elements):
        assert difference <= limit, f"off by {difference:.3g}, {exactness} allows {limit:.3g}"


def assert_not_equivariant(
    function: Callable[[Any], Any],
    point: Any,
    sample: Callable[[jax.Array], Any],
    *,
    act_in: Action,
    act_out: Action = trivial,
    delta: float,
    num_elements: int = 5,
) -> None:
    """The negative control: at least one element moves the result by `delta` relative to its size, or more."""
    largest = max(_differences(function, point, sample, act_in, act_out, num_elements))
    assert largest >= delta, f"moves by {largest:.3g} only, at least {delta:.3g} was wanted"


def _limit(exactness: str, bound: float | None) -> float:
    if exactness == "exact":
        assert bound is None, "the bound of the exact class is fixed"
        return 1e-10 if jnp.result_type(float).itemsize == 8 else 1e-5
    assert exactness in ("grid", "statistical"), exactness
    assert bound is not None, f"{exactness} needs its bound"
    return bound


def _differences(function, point, sample, act_in, act_out, num_elements):
    plain = function(point)
    for key in jax.random.split(jax.random.key(17), num_elements):
        element = sample(key)
        moved, wanted = np.asarray(function(act_in(element, point))), np.asarray(act_out(element, plain))
        yield float(np.max(np.abs(moved - wanted)) / max(float(np.max(np.abs(wanted))), 1e-30))
