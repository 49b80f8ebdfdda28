"""A force field on the tensor-product kernels: energy of atoms from positions, forces as its exact gradient.

Layers of convolution over neighbours and of products at each atom, after NequIP and MACE. What multiplies is a choice:

| product | features | paths |
| --- | --- | --- |
| "gaunt" | one signal a channel, of parity `(-1)^l` | even sums of degrees, weights tied |
| "complete" | two signals a channel, of both parities | all, weights tied |
| "path_weighted" | one signal a channel, of parity `(-1)^l` | even sums of degrees, a free weight for every path |
"""

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.harmonics.degrees import num_components, over_components
from jaxinv.kernels.harmonics.radial_basis import radial_basis
from jaxinv.kernels.harmonics.spherical_harmonics import spherical_harmonics
from jaxinv.kernels.numerics.directions import unit_vector
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.validation import require_at_least, require_choice
from jaxinv.kernels.tensor_products import (
    channelwise_convolution,
    clebsch_gordan_tensor_product,
    gaunt_tensor_product,
    o3_tensor_product,
    tensor_product_paths,
)
from jaxinv.nn import IrrepsLinear

PRODUCTS = ("gaunt", "complete", "path_weighted")
_NUM_RADIAL = 8
_RADIAL_WIDTH = 64
_READOUT_WIDTH = 16


class Edges(NamedTuple):
    """Which atoms see each other: ordered pairs, every one in both directions.

    Attributes:
      senders: `(edges,)`, integers.
      receivers: `(edges,)`, integers.
      mask: `(edges,)`, booleans: False for edges that pad; None: none does.
    """

    senders: jax.Array | np.ndarray
    receivers: jax.Array | np.ndarray
    mask: jax.Array | np.ndarray | None = None


def all_pairs(num_atoms: int, num_copies: int = 1) -> Edges:
    """The edges of one or more molecules, one after another, whose atoms all see each other; receivers ascend."""
    receivers, senders = np.nonzero(~np.eye(num_atoms, dtype=bool))
    offsets = num_atoms * np.arange(num_copies)[:, None]
    return Edges(*((offsets + one).ravel().astype(np.int32) for one in (senders, receivers)))


