"""PONITA: a network on positions and orientations, and one on positions alone of the same form.

Features are functions of an orientation at each point, on a grid; kernels are functions of what two points have in
common with all their moved copies. `Ponita` is exactly equivariant under translations, permutations and the rotations
of its grid, under other rotations up to the grid, better with more orientations (see `orientation_grid`).
`PositionNetwork` sees distances alone: exactly equivariant, and blind to directions.

References: Bekkers et al., Fast, expressive SE(n) equivariant networks through weight-sharing in position-orientation
space, arXiv:2310.02970.
"""

import math
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.group_convolutions import (
    fiber_invariants,
    is_antipodal,
    lift_scalars,
    lift_vectors,
    orientation_grid,
    orientation_invariants,
    read_scalars,
    read_vectors,
)
from jaxinv.kernels.harmonics import polynomial_cutoff
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_norm
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.models.force_field import Edges
from jaxinv.nn import FiberConvolution, InvariantBasis, OrientationConvolution


class Outputs(NamedTuple):
    """Of a network, for each point.

    Attributes:
      scalars: `(*batch, points, num_scalars_out)`.
      vectors: `(*batch, points, num_vectors_out, n)`.
    """

    scalars: jax.Array
    vectors: jax.Array


class _Kernels(NamedTuple):
    """What all layers share: values of the basis, and who sees whom."""

    basis: jax.Array
    fiber_basis: jax.Array | None
    point_mask: jax.Array | None
    edges: Edges | None
    antipodal: bool


