"""Quaternions beside scipy's rotations."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.spatial.transform import Rotation

from jaxinv.kernels.lie_groups import quaternions as kernels
from tests.duties import FEATURES, BadInput, Case


def unit(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Of both signs."""
    q = generator.normal(size=(*shape, 4))
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def up_to_sign(q: np.ndarray, like: np.ndarray) -> np.ndarray:
    """q or -q, whichever is nearer."""
    return np.where(np.sum(q * like, axis=-1, keepdims=True) < 0, -q, q)


def _from_euler(angles):
    quarter = np.cos(angles / 2).prod(-1, keepdims=True) + np.sin(angles / 2).prod(-1, keepdims=True)
    found = Rotation.from_euler("xyz", angles).as_quat()
    # Of the two, that whose w is the published combination of half angles.
    return np.where(np.sign(found[..., 3:]) == np.sign(quarter), found, -found)


def _multiply(a, b):
    found = (Rotation.from_quat(a) * Rotation.from_quat(b)).as_quat()
    w = a[..., 3] * b[..., 3] - np.sum(a[..., :3] * b[..., :3], axis=-1)
    return np.where((np.sign(w) == np.sign(found[..., 3]))[..., None], found, -found)


def _conjugate(q):
    return up_to_sign(Rotation.from_quat(q).inv().as_quat(), q * np.array([-1.0, -1.0, -1.0, 1.0]))


def _squared_sine(a, b):
    angle = (Rotation.from_quat(a).inv() * Rotation.from_quat(b)).magnitude()
    return np.sin(angle / 2) ** 2


def _pair(generator):
    return unit(generator, 3), unit(generator, 3)


def _case(name: str, arguments: Any, reference: Any, argument: str, size: int = 4, pair: bool = False) -> Case:
    function, wrong = getattr(kernels, name), jnp.ones((2, 5))
    right = (jnp.ones((2, 4)),) if pair else ()
    return Case(
        name=f"lie_groups.quaternions.{name}",
        function=function,
        arguments=arguments,
        reference=reference,
        differentiable=(0, 1) if pair else (0,),
        **{**FEATURES, "low_precision": 1e-2},
        bad_input=(
            BadInput(
                call=lambda: function(wrong, *right),
                error=ValueError,
                message=rf"{argument} must have shape \(2, {size}\), got \(2, 5\)",
            ),
            BadInput(
                call=lambda: function(jnp.ones((2, size), jnp.int32), *right),
                error=TypeError,
                message=f"{argument} must be floating",
            ),
        ),
    )


CASES = [
    _case("from_euler_xyz", lambda generator: (generator.uniform(-1.5, 1.5, (3, 3)),), _from_euler, "angles", 3),
    _case("multiply", _pair, _multiply, "a", pair=True),
    _case("conjugate", lambda generator: (unit(generator, 3),), _conjugate, "q"),
    _case(
        "canonical",
        lambda generator: (unit(generator, 3),),
        lambda q: Rotation.from_quat(q).as_quat(canonical=True),
        "q",
    ),
    _case("squared_sine", _pair, _squared_sine, "a", pair=True),
    _case("to_matrix", lambda generator: (unit(generator, 3),), lambda q: Rotation.from_quat(q).as_matrix(), "q"),
]
