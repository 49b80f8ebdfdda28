"""The harmonics beside their peers."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import harmonics_peers as peers
from jaxinv.bench.families import least_work as least
from jaxinv.kernels import harmonics as kernels
from jaxinv.kernels.harmonics.degrees import lmax_of

LMAXES = (4, 8)
HIGH = (20,)
SPHERICART_AXES = (2, 0, 1)
TOLERANCE = 1e-4


def _degrees(sizes: Sizes) -> np.ndarray:
    """Nothing but its length, for lmax must be static."""
    return np.zeros(sizes["lmax"] + 1, np.float32)


def _lmax(degrees: Any) -> int:
    return len(degrees) - 1


def _directions(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """In our order of axes and, so that no peer has to copy them, in sphericart's."""
    points = generator.normal(size=(sizes["points"], 3)).astype(np.float32)
    return points, np.ascontiguousarray(points[:, SPHERICART_AXES]), _degrees(sizes)


def _random_rotations(generator: np.random.Generator, count: int) -> np.ndarray:
    orthogonal, triangular = np.linalg.qr(generator.normal(size=(count, 3, 3)))
    orthogonal *= np.sign(np.diagonal(triangular, axis1=-2, axis2=-1))[:, None, :]
    orthogonal[:, :, 0] *= np.linalg.det(orthogonal)[:, None]
    return orthogonal.astype(np.float32)


