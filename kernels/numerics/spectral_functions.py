"""Functions of symmetric matrices, whose first and second derivatives are right at equal eigenvalues.

`f(A) = V f(values) V'`. Its derivative in a direction is `V (L * (V' dA V)) V'` with the divided differences
`L_ij = f[x_i, x_j]` (Daleckii and Krein), and its second derivative the same with `f[x_i, x_k, x_j]`; both are written
without cancellation, so equal eigenvalues are nothing special. Such maps are symmetric in their directions and
self-adjoint in each: `along` makes one primitive of them, whose derivatives and transposes are maps of the same kind,
because what JAX derives from eigenvectors has no derivative at equal eigenvalues.
"""

import dataclasses
import functools
import itertools
import math
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.small_matrices import (
    Square,
    apart,
    congruent,
    entrywise,
    joined,
    settled,
    square_argument,
    symmetrised,
    total,
    transposed,
)
from jaxinv.kernels.numerics.symmetric_eigen import eigen, rebuilt


@jax.jit
def symmetric_sqrt(a: jax.Array) -> jax.Array:
    """The square root of positive semi-definite matrices.

    Args:
      a: `(..., n, n)`, floating point; its symmetric part is taken. Eigenvalues below 0 count as 0.

    Returns:
      `(..., n, n)` in the dtype of a, symmetric positive semi-definite; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, second order; a third derivative raises TypeError. Divided differences of two
    eigenvalues at 0, which are infinite, count as 0: derivatives are finite on the boundary of the cone.
    References: Higham, Functions of matrices (2008), ch. 3, 6.
    """
    return _function(a, _Sqrt())


@jax.jit
def symmetric_inverse_sqrt(a: jax.Array) -> jax.Array:
    """The inverse square root of positive definite matrices; of semi-definite ones the pseudo-inverse's square root.

    Args:
      a: `(..., n, n)`, floating point; its symmetric part is taken. Eigenvalues at or below 0 give 0, with divided
        differences 0; what rounding leaves above 0 of an eigenvalue 0 gives a large number.

    Returns:
      `(..., n, n)` in the dtype of a, symmetric positive semi-definite; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, second order; a third derivative raises TypeError.
    References: as `symmetric_sqrt`.
    """
    return _function(a, _InverseSqrt())


@jax.jit
def symmetric_exp(a: jax.Array) -> jax.Array:
    """The exponential of symmetric matrices.

    Args:
      a: `(..., n, n)`, floating point; its symmetric part is taken. Of eigenvalues beyond 85 (700 in float64) the
        exponential is that of 85 (700), so that none is infinite.

    Returns:
      `(..., n, n)` in the dtype of a, symmetric positive definite; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, second order; a third derivative raises TypeError.
    References: Higham, Functions of matrices (2008), ch. 3, 10.
    """
    return _function(a, _Exp())


@jax.jit
def symmetric_log(a: jax.Array) -> jax.Array:
    """The logarithm of positive definite matrices.

    Args:
      a: `(..., n, n)`, floating point; its symmetric part is taken. Eigenvalues at or below 0, which have no logarithm,
        give 0 with divided differences 0, as in `safe.safe_log`.

    Returns:
      `(..., n, n)` in the dtype of a, symmetric; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, second order; a third derivative raises TypeError.
    References: Higham, Functions of matrices (2008), ch. 3, 11.
    """
    return _function(a, _Log())


@functools.partial(jax.jit, static_argnames=("exponent",))
def symmetric_power(a: jax.Array, exponent: float) -> jax.Array:
    """A real power of positive semi-definite matrices.

    Args:
      a: `(..., n, n)`, floating point; its symmetric part is taken. Eigenvalues at or below 0 give 0 (1 for the
        exponent 0), with divided differences among them 0.
      exponent: static, finite.

    Returns:
      `(..., n, n)` in the dtype of a, symmetric; bfloat16 is computed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or an exponent that is not finite, naming the argument.

    Transformations: jit, vmap, jvp, vjp, second order; a third derivative raises TypeError.
    References: as `symmetric_sqrt`.
    """
    if not math.isfinite(exponent):
        raise ValueError(f"exponent must be finite, got {exponent}")
    return _function(a, _Power(float(exponent)))


def _function(a: jax.Array, function: "Scalar") -> jax.Array:
    a = square_argument("a", a)
    return joined(spectral(symmetrised(apart(a)), function)).astype(a.dtype)


class Scalar(Protocol):
    """A function of eigenvalues with its divided differences, of arguments in ascending order."""

    name: str

    def value(self, x: jax.Array) -> jax.Array:
        """f."""
        ...

    def first(self, low: jax.Array, high: jax.Array) -> jax.Array:
        """f[low, high]."""
        ...

    def second(self, low: jax.Array, middle: jax.Array, high: jax.Array) -> jax.Array:
        """f[low, middle, high]."""
        ...


