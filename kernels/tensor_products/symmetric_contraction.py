"""MACE's symmetric contraction: all equivariant polynomials of a node's features, weighted by its species."""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import checkify

from jaxinv.kernels.harmonics.degrees import degree_slice, num_components
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.row_slices import over_rows, power_of_two_within
from jaxinv.kernels.numerics.validation import require_floating, require_integer, require_shape
from jaxinv.kernels.tensor_products.arguments import checked, within
from jaxinv.kernels.tensor_products.coupling import path_tensor
from jaxinv.kernels.tensor_products.symmetric_basis import (
    Plan,
    evaluation_plan,
    symmetric_contraction_paths,
)

# Numbers that a slice of nodes may hold in its weights, features and results: in a CPU's cache, or in memory.
_ON_CPU, _ELSEWHERE = 1 << 17, 1 << 26


@functools.partial(jax.jit, static_argnames=("lmax_out",))
def symmetric_contraction(
    x: jax.Array,
    weights: Sequence[jax.Array],
    species: jax.Array,
    *,
    lmax_out: int | None = None,
) -> jax.Array:
    """`out[n, c, l3] = sum over nu, paths p to l3 of w_nu[species_n, p, c] B_nu,p(x_nc, .., x_nc)`.

    B_nu,p are all symmetric maps of nu copies of x that commute with rotations and inversion. As tensors with nu axes,
    the components of all maps of one nu are orthonormal, as in e3nn's `reduced_symmetric_tensor_product_basis`, which
    spans the same spaces; no factor is put before a sum. Instead of tensors this evaluates a basis of products of
    invariants and a few generators, into which the weights are turned: a tenth of the work, see `symmetric_basis`.

    Args:
      x: `(..., nodes, channels, (lmax + 1)^2)`, floating point, of parity `(-1)^l`.
      weights: for each order nu = 1, 2, .., `(num_species, paths_nu, channels)`, paths in the order of
        `symmetric_contraction_paths(lmax, len(weights), lmax_out)`.
      species: `(nodes,)`, integers: whose weights a node takes. Indices out of range: see below.
      lmax_out: static, highest degree of the result; lmax by default.

    Returns:
      `(..., nodes, channels, (lmax_out + 1)^2)` in the dtype of x; bfloat16 is multiplied and summed in float32. A node
      whose species has no weights gets zeros; `check_species` tells.

    Equivariant under rotations and inversion of x; a permutation of the nodes permutes the result.
    Raises:
      TypeError: x or weights that are not floating point, species that are not integers, weights that are no tuple or
        list.
      ValueError: no weights, weights of a wrong shape, species of another number than the nodes, a trailing size that
        is no square, lmax_out beyond `len(weights) * lmax`.
    Memory: inputs, result and one slice of nodes, also in reverse mode, which does each slice again. Transformations:
    jit, vmap, jvp, vjp, any order.
    References: Batatia et al., MACE, arXiv:2206.07697, eq. 10 and 11.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import tensor_products as tp
      >>> paths = tp.symmetric_contraction_paths(2, 3, 1)  # degrees 0 to 2, order 3, to degrees 0 and 1
      >>> [len(of_order) for of_order in paths]
      [2, 5, 10]
      >>> weights = [jnp.ones((4, len(of_order), 8)) for of_order in paths]  # 4 species, 8 channels
      >>> x, species = jnp.ones((10, 8, 9)), jnp.zeros(10, int)
      >>> tp.symmetric_contraction(x, weights, species, lmax_out=1).shape
      (10, 8, 4)
    """
    x, lmax = checked("x", x)
    if x.ndim < 3:
        raise ValueError(f"x must have shape (..., nodes, channels, components), got {x.shape}")
    if not isinstance(weights, (tuple, list)):
        raise TypeError(f"weights must be a tuple or list of one array an order, got {type(weights).__name__}")
    if not weights:
        raise ValueError("weights must hold one array an order, at least one")
    order = len(weights)
    lmax_out = within(lmax if lmax_out is None else lmax_out, order * lmax)
    num_nodes, num_channels, size = x.shape[-3:]
    weights = [jnp.asarray(weight) for weight in weights]
    for nu, paths in enumerate(symmetric_contraction_paths(lmax, order, lmax_out)):
        require_floating(f"weights[{nu}]", weights[nu])
        num_species = weights[0].shape[0] if nu and weights[0].ndim else None
        require_shape(f"weights[{nu}]", weights[nu], (num_species, len(paths), num_channels))
    species = jnp.asarray(species)
    require_integer("species", species)
    require_shape("species", species, (num_nodes,))
    lead, size_out, sums = x.shape[:-2], num_components(lmax_out), accumulation_dtype(x)
    if 0 in (*lead, num_channels):
        return jnp.zeros((*lead, num_channels, size_out), x.dtype)
    plan = evaluation_plan(lmax, order, lmax_out)
    together = jnp.concatenate([weight.astype(sums) for weight in weights], axis=1)
    of_terms = contract("pq,spc->sqc", jnp.asarray(plan.matrix, sums), together).swapaxes(0, 1)
    # A species of zeros after the others, for those without weights.
    num_species = together.shape[0]
    of_terms = jnp.pad(of_terms, ((0, 0), (0, 1), (0, 0)))
    species = jnp.where((species >= 0) & (species < num_species), species, num_species).astype(jnp.int32)

    def contracted(numbers, of_terms, x, species):
        def of_nodes(x, species):
            rows = x.reshape(-1, size)
            of_rows = _of_species(of_terms, species[:, 0]).reshape(len(plan.terms), len(rows))
            return _polynomials(plan, rows, of_rows, lmax_out).reshape(len(x), -1)

        width = num_channels * (len(plan.terms) + size + size_out)
        return over_rows(of_nodes, (x, species), power_of_two_within(numbers, width))

    result = jax.lax.platform_dependent(
        of_terms,
        x.astype(sums).reshape(math.prod(lead), num_channels * size),
        jnp.broadcast_to(species, lead).reshape(-1, 1),
        cpu=functools.partial(contracted, _ON_CPU),
        default=functools.partial(contracted, _ELSEWHERE),
    )
    return result.reshape(*lead, num_channels, size_out).astype(x.dtype)


