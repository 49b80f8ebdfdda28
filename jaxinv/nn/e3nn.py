"""Functions of e3nn_jax on jaxinv's kernels: the same names, arguments, irreps and numbers, in quicker programs.

Write `from jaxinv.nn import e3nn as e3nn_fast`, take these names from it, and leave the rest of a network as it is. All
take and return `IrrepsArray`s. e3nn_jax must be installed; it is no dependency of jaxinv.

| name | gain | left to the original |
| --- | --- | --- |
| `tensor_product` | compiles in a fraction of the time, most so its second derivatives | |
| `spherical_harmonics` | high degrees trace and run faster | |
| `elementwise_tensor_product` | multiplies, where the original contracts with an identity | where none is scalar |
| `gate` | traces faster: factors of activations are kept | irreps that are all scalars |
| `Linear`, of `e3nn_jax.flax` | fewer and smaller loops | biases, channels, instructions, weights from outside |

A network that multiplies messages by weights writes `elementwise_tensor_product(messages, weights)`: the operator in
`messages * weights` is e3nn_jax's.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import e3nn_jax as e3nn
import flax.linen
import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import harmonics
from jaxinv.kernels.tensor_products.harmonics_by_products import harmonics_by_products
from jaxinv.kernels.tensor_products.irreps_product import Copies, Path, irreps_product
from jaxinv.kernels.tensor_products.linear import mix_copies

# Up to here the products are as quick to compile as the original; beyond, the other kernel is faster to run.
_LMAX_OF_PRODUCTS = 3


def tensor_product(
    input1: Any,
    input2: Any,
    *,
    filter_ir_out: Any = None,
    irrep_normalization: str | None = None,
    regroup_output: bool = True,
) -> Any:
    """As `e3nn_jax.tensor_product`: the product of two `IrrepsArray`s reduced into irreps; of `Irreps`, its irreps.

    Args:
      input1: `(..., irreps1.dim)`, an `IrrepsArray`, an array (of scalars), or irreps alone.
      input2: likewise; leading axes broadcast.
      filter_ir_out: the irreps to keep: a list, `Irreps`, one `Irrep`, or their string; all by default.
      irrep_normalization: "component", "norm" or "none"; by default `e3nn_jax.config`'s.
      regroup_output: False leaves irreps of the inputs and of the result apart.

    Returns:
      Paths sorted by irrep, within it by the irreps of input1, then of input2. Chunks of zeros stay known as such.
      bfloat16 is summed in float32.

    Raises:
      ValueError: an unknown normalisation; leading axes that do not broadcast.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    keep = _kept(filter_ir_out)
    if any(isinstance(factor, (e3nn.Irreps, str)) for factor in (input1, input2)):
        irreps1, irreps2 = e3nn.Irreps(input1), e3nn.Irreps(input2)
        if regroup_output:
            irreps1, irreps2 = irreps1.regroup(), irreps2.regroup()
        irreps = e3nn.Irreps([(mul, ir) for mul, ir, _ in _paths(irreps1, irreps2, keep)])
        return irreps.simplify() if regroup_output else irreps
    normalization: Any = irrep_normalization or e3nn.config("irrep_normalization")
    input1, input2 = _factors(input1, input2)
    if regroup_output:
        input1, input2 = _regrouped(input1), _regrouped(input2)
    paths = _paths(input1.irreps, input2.irreps, keep)
    is_zero = [input1.zero_flags[path.first] or input2.zero_flags[path.second] for *_, path in paths]
    array = irreps_product(
        input1.array,
        input2.array,
        [Copies(mul, ir.l) for mul, ir in input1.irreps],
        [Copies(mul, ir.l) for mul, ir in input2.irreps],
        [path for (*_, path), zero in zip(paths, is_zero, strict=True) if not zero],
        normalization=normalization,
    )
    irreps = e3nn.Irreps([(mul, ir) for mul, ir, _ in paths])
    product = _irreps_array(irreps, _with_zeros(array, irreps, is_zero), zero_flags=is_zero)
    return product.simplify() if regroup_output else product


# Its constructor is made by attrs, whose private names type checkers do not follow.
_irreps_array: Callable[..., e3nn.IrrepsArray] = e3nn.IrrepsArray


def _kept(filter_ir_out):
    if filter_ir_out is None:
        return None
    if isinstance(filter_ir_out, str):
        filter_ir_out = e3nn.Irreps(filter_ir_out)
    if isinstance(filter_ir_out, e3nn.Irrep):
        filter_ir_out = [filter_ir_out]
    return {e3nn.Irrep(ir) for ir in filter_ir_out}