def spectral(a: Square, function: Scalar) -> Square:
    """`function` of a symmetric matrix in parts."""
    return along(_Value(function), a, eigen(jax.lax.stop_gradient(a)))


def logarithm_of_decomposed(a: Square, values: Any, vectors: Square) -> Square:
    """`symmetric_log` of a matrix in parts whose eigenvalues, ascending, and vectors are known."""
    return along(_Value(_Log()), a, jax.lax.stop_gradient((values, vectors)))


class Multilinear(Protocol):
    """A map of matrices that is linear in each of its directions, symmetric in them, and self-adjoint in each.

    It depends on a matrix, the place, of which `compute` is given a factorisation.
    """

    def compute(self, factors: Any, directions: tuple[Square, ...]) -> Square:
        """The map."""
        ...

    def change(self, place: Square, factors: Any, directions: tuple[Square, ...], found: Square, by: Square) -> Square:
        """Its derivative when the place moves along `by`, itself made of differentiable maps; `found` is the map."""
        ...


def along(kind: Multilinear, place: Square, factors: Any, *directions: Square) -> Square:
    """`kind` at a place along directions; differentiable in the place and the directions, any number of times.

    `factors` are functions of the place, and count as constants: `kind.change` knows how they move.
    """
    leaves, structure = jax.tree.flatten((place, factors, directions))
    shape = jax.tree.structure(place)
    return jax.tree.unflatten(shape, _along.bind(*leaves, kind=kind, structure=structure))


_along: Any = Primitive("along")
_along.multiple_results = True


def _compute(*leaves, kind, structure):
    _, factors, directions = jax.tree.unflatten(structure, leaves)
    return jax.tree.leaves(kind.compute(factors, directions))


def _result_types(*leaves, kind, structure):
    place, _, _ = jax.tree.unflatten(structure, leaves)
    return jax.tree.leaves(place)


def _jvp(primals, tangents, *, kind, structure):
    place, factors, directions = jax.tree.unflatten(structure, primals)
    moved, _, turned = jax.tree.unflatten(structure, tangents)
    found = along(kind, place, factors, *directions)
    terms = []
    if _moves(moved):
        terms.append(kind.change(place, factors, directions, found, _filled(moved)))
    for i, turn in enumerate(turned):
        if _moves(turn):
            terms.append(along(kind, place, factors, *directions[:i], _filled(turn), *directions[i + 1 :]))
    change = functools.reduce(functools.partial(entrywise, jnp.add), terms)
    return jax.tree.leaves(found), jax.tree.leaves(change)


def _is_zero(tangent):
    return isinstance(tangent, ad.Zero)


def _moves(tangents):
    return not all(map(_is_zero, jax.tree.leaves(tangents, is_leaf=_is_zero)))


def _filled(tangents):
    return jax.tree.map(ad.instantiate_zeros, tangents, is_leaf=_is_zero)


def _is_linear(leaf):
    return ad.is_undefined_primal(leaf)


def _transpose(cotangents, *leaves, kind, structure):
    place, factors, directions = jax.tree.unflatten(structure, leaves)
    shape = jax.tree.structure(place)
    (i,) = (i for i, x in enumerate(directions) if any(map(_is_linear, jax.tree.leaves(x, is_leaf=_is_linear))))
    cotangent = jax.tree.unflatten(shape, map(ad.instantiate_zeros, cotangents))
    found = along(kind, place, factors, *directions[:i], cotangent, *directions[i + 1 :])
    nothing = jax.tree.map(lambda _: None, (place, factors, directions), is_leaf=_is_linear)
    none_place, none_factors, none_directions = nothing
    full = (none_place, none_factors, (*none_directions[:i], found, *none_directions[i + 1 :]))
    return jax.tree.leaves(full, is_leaf=lambda x: x is None)


def _batch(leaves, axes, *, kind, structure):
    (size,) = {leaf.shape[axis] for leaf, axis in zip(leaves, axes, strict=True) if axis is not None}
    full = [
        jnp.broadcast_to(leaf[None], (size, *leaf.shape)) if axis is None else jnp.moveaxis(leaf, axis, 0)
        for leaf, axis in zip(leaves, axes, strict=True)
    ]
    found = _along.bind(*full, kind=kind, structure=structure)
    return found, [0] * len(found)


_along.def_impl(_compute)
_along.def_abstract_eval(_result_types)
ad.primitive_jvps[_along] = _jvp
ad.primitive_transposes[_along] = _transpose
batching.primitive_batchers[_along] = _batch
mlir.register_lowering(_along, mlir.lower_fun(_compute, multiple_results=True))