@jax.custom_jvp
def _of_species(weights, species):
    """`(terms, nodes, channels)` of `(terms, species, channels)`."""
    return jnp.take(weights, species, axis=1, mode="clip")


@_of_species.defjvp
def _of_species_jvp(primals, tangents):
    """Linear in the weights; by a matrix product, whose transpose is another: that of taking would be a scatter."""
    weights, species = primals
    chosen = jax.nn.one_hot(species, weights.shape[1], dtype=weights.dtype)
    return _of_species(weights, species), contract("psc,ns->pnc", tangents[0], chosen)


def _polynomials(plan: Plan, rows, weights, lmax_out: int):
    """`(rows, components)` of rows of components and `(terms, rows)` weights: each component an array of its own."""

    def identity(number):
        return jnp.eye(number, dtype=rows.dtype)

    # Transposed by multiplication: a transposition would be done again, with strides, in every sum that reads it.
    turned = contract("ij,rj->ir", identity(rows.shape[1]), rows)
    x = [row[0] for row in jax.lax.split(turned, [1] * len(turned))]
    values: list[list[jax.Array] | None] = [None] * len(plan.generators)

    def generator(number):
        known = values[number]
        if known is not None:
            return known
        degree, _, _, factor, other = plan.generators[number]
        found = x[degree_slice(factor)]
        if other is not None:
            tensor = path_tensor((factor, plan.generators[other].degree, degree), "component")
            found = _coupled(found, generator(other), tensor, same=plan.generators[other].other is None)
        values[number] = found
        return found

    @functools.cache
    def product(invariants):
        last = generator(invariants[-1])[0]
        return last if len(invariants) == 1 else product(invariants[:-1]) * last

    coefficients: dict[tuple[int, int | None], list[jax.Array]] = {}
    for term, row in zip(plan.terms, jax.lax.split(weights, [1] * len(weights)), strict=True):
        coefficient = row[0] * product(term.invariants) if term.invariants else row[0]
        coefficients.setdefault((term.degree, term.generator), []).append(coefficient)
    result = [jnp.zeros_like(x[0])] * num_components(lmax_out)
    for (degree, number), some in coefficients.items():
        coefficient = functools.reduce(jnp.add, some)
        parts = [coefficient] if number is None else [coefficient * part for part in generator(number)]
        for place, part in enumerate(parts, degree**2):
            result[place] = result[place] + part
    return contract("jr,ji->ri", jnp.stack(result), identity(len(result)))


def _coupled(first: list[jax.Array], second: list[jax.Array], tensor: np.ndarray, *, same: bool) -> list[jax.Array]:
    """`sum over i, j of tensor[i, j, k] first[i] second[j]` for every k, without the zeros.

    `same`: second is a degree of x as first is; where it is the same degree, pairs that occur twice are taken once.
    """
    if same and tensor.shape[0] == tensor.shape[1]:
        upper = np.arange(len(tensor))[:, None] < np.arange(len(tensor))
        both = tensor + tensor.swapaxes(0, 1)
        tensor = np.where(upper[..., None], both, tensor * np.eye(len(tensor))[..., None])
    results = []
    for table in np.moveaxis(tensor, -1, 0):
        sums = []
        for one, coefficients in zip(first, table, strict=True):
            terms = [float(c) * other for other, c in zip(second, coefficients, strict=True) if c]
            if terms:
                sums.append(one * functools.reduce(jnp.add, terms))
        results.append(functools.reduce(jnp.add, sums))
    return results


def check_species(species: jax.Array, num_species: int) -> None:
    """Errors for species that have no weights, whose nodes `symmetric_contraction` gives zeros.

    Args:
      species: `(nodes,)`, integers.
      num_species: static, how many have weights.

    For `checkify.checkify(check_species)(...)`, also under jit; without checkify it works outside of jit only.
    Raises:
      checkify.JaxRuntimeError: thrown by `error.throw()`, naming the first node at fault.
    """
    wrong = (species < 0) | (species >= num_species)
    first = jnp.argmax(wrong)
    checkify.check(
        ~jnp.any(wrong),
        f"species must be in 0 .. {num_species - 1}, got {{index}} at node {{node}}",
        index=species[first],
        node=first,
    )