def _paths(irreps1: e3nn.Irreps, irreps2: e3nn.Irreps, keep: set[e3nn.Irrep] | None):
    """Copies, irrep and path of each result, in the order of the result."""
    paths = [
        (mul1 * mul2, ir, Path(i1, i2, ir.l))
        for i1, (mul1, ir1) in enumerate(irreps1)
        for i2, (mul2, ir2) in enumerate(irreps2)
        for ir in ir1 * ir2
        if keep is None or ir in keep
    ]
    return sorted(paths, key=lambda path: path[1])


def _factors(input1, input2):
    """Both as `IrrepsArray`s of their common dtype, floats where they are integers."""
    input1, input2 = e3nn.as_irreps_array(input1), e3nn.as_irreps_array(input2)
    dtype = jnp.result_type(input1.array, input2.array)
    dtype = jnp.result_type(float) if jnp.issubdtype(dtype, jnp.integer) else dtype
    return tuple(x if x.dtype == dtype else x.astype(dtype) for x in (input1, input2))


def _regrouped(x):
    return x if x.irreps == x.irreps.regroup() else x.regroup()


def _with_zeros(array, irreps, is_zero):
    """The array of those irreps that are not zero, with zeros in the place of the others."""
    if not any(is_zero):
        return array
    sizes = [mul_ir.dim for mul_ir, zero in zip(irreps, is_zero, strict=True) if not zero]
    present = iter(jax.lax.split(array, sizes, axis=array.ndim - 1) if sizes else [])
    every = [
        jnp.zeros((*array.shape[:-1], mul_ir.dim), array.dtype) if zero else next(present)
        for mul_ir, zero in zip(irreps, is_zero, strict=True)
    ]
    return jnp.concatenate(every, axis=-1)


