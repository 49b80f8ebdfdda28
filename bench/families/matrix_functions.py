"""Exponentials and logarithms of general matrices and of linear groups beside jax.scipy, scipy and torch."""

from typing import Any

import jax.scipy.linalg
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import matrix_functions_peers as peers
from jaxinv.kernels.lie_groups import aff, gl, sl
from jaxinv.kernels.numerics.matrix_exponential import matrix_exp

MATRICES = 100_000
# scipy's loop takes a minute: it sees one pool of many.
POOLS = {"models": 1000, "matrices": MATRICES // 1000}


def _vectors(dimension: int) -> Any:
    def arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
        return ((0.5 * generator.normal(size=(sizes["matrices"], dimension))).astype(np.float32),)

    return arguments


def _matrices(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    n = sizes["n"]
    return ((generator.normal(size=(sizes["matrices"], n, n)) / np.sqrt(n)).astype(np.float32),)


def _near_the_unit(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Matrices that have a real logarithm: the exponentials of short ones."""
    shape = (sizes["models"], sizes["matrices"], 3, 3)
    return (np.asarray(matrix_exp((0.4 * generator.normal(size=shape)).astype(np.float32))),)


def _work(flops: int, before: int, after: int) -> Any:
    def work(sizes: Sizes) -> Work:
        count = sizes["matrices"] * sizes.get("models", 1)
        return Work(flops=float(count * flops), bytes=4.0 * count * (before + after))

    return work


def _expm(group: Any) -> Peer:
    """Through the matrices of the algebra."""
    call = lambda x: jax.scipy.linalg.expm(group.hat(x))  # noqa: E731
    return Peer(name="jax.scipy.linalg.expm", kind="library", call=call, compiled=True, tolerance=2e-5)


def _case(name: str, kernel: Any, arguments: Any, peers: tuple[Peer, ...], work: Any, **options: Any) -> Case:
    defaults: dict[str, Any] = {
        "sizes": ({"matrices": MATRICES},),
        "small": {"matrices": 20},
        "differentiable": (0,),
        "large_result": True,
    }
    return Case(
        family="lie_groups",
        name=name,
        kernel=kernel,
        arguments=arguments,
        peers=peers,
        work=work,
        **defaults | options,
    )


CASES = (
    _case("gl.exp, 2 x 2", gl.exp, _vectors(4), (_expm(gl),), _work(40, 4, 4)),
    _case("sl.exp, 2 x 2", sl.exp, _vectors(3), (_expm(sl),), _work(40, 3, 4)),
    _case("aff.exp of the plane", aff.exp, _vectors(6), (_expm(aff),), _work(60, 6, 9)),
    *(
        _case(
            f"matrix_exp, {n} x {n}",
            matrix_exp,
            _matrices,
            (
                Peer(
                    name="jax.scipy.linalg.expm",
                    kind="library",
                    call=jax.scipy.linalg.expm,
                    compiled=True,
                    tolerance=2e-5,
                ),
                Peer(
                    name="torch.linalg.matrix_exp",
                    kind="library",
                    call=peers.torch_expm,
                    modules=("torch",),
                    tolerance=2e-5,
                ),
                Peer(name="scipy.linalg.expm", kind="library", call=peers.scipy_expm, tolerance=2e-5),
            ),
            # Six products, which a polynomial of the degree that float32 needs takes at least.
            _work(6 * 2 * n**3, n * n, n * n),
            sizes=({"n": n, "matrices": MATRICES},),
            small={"n": n, "matrices": 20},
        )
        for n in (3, 4)
    ),
    _case(
        "gl.log, 3 x 3",
        gl.log,
        _near_the_unit,
        (
            Peer(
                name="scipy.linalg.logm, one by one",
                kind="library",
                call=peers.scipy_logm,
                tolerance=1e-4,
                models=1,
                slow=True,
            ),
        ),
        _work(20 * 2 * 27, 9, 9),
        sizes=(POOLS,),
        small={"models": 2, "matrices": 3},
        value=lambda found: found.coordinates,
    ),
)