def _turns_and_rotations(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Turns by zero, with respect to which matrices are differentiated: only along rotations are they defined."""
    count = sizes["rotations"]
    return np.zeros((count, 3), np.float32), _random_rotations(generator, count), _degrees(sizes)


def _turned(turns, rotations):
    """Rotations followed by small turns, to first order."""
    axes = jnp.broadcast_to(turns[:, None], rotations.shape)
    return rotations + jnp.cross(axes, rotations, axis=-1)


def _coefficients(generator: np.random.Generator, count: int, lmax: int) -> np.ndarray:
    return generator.normal(size=(count, least.components(lmax))).astype(np.float32)


def _signals(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    return (_coefficients(generator, sizes["signals"], sizes["lmax"]),)


def _signals_and_rotations(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    count = sizes["rotations"]
    return _coefficients(generator, count, sizes["lmax"]), _random_rotations(generator, count)


def _grid_values(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    lmax = sizes["lmax"]
    return (generator.normal(size=(sizes["signals"], lmax + 1, 2 * lmax + 1)).astype(np.float32),)


def _harmonics(directions, _, degrees):
    return kernels.spherical_harmonics(directions, _lmax(degrees), normalization="integral")


def _e3nn_harmonics(directions, _, degrees):
    return peers.e3nn_harmonics(_lmax(degrees), directions)


def _gradients(harmonics: Callable[..., Any]) -> Callable[..., Any]:
    """`(points, 3, components)`, by sphericart's order of axes."""

    def gradients(directions, theirs, degrees):
        def along(axis):
            tangent = jnp.broadcast_to(axis, directions.shape)
            return jax.jvp(lambda x: harmonics(x, theirs, degrees), (directions,), (tangent,))[1]

        return jax.vmap(along, out_axes=1)(jnp.eye(3, dtype=directions.dtype)[np.array(SPHERICART_AXES)])

    return gradients


def _of_points(gradients: bool) -> Callable[[Sizes], Work]:
    """Each component by a recursion in three operations; each of its three derivatives is one such component scaled,
    and the normalisation of the direction takes its radial part away."""

    def work(sizes: Sizes) -> Work:
        points, components = sizes["points"], least.components(sizes["lmax"])
        flops, floats = (12 * components, 3 + 3 * components) if gradients else (3 * components, 3 + components)
        return Work(flops=float(points * flops), bytes=4.0 * points * floats)

    return work


def _matrices(sizes: Sizes) -> Work:
    """One product of tables and turns for each entry."""
    entries = least.matrix_entries(sizes["lmax"])
    return Work(flops=4.0 * sizes["rotations"] * entries, bytes=4.0 * sizes["rotations"] * (9 + entries))


def _rotated(sizes: Sizes) -> Work:
    lmax, count = sizes["lmax"], sizes["rotations"]
    return Work(flops=float(count * least.rotation(lmax)), bytes=4.0 * count * (9 + 2 * least.components(lmax)))


def _transformed(sizes: Sizes) -> Work:
    lmax, count = sizes["lmax"], sizes["signals"]
    floats = least.components(lmax) + least.sphere_points(2 * lmax)
    return Work(flops=count * least.sphere_transform(lmax, 2 * lmax), bytes=4.0 * count * floats)


def _xla(name: str, call: Callable[..., Any], *modules: str, tolerance: float = TOLERANCE) -> Peer:
    return Peer(name=name, kind="library", call=call, compiled=True, modules=modules, tolerance=tolerance)


def _flat(matrices: Any) -> jax.Array:
    return jnp.concatenate([matrix.reshape(matrix.shape[0], -1) for matrix in matrices], axis=-1)


def _case(name: str, kernel: Callable[..., Any], work: Callable[[Sizes], Work], **options: Any) -> Case:
    defaults: dict[str, Any] = {"differentiable": (0,), "derivatives_at_every_size": True}
    return Case(family="harmonics", name=name, kernel=kernel, work=work, **defaults | options)


def _of_directions(lmaxes: tuple[int, ...], *, are_high: bool = False) -> tuple[Case, ...]:
    """Values, and gradients by themselves.

    Of high degrees sphericart is not compared: in float32 its factors underflow for orders from 19 on. e3nn_jax's
    algorithm for degrees beyond 8 loses more digits than its others.
    """
    suffix, tolerance = (", high degree", 1e-3) if are_high else ("", TOLERANCE)

    def sphericart(call):
        return Peer(
            name="sphericart (numpy), high orders lost" if are_high else "sphericart (numpy)",
            kind="library",
            call=lambda _, theirs, degrees: call(_lmax(degrees), theirs),
            modules=("sphericart",),
            tolerance=None if are_high else tolerance,
        )

    def e3nn(call):
        return _xla("e3nn_jax.spherical_harmonics", call, "e3nn_jax", tolerance=tolerance)

    common: dict[str, Any] = {
        "arguments": _directions,
        "sizes": tuple({"lmax": lmax, "points": 100_000} for lmax in lmaxes),
        "small": {"lmax": 2, "points": 20},
        "large_result": True,
    }
    return (
        _case(
            f"spherical_harmonics{suffix}",
            _harmonics,
            _of_points(gradients=False),
            peers=(sphericart(peers.sphericart_values), e3nn(_e3nn_harmonics)),
            **common,
        ),
        _case(
            f"gradients of spherical_harmonics{suffix}",
            _gradients(_harmonics),
            _of_points(gradients=True),
            differentiable=(),
            peers=(sphericart(peers.sphericart_gradients), e3nn(_gradients(_e3nn_harmonics))),
            **common,
        ),
    )


CASES = (
    *_of_directions(LMAXES),
    *_of_directions(HIGH, are_high=True),
    _case(
        "wigner_d",
        lambda turns, rotations, degrees: kernels.wigner_d(_turned(turns, rotations), _lmax(degrees)),
        _matrices,
        arguments=_turns_and_rotations,
        sizes=tuple({"lmax": lmax, "rotations": 4096} for lmax in LMAXES),
        small={"lmax": 2, "rotations": 4},
        value=_flat,
        peers=(
            _xla(
                "e3nn_jax D_from_matrix",
                lambda turns, rotations, degrees: peers.e3nn_wigner_d(_lmax(degrees), _turned(turns, rotations)),
                "e3nn_jax",
            ),
        ),
        large_result=True,
    ),
    _case(
        "rotate",
        kernels.rotate,
        _rotated,
        arguments=_signals_and_rotations,
        sizes=tuple({"lmax": lmax, "rotations": 4096} for lmax in LMAXES),
        small={"lmax": 2, "rotations": 4},
        peers=(_xla("e3nn_jax transform_by_matrix", peers.e3nn_rotate, "e3nn_jax"),),
    ),
    _case(
        "to_sphere_grid",
        lambda x: kernels.to_sphere_grid(x, kernels.sphere_grid(2 * lmax_of("x", x))),
        _transformed,
        arguments=_signals,
        sizes=tuple({"lmax": lmax, "signals": 2048} for lmax in (*LMAXES, *HIGH)),
        small={"lmax": 3, "signals": 4},
        peers=(_xla("s2fft, precomputed", peers.s2fft_to_grid, "s2fft"),),
    ),
    _case(
        "from_sphere_grid",
        lambda values: kernels.from_sphere_grid(
            values, kernels.sphere_grid(2 * (values.shape[-2] - 1)), values.shape[-2] - 1
        ),
        _transformed,
        arguments=_grid_values,
        sizes=tuple({"lmax": lmax, "signals": 2048} for lmax in (*LMAXES, *HIGH)),
        small={"lmax": 3, "signals": 4},
        peers=(_xla("s2fft, precomputed", peers.s2fft_from_grid, "s2fft"),),
    ),
)