@dataclasses.dataclass(frozen=True)
class _Value:
    function: Scalar

    def compute(self, factors, directions):
        del directions
        values, vectors = factors
        found = tuple(map(self.function.value, values)) if isinstance(values, tuple) else self.function.value(values)
        return rebuilt(vectors, found)

    def change(self, place, factors, directions, found, by):
        del directions, found
        return along(_First(self.function), place, factors, symmetrised(by))


@dataclasses.dataclass(frozen=True)
class _First:
    function: Scalar

    def compute(self, factors, directions):
        values, vectors = factors
        # A cotangent need not be symmetric; what is made of it ends in the transpose of `symmetrised`.
        turned = congruent(vectors, symmetrised(directions[0]))
        differences = _of_indices(lambda *x: _bounded(self.function.first(*x)), values, 2)
        return congruent(transposed(vectors), settled(entrywise(jnp.multiply, differences, turned), values[0]))

    def change(self, place, factors, directions, found, by):
        del found
        return along(_Second(self.function), place, factors, *directions, symmetrised(by))


@dataclasses.dataclass(frozen=True)
class _Second:
    function: Scalar

    def compute(self, factors, directions):
        values, vectors = factors
        turned: list[Any] = [settled(congruent(vectors, symmetrised(x)), values[0]) for x in directions]
        x, y = turned
        differences = _of_indices(lambda *x: _bounded(self.function.second(*x)), values, 3)
        if not isinstance(values, tuple):
            both = contract("...ikj,...ik,...kj->...ij", differences, x, y)
        else:
            size = range(len(values))
            both = tuple(
                tuple(total(differences[i][k][j] * x[i][k] * y[k][j] for k in size) for j in size) for i in size
            )
        return congruent(transposed(vectors), settled(entrywise(jnp.add, both, transposed(both)), values[0]))

    def change(self, place, factors, directions, found, by):
        raise TypeError(f"{self.function.name} is differentiable twice; its third derivative is not defined here")


def _of_indices(function, values, count) -> Any:
    """A symmetric function of `count` values at all their combinations: nested tuples, or an array."""
    if isinstance(values, tuple):
        size = range(len(values))
        known = {
            indices: function(*(values[i] for i in indices))
            for indices in itertools.combinations_with_replacement(size, count)
        }
        return _nested(known, size, count, ())
    size = values.shape[-1]
    # Ascending indices are ascending values.
    indices = np.sort(np.stack(np.meshgrid(*[np.arange(size, dtype=np.int32)] * count, indexing="ij")), axis=0)
    return function(*(values[..., index] for index in indices))


def _bounded(x):
    """At eigenvalues too small for their divided differences a large number, not infinity, times which 0 is NaN."""
    most = 1e-3 * float(jnp.finfo(x.dtype).max)
    return jnp.clip(x, -most, most)


def _nested(known, size, count, chosen):
    if len(chosen) == count:
        return known[tuple(sorted(chosen))]
    return tuple(_nested(known, size, count, (*chosen, i)) for i in size)


@dataclasses.dataclass(frozen=True)
class _Sqrt:
    name = "symmetric_sqrt"

    def value(self, x):
        return jnp.sqrt(jnp.maximum(x, 0.0))

    def first(self, low, high):
        return _reciprocal(self.value(low) + self.value(high))

    def second(self, low, middle, high):
        p, q, r = map(self.value, (low, middle, high))
        return -_reciprocal(p + q) * _reciprocal(q + r) * _reciprocal(p + r)


@dataclasses.dataclass(frozen=True)
class _InverseSqrt:
    name = "symmetric_inverse_sqrt"

    def value(self, x):
        return _reciprocal(jnp.sqrt(jnp.maximum(x, 0.0)))

    def first(self, low, high):
        p, q = self.value(low), self.value(high)
        return -p * q * _parallel(p, q)

    def second(self, low, middle, high):
        p, q, r = map(self.value, (low, middle, high))
        return (p * q + q * r + p * r) * _parallel(p, q) * _parallel(q, r) * _parallel(p, r)


def _parallel(p, q):
    """`p q / (p + q)`."""
    return p * q * _reciprocal(p + q)


@dataclasses.dataclass(frozen=True)
class _Exp:
    name = "symmetric_exp"

    def value(self, x):
        return jnp.exp(jnp.minimum(x, 85.0 if x.dtype.itemsize == 4 else 700.0))

    def first(self, low, high):
        return self.value(high) * _fall(high - low)

    def second(self, low, middle, high):
        mean = (low + middle + high) * (1.0 / 3.0)
        near = high - low < 1.0
        coefficients = [1.0 / math.factorial(k + 2) for k in range(_num_terms(low))]
        series = _homogeneous_series([jnp.where(near, x - mean, 0.0) for x in (low, middle, high)], coefficients)
        rest = _fall(high - middle) - jnp.exp(middle - high) * _fall(middle - low)
        far = rest / jnp.where(near, 1.0, high - low)
        return jnp.where(near, self.value(mean) * series, self.value(high) * far)