def spherical_harmonics(
    irreps_out: Any,
    input: Any,
    normalize: bool,
    normalization: str | None = None,
    *,
    algorithm: tuple[str, ...] | None = None,
) -> e3nn.IrrepsArray:
    """As `e3nn_jax.spherical_harmonics`: harmonics of vectors.

    Args:
      irreps_out: `Irreps` or their string; or a degree, or a list of degrees, whose parity is that of input.
      input: `(..., 3)`, an `IrrepsArray` of "1o" or "1e", or with irreps in `irreps_out` an array.
      normalize: whether to take the directions of the vectors, in place of the polynomials of them as they are.
      normalization: "component", "norm" or "integral"; by default `e3nn_jax.config`'s.
      algorithm: accepted, and without effect: there is one.

    Returns:
      `(..., irreps_out.dim)`. Values are the original's; the derivative for the zero vector is 0 where `normalize`.
    Raises:
      ValueError: input that is no single vector; irreps of a parity that input does not give; degrees without input's
        parity; an unknown normalisation.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    del algorithm
    if normalization is None:
        normalization = e3nn.config("spherical_harmonics_normalization")
    vectors = input.array if isinstance(input, e3nn.IrrepsArray) else jnp.asarray(input)
    parity = _vector_parity(input.irreps) if isinstance(input, e3nn.IrrepsArray) else None
    irreps_out = _harmonics_irreps(irreps_out, parity)
    if not jnp.issubdtype(vectors.dtype, jnp.floating):
        vectors = vectors.astype(jnp.result_type(float))
    if irreps_out.num_irreps == 0:
        return e3nn.IrrepsArray(irreps_out, jnp.zeros((*vectors.shape[:-1], 0), vectors.dtype))
    degrees = [ir.l for mul, ir in irreps_out for _ in range(mul)]
    array = _all_harmonics(vectors, max(degrees), normalize, normalization)
    if degrees != list(range(max(degrees) + 1)):
        blocks = jax.lax.split(array, [2 * degree + 1 for degree in range(max(degrees) + 1)], axis=array.ndim - 1)
        array = jnp.concatenate([blocks[degree] for degree in degrees], axis=-1)
    return e3nn.IrrepsArray(irreps_out, array)


def _all_harmonics(vectors, lmax, normalize, normalization):
    if lmax > _LMAX_OF_PRODUCTS:
        return harmonics.spherical_harmonics(vectors, lmax, normalize=normalize, normalization=normalization)
    return harmonics_by_products(vectors, lmax, normalize=normalize, normalization=normalization)


def _vector_parity(irreps):
    parities = {ir.p for mul, ir in irreps if mul == 1 and ir.l == 1}
    if irreps.num_irreps != 1 or len(parities) != 1:
        raise ValueError(f"input must be a single vector, 1o or 1e, got {irreps}")
    return parities.pop()


def _harmonics_irreps(irreps_out: Any, parity: int | None) -> e3nn.Irreps:
    if not isinstance(irreps_out, (str, e3nn.Irreps)):
        irreps_out = [irreps_out] if isinstance(irreps_out, int) else list(irreps_out)
        if all(isinstance(degree, int) for degree in irreps_out):
            if parity is None:
                raise ValueError("input must be an IrrepsArray where irreps_out is degrees, which have no parity")
            irreps_out = [(1, (degree, parity**degree)) for degree in irreps_out]
    irreps_out = e3nn.Irreps(irreps_out)
    odd = {ir.p for _, ir in irreps_out if ir.l % 2}
    even = {ir.p for _, ir in irreps_out if ir.l % 2 == 0}
    if even - {1} or len(odd) > 1 or (parity is not None and odd - {parity}):
        raise ValueError(f"irreps_out must have parity 1, and at odd degrees that of input, got {irreps_out}")
    return irreps_out


def elementwise_tensor_product(
    input1: Any, input2: Any, *, filter_ir_out: Any = None, irrep_normalization: str | None = None
) -> Any:
    """As `e3nn_jax.elementwise_tensor_product`; its own where one of the two is all scalars.

    Args:
      input1: `(..., irreps1.dim)`, an `IrrepsArray`, an array (of scalars), or irreps alone.
      input2: likewise, with as many copies in all; leading axes broadcast.
      filter_ir_out: as for `tensor_product`.
      irrep_normalization: likewise; between scalars and irreps "component" and "norm" are the same.

    Returns:
      Copy by copy, in the order of the inputs, neither sorted nor regrouped.
    Raises:
      ValueError: different numbers of copies.
    """
    if irrep_normalization is None:
        irrep_normalization = e3nn.config("irrep_normalization")
    original = functools.partial(
        e3nn.elementwise_tensor_product, filter_ir_out=filter_ir_out, irrep_normalization=irrep_normalization
    )
    if any(isinstance(factor, (e3nn.Irreps, str)) for factor in (input1, input2)):
        return original(input1, input2)
    input1, input2 = _factors(input1, input2)
    is_scaling = any(all(ir.l == 0 for _, ir in x.irreps) for x in (input1, input2))
    same = input1.irreps.num_irreps == input2.irreps.num_irreps
    if not (is_scaling and same) or filter_ir_out is not None or irrep_normalization == "none":
        return original(input1, input2)
    lead: Any = jnp.broadcast_shapes(input1.shape[:-1], input2.shape[:-1])
    ends = {int(end) for x in (input1, input2) for end in np.cumsum([mul for mul, _ in x.irreps])}
    input1, input2 = (_cut(x.broadcast_to((*lead, -1)), sorted(ends)) for x in (input1, input2))
    pairs = list(zip(input1.irreps, input2.irreps, strict=True))
    irreps = e3nn.Irreps([(mul, ir) for (mul, ir1), (_, ir2) in pairs for ir in ir1 * ir2])
    chunks = [None if x is None or y is None else x * y for x, y in zip(input1.chunks, input2.chunks, strict=True)]
    return e3nn.from_chunks(irreps, chunks, lead, input1.dtype)


def _cut(x, ends):
    """The same, in chunks that end where so many copies have gone before, and where its own end."""
    own = np.cumsum([mul for mul, _ in x.irreps])
    irreps: list[Any] = [
        (end - start, x.irreps[int(np.searchsorted(own, start, side="right"))].ir)
        for start, end in itertools.pairwise([0, *ends])
        if end > start
    ]
    return x.rechunk(e3nn.Irreps(irreps))


def gate(
    input: Any,
    even_act: Callable[[Any], Any] = jax.nn.gelu,
    odd_act: Callable[[Any], Any] = e3nn.soft_odd,
    even_gate_act: Callable[[Any], Any] = jax.nn.sigmoid,
    odd_gate_act: Callable[[Any], Any] = jax.nn.tanh,
    normalize_act: bool = True,
) -> Any:
    """As `e3nn_jax.gate`: scalars through activations, the last of them as factors of the other irreps.

    Args:
      input: `(..., irreps.dim)`, an `IrrepsArray` with a scalar for every irrep of higher degree, or irreps alone.
      even_act: of the even scalars that are no gates.
      odd_act: of the odd ones; itself even or odd.
      even_gate_act: of the even gates.
      odd_gate_act: of the odd ones; itself even or odd.
      normalize_act: whether to scale activations to unit variance under normal input, once for each function.

    Returns:
      The activated scalars, then the other irreps times their gates.
    Raises:
      ValueError: too few scalars; odd scalars with an activation that is neither even nor odd.
    """
    acts = (even_act, odd_act, even_gate_act, odd_gate_act)
    original: Callable[..., Any] = e3nn.gate
    if isinstance(input, (e3nn.Irreps, str)) or all(ir.l == 0 for _, ir in input.irreps):
        return original(input, *acts, normalize_act)
    chunks = [(mul, ir, x) for (mul, ir), x in zip(input.irreps, input.chunks, strict=True)]
    others = [chunk for chunk in chunks if chunk[1].l]
    num_extra = sum(mul if ir.l == 0 else -mul for mul, ir, _ in chunks)
    if num_extra < 0:
        raise ValueError(f"input must have a scalar for every irrep of higher degree, got {input.irreps}")
    extra, gates = [], []
    for mul, ir, x in chunks:
        if ir.l:
            continue
        left = min(num_extra, mul)
        num_extra -= left
        for kind, start, end in ((extra, 0, left), (gates, left, mul)):
            if start == end:
                continue
            act = _activation(acts[(ir.p == -1) + 2 * (kind is gates)], normalize_act)
            if x is None and not act.vanishes:
                return original(input, *acts, normalize_act)
            if ir.p == -1 and act.parity == 0:
                raise ValueError("input has odd scalars, whose activation must be even or odd")
            activated = None if x is None else act.function(x[..., start:end, :])
            kind.append((end - start, e3nn.Irrep(0, act.parity if ir.p == -1 else 1), activated))
    extra, gates, others = (
        e3nn.from_chunks([(mul, ir) for mul, ir, _ in some], [x for *_, x in some], input.shape[:-1], input.dtype)
        for some in (extra, gates, others)
    )
    gated = elementwise_tensor_product(gates, others, irrep_normalization="component")
    return e3nn.concatenate([extra, gated], axis=-1)


class _Activation(NamedTuple):
    """A function, normalised where asked for; 1, -1 or 0 for even, odd or neither; and whether it is 0 at 0."""

    function: Callable[[Any], Any]
    parity: int
    vanishes: bool


@functools.lru_cache(maxsize=64)
def _activation(act: Callable[[Any], Any], normalize_act: bool) -> _Activation:
    """Kept, as the original takes the mean of a million numbers at every call."""
    function: Callable[[Any], Any] = e3nn.normalize_function(act) if normalize_act else act
    with jax.ensure_compile_time_eval():
        points = jnp.linspace(0.0, 10.0, 256)
        forth, back = function(points), function(-points)
        even, odd = (bool(jnp.max(jnp.abs(difference)) < 1e-5) for difference in (forth - back, forth + back))
        vanishes = bool(jnp.allclose(function(jnp.zeros(())), 0.0))
    return _Activation(function, 1 if even else -1 if odd else 0, vanishes)


class Linear(e3nn.flax.Linear):
    """As `e3nn_jax.flax.Linear`, with the same attributes and with parameters of the same names, shapes and scales."""

    @flax.linen.compact
    def __call__(self, weights_or_input: Any, input_or_none: Any = None) -> e3nn.IrrepsArray:
        """As the original's.

        Args:
          weights_or_input: `(..., irreps_in.dim)`, the input; or weights, before it.
          input_or_none: the input, where weights are given.
        """
        others = (input_or_none, self.irreps_in, self.channel_out, self.instructions, self.num_indexed_weights)
        if self.biases or not self.simplify_irreps_internally or any(option is not None for option in others):
            return super().__call__(weights_or_input, input_or_none)
        x, _ = _factors(weights_or_input, weights_or_input)
        x = _regrouped(x.remove_zero_chunks() if any(x.zero_flags) else x)
        irreps_out = e3nn.Irreps(self.irreps_out).simplify()
        if not self.force_irreps_out:
            irreps_out = irreps_out.filter(keep=x.irreps)
        # In regrouped irreps one irrep at most leads to each of the result.
        chunks: list[Any] = [None] * len(irreps_out)
        for path in e3nn.FunctionalLinear(
            x.irreps,
            irreps_out,
            path_normalization=self.path_normalization,  # pyright: ignore[reportArgumentType]
            gradient_normalization=self.gradient_normalization,  # pyright: ignore[reportArgumentType]
        ).instructions:
            name = f"w[{path.i_in},{path.i_out}] {x.irreps[path.i_in]},{irreps_out[path.i_out]}"
            initializer: Any = self.parameter_initializer or functools.partial(
                flax.linen.initializers.normal, path.weight_std
            )
            weights = path.path_weight * self.param(name, initializer(), path.path_shape, x.dtype)
            chunk: Any = x.chunks[path.i_in]
            chunks[path.i_out] = mix_copies(chunk, weights)
        result = e3nn.from_chunks(irreps_out, chunks, x.shape[:-1], x.dtype)
        return result.rechunk(self.irreps_out) if self.force_irreps_out else result