class ForceField(nnx.Module):
    """Energies of atoms that see each other within a cutoff.

    The energy is invariant under rotation, translation, inversion and permutation, and twice continuously
    differentiable where atoms cross the cutoff. Coincident atoms have no direction and the derivative 0 of it.
    """

    def __init__(
        self,
        num_species: int,
        *,
        product: str = "gaunt",
        num_channels: int = 32,
        lmax: int = 2,
        lmax_between: int = 1,
        num_layers: int = 2,
        cutoff: float = 5.0,
        num_neighbours: float = 12.0,
        scale: float = 1.0,
        dtype: DTypeLike = jnp.float32,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_species: species are numbered 0 .. num_species - 1.
          product: see the module's table.
          num_channels: of features.
          lmax: highest degree of harmonics, of what an atom gathers and of the products.
          lmax_between: highest degree of the features from a layer to the next, at most lmax. The convolution of the
            next layer takes most of the time, in proportion to its paths.
          num_layers: layers; an atom's energy depends on atoms within `num_layers` cutoffs.
          cutoff: in the unit of positions.
          num_neighbours: about how many atoms an atom sees; sums over them are divided by its square root.
          scale: of energies, in their unit: such as the root mean square of the forces, times the unit of positions.
          dtype: of features; lengths, directions and energies are computed in that of the positions.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: an unknown product, no species, layer or channel, a negative lmax, lmax_between outside 0 .. lmax.
        """
        require_choice("product", product, PRODUCTS)
        for name, value, least in (
            ("num_species", num_species, 1),
            ("num_channels", num_channels, 1),
            ("num_layers", num_layers, 1),
            ("lmax", lmax, 0),
        ):
            require_at_least(name, value, least)
        if not 0 <= lmax_between <= lmax:
            raise ValueError(f"lmax_between must be in 0 .. lmax = {lmax}, got {lmax_between}")
        self.num_species, self.lmax, self.cutoff, self.scale = num_species, lmax, float(cutoff), float(scale)
        self.dtype = dtype
        types = {"dtype": dtype, "param_dtype": param_dtype}
        self.embedding = nnx.Param(jax.random.normal(rngs.params(), (num_species, num_channels), param_dtype))
        self.shifts = nnx.Param(jnp.zeros(num_species, param_dtype))
        layers, readouts = [], []
        for number in range(num_layers):
            sizes = _Sizes(
                product,
                num_channels,
                num_species,
                lmax,
                lmax_between,
                takes_invariants=number == 0,
                gives_invariants=number == num_layers - 1,
            )
            layers.append(_Layer(sizes, num_neighbours, rngs=rngs, **types))
            readouts.append(_Readout(num_channels, rngs=rngs, param_dtype=param_dtype))
        self.layers, self.readouts = nnx.List(layers), nnx.List(readouts)

    def atomic_energies(
        self, positions: jax.Array, species: ArrayLike, edges: Edges, atom_mask: ArrayLike | None = None
    ) -> jax.Array:
        """The energy of each atom.

        Args:
          positions: `(atoms, 3)`, floating point.
          species: `(atoms,)`, integers 0 .. num_species - 1.
          edges: ordered pairs of atoms; those farther apart than the cutoff change nothing. Several molecules may
            stand one after another.
          atom_mask: `(atoms,)`, booleans: False for atoms that pad; their energy is 0, and they are nobody's neighbour.

        Returns:
          `(atoms,)`, in the dtype of positions.
        """
        senders, receivers = jnp.asarray(edges.senders), jnp.asarray(edges.receivers)
        mask = jnp.ones(senders.shape, bool) if edges.mask is None else jnp.asarray(edges.mask)
        atoms = jnp.ones(positions.shape[0], bool) if atom_mask is None else jnp.asarray(atom_mask)
        mask = mask & atoms[senders] & atoms[receivers]
        vectors = jnp.where(mask[:, None], positions[senders] - positions[receivers], 0)
        harmonics = spherical_harmonics(vectors, self.lmax).astype(self.dtype)
        radial = radial_basis(_lengths(vectors), _NUM_RADIAL, cutoff=self.cutoff)
        # Without a unit, and about of unit variance over a ball.
        radial = jnp.where(mask[:, None], self.cutoff**1.5 * radial, 0).astype(self.dtype)
        kinds = jax.nn.one_hot(species, self.num_species, dtype=self.dtype)
        x = contract("as,sc->ac", kinds, self.embedding[...].astype(self.dtype)).astype(self.dtype)[:, None, :, None]
        energies = contract("as,s->a", kinds.astype(positions.dtype), self.shifts[...].astype(positions.dtype))
        for layer, readout in zip(self.layers, self.readouts, strict=True):
            x = layer(x, harmonics, radial, kinds, Edges(senders, receivers, mask))
            # Degree 0 of the first class alone is invariant under inversion too.
            energies = energies + self.scale * readout(x[:, 0, :, 0].astype(positions.dtype))
        return jnp.where(atoms, energies, 0)

    def __call__(
        self, positions: jax.Array, species: ArrayLike, edges: Edges, atom_mask: ArrayLike | None = None
    ) -> jax.Array:
        """The energy `()` of all atoms: the sum of `atomic_energies`."""
        return jnp.sum(self.atomic_energies(positions, species, edges, atom_mask))


def energy_and_forces(
    model: Callable[..., jax.Array],
    positions: jax.Array,
    species: ArrayLike,
    edges: Edges,
    atom_mask: ArrayLike | None = None,
) -> tuple[jax.Array, jax.Array]:
    """The energy `()` and the forces `(atoms, 3)`, minus its gradient, of a `ForceField` or what is called as one.

    Arguments as of `ForceField.atomic_energies`.
    """
    energy, gradient = jax.value_and_grad(lambda x: model(x, species, edges, atom_mask))(positions)
    return energy, -gradient


def _lengths(vectors):
    """`(edges, 3)` to `(edges,)`; of the zero vector 0, with the derivative 0."""
    x, y, z = (jnp.squeeze(one, -1) for one in jax.lax.split(vectors, (1, 1, 1), axis=1))
    ux, uy, uz, length = unit_vector(x, y, z)
    return jnp.where((ux == 0) & (uy == 0) & (uz == 0), 0, length)


class _Sizes(NamedTuple):
    """Of a layer. Invariants are degree 0 of the first class alone."""

    product: str
    num_channels: int
    num_species: int
    lmax: int
    lmax_between: int
    takes_invariants: bool
    gives_invariants: bool

    @property
    def classes(self):
        return 2 if self.product == "complete" else 1

    @property
    def classes_in(self):
        return 1 if self.takes_invariants else self.classes

    @property
    def classes_out(self):
        return 1 if self.gives_invariants else self.classes

    @property
    def lmax_in(self):
        return 0 if self.takes_invariants else self.lmax_between

    @property
    def lmax_out(self):
        return 0 if self.gives_invariants else self.lmax_between


class _Layer(nnx.Module):
    """`(atoms, classes, channels, components)` of the neighbours to the same of each atom, and a skip connection."""

    def __init__(self, sizes, num_neighbours, *, rngs, dtype, param_dtype):
        self.sizes, self.factor, self.dtype = sizes, num_neighbours**-0.5, dtype
        types = {"rngs": rngs, "dtype": dtype, "param_dtype": param_dtype}
        channels, lmax = sizes.num_channels, sizes.lmax
        skipped = min(sizes.classes_in, sizes.classes_out), min(sizes.lmax_in, sizes.lmax_out)
        self.skip = _ClassLinear(skipped[0], channels, channels, skipped[1], **types)
        self.before = _ClassLinear(sizes.classes_in, channels, channels, sizes.lmax_in, **types)
        self.radial = _RadialNetwork(sizes, **types)
        self.mixed = _ClassLinear(skipped[0], channels, channels, sizes.lmax_out, **types)
        self.factors = _ClassLinear(sizes.classes_in, channels, 3 * channels, lmax, **types)
        self.of_species = nnx.Param(
            1 + 0.1 * jax.random.normal(rngs.params(), (sizes.num_species, 3 * channels, lmax + 1), param_dtype)
        )
        self.products = nnx.List([_Product(sizes, lmax_out, **types) for lmax_out in (lmax, sizes.lmax_out)])
        self.after = _ClassLinear(sizes.classes_out, 3 * channels, channels, sizes.lmax_out, **types)

    def __call__(self, x, harmonics, radial, kinds, edges):
        sizes = self.sizes
        messages = _convolution(self.before(x), harmonics, self.radial(radial), edges, sizes.lmax, self.radial.paths)
        messages = messages * self.factor
        of_species = contract("as,scl->acl", kinds, self.of_species[...].astype(self.dtype)).astype(self.dtype)
        weights = contract("acl,lm->acm", of_species, jnp.asarray(_spread(sizes.lmax), self.dtype)).astype(self.dtype)
        factors = _with_classes(self.factors(messages) * weights[:, None], sizes.classes)
        a, b, c = jnp.split(factors, 3, axis=2)
        two = self.products[0](a, b)
        three = self.products[1](two, c)
        # Of all but the products, only what the next layer or the readout takes.
        classes, size = sizes.classes_out, num_components(sizes.lmax_out)
        one = _with_classes(self.mixed(messages[:, :classes, :, :size]), classes)
        update = self.after(jnp.concatenate([one, two[:, :classes, :, :size], three[:, :classes]], axis=2))
        skipped = num_components(min(sizes.lmax_in, sizes.lmax_out))
        past = _with_classes(self.skip(x[:, :classes, :, :skipped]), classes)
        return update + jnp.pad(past, ((0, 0), (0, 0), (0, 0), (0, size - skipped)))


def _with_classes(signals, classes):
    """With zeros for a class that is not there yet."""
    return jnp.pad(signals, ((0, 0), (0, classes - signals.shape[1]), (0, 0), (0, 0)))


class _ClassLinear(nnx.Module):
    """A linear map of channels of its own for every class of parity."""

    def __init__(self, classes, num_in, num_out, lmax, *, rngs, dtype, param_dtype):
        self.maps = nnx.List(
            [
                IrrepsLinear(num_in, num_out, lmax, rngs=rngs, dtype=dtype, param_dtype=param_dtype)
                for _ in range(classes)
            ]
        )

    def __call__(self, x):
        return jnp.stack([one(x[:, number]) for number, one in enumerate(self.maps)], axis=1)


class _RadialNetwork(nnx.Module):
    """Radial functions of an edge to its weights of channels and paths: zero where they are, for want of a bias."""

    def __init__(self, sizes, *, rngs, dtype, param_dtype):
        self.dtype = dtype
        types = {"use_bias": False, "rngs": rngs, "dtype": dtype, "param_dtype": param_dtype}
        self.first = nnx.Linear(_NUM_RADIAL, _RADIAL_WIDTH, **types)
        self.second = nnx.Linear(_RADIAL_WIDTH, _RADIAL_WIDTH, **types)
        self.channels = sizes.classes_in * sizes.num_channels
        self.paths = _paths(sizes.lmax_in, sizes.lmax, sizes.lmax, only_even=sizes.product != "complete")
        shape = (_RADIAL_WIDTH, self.channels, len(self.paths))
        self.last = nnx.Param(jax.random.normal(rngs.params(), shape, param_dtype) / math.sqrt(_RADIAL_WIDTH))

    def __call__(self, radial):
        hidden = jax.nn.silu(self.second(jax.nn.silu(self.first(radial))))
        last = self.last[...].astype(self.dtype) * jnp.asarray(_path_scales(self.paths)[None, None], self.dtype)
        weights = contract("eh,hn->en", hidden, last.reshape(_RADIAL_WIDTH, -1)).astype(self.dtype)
        return weights.reshape(-1, self.channels, len(self.paths))


def _convolution(x, harmonics, weights, edges, lmax, paths):
    """Messages `(atoms, classes, channels, components)` of neighbours, by even paths within, by odd ones across."""
    atoms, classes, channels, components = x.shape
    lmax_in, lmax_edge = math.isqrt(components) - 1, math.isqrt(harmonics.shape[-1]) - 1
    convolved = channelwise_convolution(
        x.reshape(atoms, classes * channels, components),
        harmonics,
        weights,
        edges.senders,
        edges.receivers,
        lmax_out=lmax,
        paths=paths,
        sum_paths=classes == 1,
        mask=edges.mask,
    )
    if classes == 1:
        return convolved[:, None]
    even, odd = (
        contract("rcp,pk->rck", convolved, jnp.asarray(matrix, convolved.dtype))
        .astype(x.dtype)
        .reshape(atoms, 2, channels, -1)
        for matrix in _sums_of_paths(lmax_in, lmax_edge, lmax)
    )
    return even + odd[:, ::-1]


@functools.lru_cache(maxsize=16)
def _sums_of_paths(lmax1, lmax2, lmax_out):
    """`(columns, (lmax_out + 1)^2)` twice: sums over the even and over the odd paths of each degree."""
    paths = tensor_product_paths(lmax1, lmax2, lmax_out)
    columns = itertools.chain.from_iterable(
        [(sum(path) % 2, path[2] ** 2 + order) for order in range(2 * path[2] + 1)] for path in paths
    )
    parity, component = np.array(list(columns)).T
    place = component[:, None] == np.arange(num_components(lmax_out))
    return tuple((place & (parity == kind)[:, None]).astype(float) for kind in (0, 1))


def _paths(lmax1, lmax2, lmax_out, *, only_even):
    paths = tensor_product_paths(lmax1, lmax2, lmax_out)
    return tuple(path for path in paths if not (only_even and sum(path) % 2))


def _path_scales(paths):
    """`(paths,)`: on weights, such that each degree of the sum over paths has unit variance."""
    num_into = Counter(path[2] for path in paths)
    return np.array([num_into[path[2]] ** -0.5 for path in paths])


@functools.lru_cache(maxsize=16)
def _places(lmax1, lmax2, lmax_out):
    """`(even paths, paths)`: from a parameter for every even path to the weights of all, scaled; the others 0."""
    even = _paths(lmax1, lmax2, lmax_out, only_even=True)
    places = [[one == path for path in tensor_product_paths(lmax1, lmax2, lmax_out)] for one in even]
    return np.array(places) * _path_scales(even)[:, None]


@functools.lru_cache(maxsize=16)
def _spread(lmax):
    """`(lmax + 1, components)`: a number of each degree to all its components."""
    return over_components(np.eye(lmax + 1))


class _Product(nnx.Module):
    """Of two features of an atom, channel by channel."""

    def __init__(self, sizes, lmax_out, *, rngs, dtype, param_dtype):
        self.product, self.lmax_out, self.dtype = sizes.product, lmax_out, dtype
        if self.product == "path_weighted":
            self.places = (sizes.lmax, sizes.lmax, lmax_out)
            shape = (sizes.num_channels, len(_places(*self.places)))
            self.weights = nnx.Param(jax.random.normal(rngs.params(), shape, param_dtype))

    def __call__(self, x, y):
        if self.product == "gaunt":
            return gaunt_tensor_product(x, y, lmax_out=self.lmax_out, normalize="variance")
        if self.product == "complete":
            x, y = (jnp.moveaxis(signals, 1, 2) for signals in (x, y))
            found = o3_tensor_product(x, y, lmax_out=self.lmax_out, normalize="variance", balanced=True)
            # Four products of unit variance meet in a class.
            return jnp.moveaxis(found, 2, 1) / 2
        places = jnp.asarray(_places(*self.places), self.weights[...].dtype)
        weights = contract("cw,wp->cp", self.weights[...], places)
        return clebsch_gordan_tensor_product(x, y, weights.astype(self.dtype), lmax_out=self.lmax_out)


class _Readout(nnx.Module):
    """Invariants `(atoms, channels)` to energies `(atoms,)`."""

    def __init__(self, num_channels, *, rngs, param_dtype):
        types = {"rngs": rngs, "param_dtype": param_dtype}
        self.hidden = nnx.Linear(num_channels, _READOUT_WIDTH, **types)
        # Small: a fit starts from about the shifts alone.
        small = nnx.initializers.normal(0.1 / math.sqrt(_READOUT_WIDTH))
        self.energy = nnx.Linear(_READOUT_WIDTH, 1, use_bias=False, kernel_init=small, **types)

    def __call__(self, x):
        return self.energy(jax.nn.silu(self.hidden(x)))[:, 0]