def _fall(x):
    """`(1 - exp(-x)) / x`."""
    zero = x == 0
    return jnp.where(zero, 1.0, -jnp.expm1(-x) / jnp.where(zero, 1.0, x))


@dataclasses.dataclass(frozen=True)
class _Power:
    exponent: float
    name = "symmetric_power"

    def value(self, x):
        return _of_positive(lambda x: x**self.exponent, x, float(self.exponent == 0))

    def first(self, low, high):
        # high^(r - 1) (1 - (low / high)^r) / (1 - low / high)
        logarithm, gap = _log_ratio(low, high)
        shape = jnp.where(
            gap == 0, self.exponent, -jnp.expm1(self.exponent * logarithm) / jnp.where(gap == 0, 1.0, gap)
        )
        found = _of_positive(lambda x: x ** (self.exponent - 1.0), high, float(self.exponent == 1)) * shape
        from_zero = (self.value(high) - self.value(low)) * _reciprocal(high) if self.exponent >= 0 else 0.0
        return jnp.where((low > 0) | (high <= 0), found, from_zero)

    def second(self, low, middle, high):
        coefficients = [_binomial(self.exponent, k + 2) for k in range(_num_terms(low))]
        found = _relative_second(self, low, middle, high, coefficients, self.exponent)
        if self.exponent < 0:
            return jnp.where(low > 0, found, 0.0)
        return jnp.where(high > 0, found, float(self.exponent == 2))


@dataclasses.dataclass(frozen=True)
class _Log:
    name = "symmetric_log"

    def value(self, x):
        return _of_positive(jnp.log, x, 0.0)

    def first(self, low, high):
        logarithm, gap = _log_ratio(low, high)
        equal = gap == 0
        shape = jnp.where(equal, 1.0, -logarithm / jnp.where(equal, 1.0, gap))
        return jnp.where(low > 0, _reciprocal(high) * shape, 0.0)

    def second(self, low, middle, high):
        coefficients = [(-1.0) ** (k + 1) / (k + 2) for k in range(_num_terms(low))]
        return jnp.where(low > 0, _relative_second(self, low, middle, high, coefficients, 0.0), 0.0)


def _log_ratio(low, high):
    """`log(low / high)` and `1 - low / high` of positive numbers; 0 and 0 of others."""
    positive = low > 0
    low, high = jnp.where(positive, low, 1.0), jnp.where(positive, high, 1.0)
    gap = jnp.clip((high - low) / high, 0.0, 1.0)
    near = gap < 0.5
    return jnp.where(near, jnp.log1p(jnp.where(near, -gap, 0.0)), jnp.log(low) - jnp.log(high)), gap


def _relative_second(function, low, middle, high, coefficients, exponent):
    """The second divided difference of a function `f(m (1 + x)) = (linear in x) + m^exponent sum_k c_k x^(k + 2)`.

    By that series near the mean m, by the difference of first ones elsewhere.
    """
    low, middle, high = (jnp.maximum(x, 0.0) for x in (low, middle, high))
    mean = (low + middle + high) * (1.0 / 3.0)
    near = (high - low) * max(1.0, abs(exponent)) < 0.25 * mean
    safe_mean = jnp.where(near, mean, 1.0)
    deviations = [jnp.where(near, x - mean, 0.0) / safe_mean for x in (low, middle, high)]
    series = _homogeneous_series(deviations, coefficients) * safe_mean ** (exponent - 2.0)
    difference = function.first(middle, high) - function.first(low, middle)
    return jnp.where(near, series, difference / jnp.where(near | (high <= 0), 1.0, high - low))


def _homogeneous_series(deviations, coefficients):
    """`sum_k c_k h_k(x, y, z)` of three numbers with sum 0, h_k the complete homogeneous symmetric polynomials."""
    x, y, z = deviations
    pairs, product = x * y + y * z + x * z, x * y * z
    h = [jnp.ones_like(x), jnp.zeros_like(x), -pairs]
    while len(h) < len(coefficients):
        h.append(product * h[-3] - pairs * h[-2])
    return total(c * term for c, term in zip(coefficients, h, strict=True))


def _num_terms(x):
    return 11 if x.dtype.itemsize == 4 else 20


def _binomial(exponent, k):
    return math.prod((exponent - i) / (i + 1) for i in range(k))


def _of_positive(function, x, otherwise):
    positive = x > 0
    return jnp.where(positive, function(jnp.where(positive, x, 1.0)), otherwise)


def _reciprocal(x):
    """1 / x of positive numbers, 0 of others."""
    return _of_positive(lambda x: 1.0 / x, x, 0.0)
