"""Averages of any function over frames: invariant and equivariant outputs from functions that are neither."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.symmetrization.frames import Frames
from jaxinv.kernels.symmetrization.kinds import KINDS, from_frames, to_frames
from jaxinv.kernels.symmetrization.principal_frames import pca_frame
from jaxinv.kernels.symmetrization.stochastic_frames import stochastic_frame


def frame_average(
    function: Callable[..., Any],
    frames: Frames,
    *arguments: Any,
    inputs: Sequence[str] | None = None,
    output: Any = "scalar",
    stacked: bool = False,
) -> Any:
    """The mean over a frame of `g function(g^-1 x)`, in one batched call of the function.

    Args:
      function: of the arguments, in the shapes they have here; any pytree of floating-point arrays out, each with the
        leading axes of the frames in front.
      frames: of any kind, with leading axes `(*batch)`.
      *arguments: arrays or pytrees of them, all leaves of one argument of one kind. Those other than scalars are
        floating point, `(*batch, ..., d)`, and tensors `(*batch, ..., d, d)`.
      inputs: static; the kind of each argument: "scalar" (which may be anything, parameters for instance: it is handed
        on as it is), "point", "vector" or "tensor" (as d x d matrices, `g x g^T`). Default: one point, then scalars.
      output: static; the kind of the result, or a pytree of kinds for the beginning of the result's.
      stacked: static. False: the function is batched by `jax.vmap`. True: it is called once, on arguments with an axis
        of F copies in front (arrays of scalars too), which its result has too; for functions with a state of their own.

    Returns:
      The result of the function, averaged; in its dtypes. Invariant for "scalar", else equivariant, under the group of
      the frames; exactly so, to rounding over `frames.gap`, for clouds that are not `degenerate`.

    Raises:
      TypeError, ValueError: unknown kinds, or not one for each argument, shapes or dtypes that are not of the kind,
        naming the argument.

    A function that is invariant or equivariant already is returned as it is.
    Transformations: jit, vmap, jvp, vjp, any order, as far as the function has them; in the frames too.
    References: Puny et al., arXiv:2110.03336, eq. (2) and (3).

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> points = jnp.array([[0.0, 1.0], [2.0, 0.0], [5.0, 2.0]])
      >>> turn = jax.random.orthogonal(jax.random.key(0), 2)
      >>> def first_coordinate(x):
      ...     return jnp.max(x[:, 0])
      >>> def invariant(x):
      ...     return symmetrization.frame_average(first_coordinate, symmetrization.pca_frame(x, group="e"), x)
      >>> bool(jnp.allclose(invariant(points), invariant(points @ turn.T + 3.0), rtol=1e-4))
      True
    """
    kinds = _input_kinds(inputs, arguments)
    count = frames.weights.shape[-1]
    copies: list[Any] = [
        argument if kind == "scalar" else _mapped(to_frames, f"arguments[{place}]", kind, frames, argument)
        for place, (kind, argument) in enumerate(zip(kinds, arguments, strict=True))
    ]
    if stacked:
        result = function(
            *(_stacked(a, count) if kind == "scalar" else a for kind, a in zip(kinds, copies, strict=True))
        )
    else:
        turned = [place for place, kind in enumerate(kinds) if kind != "scalar"]

        def of_turned(*values):
            full = list(copies)
            for place, value in zip(turned, values, strict=True):
                full[place] = value
            return function(*full)

        result = jax.vmap(of_turned)(*(copies[place] for place in turned))
    return _averaged(frames, output, result)


def pca_frame_average(
    function: Callable[..., Any],
    points: jax.Array,
    *features: Any,
    group: str,
    inputs: Sequence[str] | None = None,
    output: Any = "scalar",
    mask: jax.Array | None = None,
    weights: jax.Array | None = None,
    key: jax.Array | None = None,
    tolerance: float = 1e-3,
    detached: bool = True,
    stacked: bool = False,
) -> Any:
    """`frame_average` over the `pca_frame` of the points, or over one element of it.

    Args:
      function: as in `frame_average`, of the points and the features.
      points: `(*batch, n, d)`.
      *features: as the arguments of `frame_average`.
      group, mask, weights, tolerance, detached: as in `pca_frame`; the function is to see the mask among its features.
      inputs, output, stacked: as in `frame_average`; `inputs` begins with the kind of the points.
      key: of `jax.random`: one element of each frame is drawn, and the function is called on it alone. The result is
        invariant, or equivariant, in expectation.

    Returns, Raises, Transformations: as both.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> points = jnp.array([[0.0, 1.0], [2.0, 0.0], [5.0, 2.0]])
      >>> turn = jax.random.orthogonal(jax.random.key(0), 2)
      >>> def equivariant(x):
      ...     return symmetrization.pca_frame_average(jnp.exp, x, group="o", output="vector")
      >>> bool(jnp.allclose(equivariant(points) @ turn.T, equivariant(points @ turn.T), rtol=1e-3))
      True
    """
    options: dict[str, Any] = {"mask": mask, "weights": weights, "tolerance": tolerance, "detached": detached}
    frames = pca_frame(points, group=group, **options)
    if key is not None:
        frames = stochastic_frame(key, frames)
    return frame_average(function, frames, points, *features, inputs=inputs, output=output, stacked=stacked)


def _input_kinds(inputs, arguments):
    kinds = ("point", *("scalar",) * (len(arguments) - 1)) if inputs is None else tuple(inputs)
    if len(kinds) != len(arguments):
        raise ValueError(f"inputs must hold one kind for each of {len(arguments)} arguments, got {inputs!r}")
    for kind in kinds:
        require_choice("inputs", kind, KINDS)
    if all(kind == "scalar" for kind in kinds):
        raise ValueError(f"inputs must hold a kind other than 'scalar', got {inputs!r}")
    return kinds


def _mapped(function, name, kind, frames, tree):
    return jax.tree.map(lambda leaf: function(name, kind, frames, jnp.asarray(leaf)), tree)


def _stacked(tree, count):
    def copied(leaf):
        leaf = jnp.asarray(leaf)
        return jnp.broadcast_to(leaf[None], (count, *leaf.shape))

    return jax.tree.map(copied, tree)


def _averaged(frames, output, result):
    for kind in jax.tree.leaves(output):
        require_choice("output", kind, KINDS)
    try:
        kinds = jax.tree.broadcast(output, result)
    except ValueError as error:
        raise ValueError(
            f"output must be a kind, or a tree of kinds as the function's result begins: {error}"
        ) from None
    return jax.tree.map(
        lambda kind, leaf: from_frames("the function's result", kind, frames, jnp.asarray(leaf)), kinds, result
    )
