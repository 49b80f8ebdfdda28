"""Exponentials and logarithms of rotations and rigid motions beside jaxlie.

Logarithms are differentiated with respect to turns of the elements: along the group alone are they defined.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import rigid_motions_peers as peers
from jaxinv.kernels.lie_groups import se3, so3

TOLERANCE = 1e-5


def _vectors(dimension: int) -> Callable[[np.random.Generator, Sizes], tuple[Any, ...]]:
    return lambda generator, sizes: (generator.normal(size=(sizes["elements"], dimension)).astype(np.float32),)


def _rotations(generator: np.random.Generator, count: int) -> np.ndarray:
    quaternion = generator.normal(size=(4, count))
    w, x, y, z = quaternion / np.linalg.norm(quaternion, axis=0)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.moveaxis(np.array(rows), -1, 0).astype(np.float32)


def _turns_and_rotations(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    count = sizes["elements"]
    return np.zeros((count, 3), np.float32), _rotations(generator, count)


def _steps_and_motions(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    count = sizes["elements"]
    motions = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    motions[:, :3, :3] = _rotations(generator, count)
    motions[:, :3, 3] = generator.normal(size=(count, 3))
    return np.zeros((count, 6), np.float32), motions


def _turned(turns, rotations):
    """Rotations followed by small turns, to first order."""
    axes = jnp.broadcast_to(turns[:, :, None], rotations.shape)
    return rotations + jnp.cross(axes, rotations, axis=1)


def _moved(steps, motions):
    """Motions followed by small motions, to first order."""
    change = jnp.cross(jnp.broadcast_to(steps[:, 3:, None], motions[:, :3].shape), motions[:, :3], axis=1)
    shift = jnp.pad(steps[:, :3, None], ((0, 0), (0, 0), (3, 0)))
    return motions + jnp.pad(change + shift, ((0, 0), (0, 1), (0, 0)))


def _work(flops: int, floats: int) -> Callable[[Sizes], Work]:
    """Operations counted on the closed form, a sine, cosine or arctangent as 15; each number read or written once."""
    return lambda sizes: Work(flops=float(sizes["elements"] * flops), bytes=4.0 * sizes["elements"] * floats)


def _case(name: str, kernel: Callable[..., Any], call: Callable[..., Any], **options: Any) -> Case:
    jaxlie = Peer(name="jaxlie", kind="library", call=call, compiled=True, modules=("jaxlie",), tolerance=TOLERANCE)
    return Case(
        family="lie_groups",
        name=name,
        kernel=kernel,
        peers=(jaxlie,),
        sizes=({"elements": 100_000},),
        small={"elements": 30},
        differentiable=(0,),
        large_result=True,
        **options,
    )


CASES = (
    _case("so3.exp", so3.exp, peers.rotation_of, arguments=_vectors(3), work=_work(65, 12)),
    _case(
        "so3.log",
        lambda turns, rotations: so3.log(_turned(turns, rotations)),
        lambda turns, rotations: peers.rotation_vector_of(_turned(turns, rotations)),
        arguments=_turns_and_rotations,
        work=_work(50, 12),
    ),
    _case("se3.exp", se3.exp, peers.motion_of, arguments=_vectors(6), work=_work(110, 22)),
    _case(
        "se3.log",
        lambda steps, motions: se3.log(_moved(steps, motions)),
        lambda steps, motions: peers.twist_of(_moved(steps, motions)),
        arguments=_steps_and_motions,
        work=_work(90, 18),
    ),
)