class _Network(nnx.Module):
    """Layers, and what reads scalars after each."""

    def __init__(
        self,
        num_in: int,
        num_read: int,
        *,
        num_invariants: int,
        oriented: bool,
        num_hidden: int,
        num_basis: int,
        num_layers: int,
        degree: int,
        widening: int,
        length: float,
        cutoff: float | None,
        layer_scale: float | None,
        dtype: DTypeLike | None,
        param_dtype: DTypeLike,
        rngs: nnx.Rngs,
    ):
        require_at_least("num_layers", num_layers, 1)
        require_at_least("degree", degree, 1)
        for name, value in (("length", length), ("cutoff", 1.0 if cutoff is None else cutoff)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive and finite, got {value}")
        self.length, self.cutoff = float(length), cutoff
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.embedding = nnx.Linear(num_in, num_hidden, use_bias=False, **types)
        self.basis = InvariantBasis(num_invariants, num_basis, num_hidden=num_hidden, degree=degree, **types)
        sizes = num_hidden, num_basis, widening, layer_scale
        self.layers = nnx.List([_Layer(*sizes, oriented=oriented, **types) for _ in range(num_layers)])
        self.readouts = nnx.List([nnx.Linear(num_hidden, num_read, **types) for _ in range(num_layers)])

    def _basis_within(self, invariants, relative):
        """`(..., orientations, num_basis)`, zero from the cutoff on."""
        basis = self.basis(invariants)
        if self.cutoff is None:
            return basis
        within = polynomial_cutoff(safe_norm(relative), cutoff=self.cutoff)
        return basis * within[..., None, None].astype(basis.dtype)


class Ponita(_Network):
    """Scalars and vectors at points to scalars and vectors."""

    def __init__(
        self,
        num_scalars: int,
        num_vectors: int,
        num_scalars_out: int,
        num_vectors_out: int,
        *,
        dimension: int = 3,
        num_orientations: int = 16,
        kind: str = "repulsion",
        num_hidden: int = 128,
        num_basis: int = 256,
        num_layers: int = 5,
        degree: int = 3,
        widening: int = 4,
        length: float = 1.0,
        cutoff: float | None = None,
        layer_scale: float | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_scalars: that each point comes with.
          num_vectors: likewise.
          num_scalars_out: that it gets.
          num_vectors_out: likewise.
          dimension: n, 2 or 3.
          num_orientations: N. Even grids are antipodal, which halves the work where clouds come without edges.
          kind: of the grid in space, see `orientation_grid`.
          num_hidden: channels.
          num_basis: functions that all kernels are linear in.
          num_layers: convolutions, each followed by a network of each point and orientation by itself.
          degree: of the monomials of the invariants.
          widening: of that network, in num_hidden.
          length: by which distances are divided before their powers are taken: about the largest that occur.
          cutoff: distance from which on points do not see each other, in the unit of positions; None: they all do.
          layer_scale: at first, of what a layer adds; None: 1, not trained.
          dtype: of features; invariants are computed in that of the positions.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: no layers, a length or cutoff that is not positive and finite, no such grid.
        """
        self.num_orientations, self.dimension, self.kind = num_orientations, dimension, kind
        self.num_scalars_out = num_scalars_out
        super().__init__(
            num_scalars + num_vectors,
            num_scalars_out + num_vectors_out,
            num_invariants=2,
            oriented=True,
            num_hidden=num_hidden,
            num_basis=num_basis,
            num_layers=num_layers,
            degree=degree,
            widening=widening,
            length=length,
            cutoff=cutoff,
            layer_scale=layer_scale,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        num_invariants = fiber_invariants(self.orientations).shape[-1]
        widths: dict[str, Any] = {"num_hidden": num_hidden, "degree": degree}
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.fiber_basis = InvariantBasis(num_invariants, num_basis, **widths, **types)

    @property
    def orientations(self) -> np.ndarray:
        """`(N, n)`, the grid."""
        even = self.num_orientations % 2 == 0
        return orientation_grid(self.num_orientations, self.dimension, kind=self.kind, antipodal=even)

    def __call__(
        self,
        positions: jax.Array,
        scalars: jax.Array | None = None,
        vectors: jax.Array | None = None,
        *,
        mask: ArrayLike | None = None,
        edges: Edges | None = None,
        rotation: jax.Array | None = None,
    ) -> Outputs:
        """Of clouds whose points all see each other and themselves, or of one graph.

        Args:
          positions: `(*batch, points, n)`; with edges no batch.
          scalars: `(*batch, points, num_scalars)`, if there are any.
          vectors: `(*batch, points, num_vectors, n)`, if there are any.
          mask: `(*batch, points)`, booleans: False for points that pad, which nobody sees; without edges.
          edges: who sees whom.
          rotation: `(*batch, n, n)` or `(n, n)`, by which the grid is turned: if it is drawn anew for each call, the
            network is equivariant in law.

        Returns:
          The mean of what is read after each layer.

        Raises:
          ValueError: a mask beside edges.
        """
        if rotation is not None:
            # A turned grid, seen from the grid.
            positions = contract("...pi,...ij->...pj", positions, rotation)
            vectors = None if vectors is None else contract("...pvi,...ij->...pvj", vectors, rotation)
        x, kernels = self.prepared(positions, scalars, vectors, mask=mask, edges=edges)
        read = jnp.zeros((), x.dtype)
        for layer, readout in zip(self.layers, self.readouts, strict=True):
            x = layer(x, kernels)
            read = read + readout(x) / len(self.layers)
        read = read.astype(positions.dtype)
        found = read_vectors(read[..., self.num_scalars_out :], self.orientations)
        if rotation is not None:
            found = contract("...pvi,...ji->...pvj", found, rotation)
        return Outputs(read_scalars(read[..., : self.num_scalars_out]), found)

    def prepared(self, positions, scalars=None, vectors=None, *, mask=None, edges=None):
        """Features before the first layer, and what all layers share."""
        grid = self.orientations
        relative = _relative(positions, mask, edges)
        antipodal = edges is None and is_antipodal(grid)
        seen = grid[: len(grid) // 2] if antipodal else grid
        basis = self._basis_within(orientation_invariants(relative / self.length, seen), relative)
        fiber_basis = self.fiber_basis(jnp.asarray(fiber_invariants(grid), positions.dtype))
        given = [] if scalars is None else [lift_scalars(scalars, len(grid))]
        given += [] if vectors is None else [lift_vectors(vectors, grid)]
        mask = None if mask is None else jnp.asarray(mask)
        return self.embedding(jnp.concatenate(given, axis=-1)), _Kernels(basis, fiber_basis, mask, edges, antipodal)


class PositionNetwork(_Network):
    """The same without orientations: kernels of distances, vectors as sums of relative positions.

    It sees the norms of the vectors that it is given, and gives `sum over j of k(|x_j - x_i|) h_j (x_j - x_i)` plus
    multiples of the given ones.
    """

    def __init__(
        self,
        num_scalars: int,
        num_vectors: int,
        num_scalars_out: int,
        num_vectors_out: int,
        *,
        num_hidden: int = 128,
        num_basis: int = 256,
        num_layers: int = 5,
        degree: int = 3,
        widening: int = 4,
        length: float = 1.0,
        cutoff: float | None = None,
        layer_scale: float | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters; the arguments are those of `Ponita`, for points of any dimension."""
        self.num_scalars_out, self.num_vectors, self.num_vectors_out = num_scalars_out, num_vectors, num_vectors_out
        super().__init__(
            num_scalars + num_vectors,
            num_scalars_out + num_vectors_out * (1 + num_vectors),
            num_invariants=1,
            oriented=False,
            num_hidden=num_hidden,
            num_basis=num_basis,
            num_layers=num_layers,
            degree=degree,
            widening=widening,
            length=length,
            cutoff=cutoff,
            layer_scale=layer_scale,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.toward = OrientationConvolution(
            num_vectors_out, num_basis, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self,
        positions: jax.Array,
        scalars: jax.Array | None = None,
        vectors: jax.Array | None = None,
        *,
        mask: ArrayLike | None = None,
        edges: Edges | None = None,
    ) -> Outputs:
        """As `Ponita`, for positions of any dimension."""
        x, kernels = self.prepared(positions, scalars, vectors, mask=mask, edges=edges)
        read = jnp.zeros((), x.dtype)
        for layer, readout in zip(self.layers, self.readouts, strict=True):
            x = layer(x, kernels)
            read = read + readout(x) / len(self.layers)
        scalars_out, sent, factors = jnp.split(
            read, (self.num_scalars_out, self.num_scalars_out + self.num_vectors_out), axis=-1
        )
        # One kernel for each component of a relative position.
        relative = _relative(positions, mask, edges) / self.length
        along = kernels._replace(basis=kernels.basis * relative[..., None].astype(kernels.basis.dtype))
        sent = jnp.broadcast_to(sent, (*sent.shape[:-2], positions.shape[-1], self.num_vectors_out))
        found = jnp.swapaxes(_convolved(self.toward, sent, along), -1, -2).astype(positions.dtype)
        if vectors is not None:
            factors = factors[..., 0, :].reshape(*positions.shape[:-1], self.num_vectors_out, self.num_vectors)
            found = found + contract("...ov,...vi->...oi", factors.astype(positions.dtype), vectors)
        return Outputs(scalars_out[..., 0, :].astype(positions.dtype), found)

    def prepared(self, positions, scalars=None, vectors=None, *, mask=None, edges=None):
        """Features before the first layer, and what all layers share."""
        relative = _relative(positions, mask, edges)
        basis = self._basis_within(safe_norm(relative)[..., None, None] / self.length, relative)
        given = [] if scalars is None else [lift_scalars(scalars, 1)]
        given += [] if vectors is None else [lift_scalars(safe_norm(vectors), 1)]
        mask = None if mask is None else jnp.asarray(mask)
        return self.embedding(jnp.concatenate(given, axis=-1)), _Kernels(basis, None, mask, edges, False)


_AnyNetwork = TypeVar("_AnyNetwork", Ponita, PositionNetwork)


def calibrated(network: _AnyNetwork, positions: jax.Array, *features: jax.Array | None, **options: Any) -> _AnyNetwork:
    """A copy of the network, every convolution of which keeps the standard deviation of its input on this batch.

    Args:
      network: left as it is.
      positions: a batch, such as the first that is trained on, with features and options as the network takes them.
      *features: scalars and vectors.
      **options: mask or edges.

    Transformations: jit.
    """
    network = nnx.clone(network)
    x, kernels = network.prepared(positions, *features, **options)
    for layer in network.layers:
        layer.calibrate(x, kernels)
        x = layer(x, kernels)
    return network


class _Layer(nnx.Module):
    """A convolution, and a network of each point and orientation by itself, beside a skip connection."""

    def __init__(
        self, num_hidden, num_basis, widening, layer_scale, *, oriented: bool, dtype, param_dtype, rngs: nnx.Rngs
    ):
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.spatial = OrientationConvolution(num_hidden, num_basis, **types)
        self.fiber = FiberConvolution(num_hidden, num_basis, **types) if oriented else None
        self.norm = nnx.LayerNorm(num_hidden, **types)
        self.first = nnx.Linear(num_hidden, widening * num_hidden, **types)
        self.second = nnx.Linear(widening * num_hidden, num_hidden, **types)
        self.scale = None if layer_scale is None else nnx.Param(jnp.full(num_hidden, layer_scale, param_dtype))

    def __call__(self, x, kernels: _Kernels):
        y = _convolved(self.spatial, x, kernels)
        if self.fiber is not None and kernels.fiber_basis is not None:
            y = self.fiber(y, kernels.fiber_basis)
        y = self.second(jax.nn.gelu(self.first(self.norm(y))))
        if self.scale is not None:
            y = y * jnp.expand_dims(self.scale[...].astype(y.dtype), range(y.ndim - 1))
        return x + y

    def calibrate(self, x, kernels: _Kernels):
        """Scales the kernels, in turn."""
        wanted = _deviation(x, kernels)
        found = _convolved(self.spatial, x, kernels)
        deviation = _deviation(found, kernels)
        self.spatial.weights[...] *= _ratio(wanted, deviation)
        if self.fiber is not None and kernels.fiber_basis is not None:
            after = _deviation(self.fiber(found, kernels.fiber_basis), kernels)
            self.fiber.weights[...] *= _ratio(deviation, after)


def _convolved(convolution: OrientationConvolution, x, kernels: _Kernels):
    if kernels.edges is None:
        return convolution(x, kernels.basis, mask=kernels.point_mask, antipodal=kernels.antipodal)
    senders, receivers = jnp.asarray(kernels.edges.senders), jnp.asarray(kernels.edges.receivers)
    mask = None if kernels.edges.mask is None else jnp.asarray(kernels.edges.mask)
    return convolution(x, kernels.basis, (senders, receivers), mask=mask)


def _deviation(x, kernels):
    present = None if kernels.point_mask is None else kernels.point_mask[..., None, None]
    return jnp.std(x, where=present)


def _ratio(wanted, deviation):
    """1 for features that are constant, which no factor mends."""
    constant = (wanted == 0) | (deviation == 0)
    return jnp.where(constant, 1.0, wanted / jnp.where(constant, 1.0, deviation))


def _relative(positions, mask, edges: Edges | None):
    """Positions of senders less those of receivers: `(*batch, points, points, n)`, or `(edges, n)`; of pads 0."""
    if edges is None:
        if mask is not None:
            positions = jnp.where(jnp.asarray(mask)[..., None], positions, 0)
        return positions[..., None, :, :] - positions[..., :, None, :]
    if mask is not None:
        raise ValueError("mask is of clouds without edges: mask the edges of points that pad, by Edges.mask")
    relative = positions[jnp.asarray(edges.senders)] - positions[jnp.asarray(edges.receivers)]
    return relative if edges.mask is None else jnp.where(jnp.asarray(edges.mask)[:, None], relative, 0)
