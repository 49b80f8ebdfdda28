"""Compiled peers stand beside ours in every mode, and what is said of them is theirs."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Work
from jaxinv.bench.measure import measure
from jaxinv.bench.record import from_line, to_line
from tests.bench.test_cases import SETTINGS

SMALL, LARGE = {"side": 3}, {"side": 4}


def cube(x):
    return x**3


def wrong_slope(x):
    return x * jax.lax.stop_gradient(x**2)


def peer(name, call, kind: Any = "dense", tolerance: float | None = 1e-5):
    return Peer(name=name, kind=kind, call=call, compiled=True, tolerance=tolerance)


CASE = Case(
    family="test",
    name="cube",
    kernel=lambda x: {"cube": cube(x)},
    arguments=lambda generator, sizes: (generator.normal(size=(sizes["side"],)).astype(np.float32),),
    sizes=(SMALL, LARGE),
    small=SMALL,
    work=lambda sizes: Work(flops=2 * sizes["side"], bytes=8 * sizes["side"]),
    value=lambda result: result["cube"],
    peers=(
        peer("same", cube),
        peer("wrong slope", wrong_slope),
        peer("another", jnp.sum, "another map", None),
        peer("floor", jnp.copy, "floor", None),
        Peer(name="host", kind="library", call=lambda x: x**3, tolerance=1e-5),
    ),
    differentiable=(0,),
)


def of(record) -> dict[str, Any]:
    return {peer.name: peer for peer in record.peers}


def test_derivatives_of_compiled_peers_are_measured_and_compared():
    forward, *derived = list(measure(CASE, SETTINGS))
    assert set(of(forward)) == {"same", "wrong slope", "another", "floor", "host"}
    assert of(forward)["wrong slope"].difference < 1e-5
    assert [record.mode for record in derived] == ["vjp", "forward+vjp"]
    for record in derived:
        peers = of(record)
        assert set(peers) == {"same", "wrong slope", "another"}
        assert peers["same"].difference < 1e-5
        assert peers["wrong slope"].difference > 1
        assert peers["another"].difference is None
        assert from_line(to_line(record)) == record


def test_derivatives_at_every_size_only_where_asked_for():
    settings = dataclasses.replace(SETTINGS, quick=False)

    def rows(**options):
        case = dataclasses.replace(CASE, peers=(), **options)
        return [(record.sizes["side"], record.mode) for record in measure(case, settings)]

    derived = [(side, mode) for side in (3, 4) for mode in ("forward", "vjp", "forward+vjp")]
    assert rows(derivatives_at_every_size=True) == derived
    assert rows() == derived[:4]


def test_compilation_of_peers_is_timed():
    forward = next(iter(measure(CASE, SETTINGS)))
    for found in forward.peers:
        assert (found.lower_ms is None) == (found.compile_ms is None) == (found.name == "host")
    assert of(forward)["same"].lower_ms > 0
    assert of(forward)["same"].compile_ms > 0


def test_records_from_before_compilation_of_peers_was_timed_are_read():
    forward = next(iter(measure(CASE, SETTINGS)))
    old = to_line(forward).replace('"lower_ms": null, "compile_ms": null', "")
    old = old.replace('"import_ms": null, }', '"import_ms": null}')
    assert from_line(old) == forward


def test_a_kernel_with_a_table_of_integers_is_measured_in_both_precisions():
    """One jitted function, traced for float32, float64 and float32 again."""
    table = np.array([2, 0, 1])
    indexed = jax.jit(lambda x: {"cube": x[table] ** 3})
    records = list(measure(dataclasses.replace(CASE, kernel=indexed, peers=()), SETTINGS))
    assert [record.mode for record in records] == ["forward", "vjp", "forward+vjp"]
    assert records[0].error is not None
    assert records[0].error < 1e-6


def test_nothing_of_the_derivative_is_computed_when_it_is_compiled():
    """The derivative of a linear map depends on the cotangent alone, which must not be a constant."""
    (_, _, both) = measure(dataclasses.replace(CASE, kernel=lambda x: {"cube": 2 * x}, peers=()), SETTINGS)
    assert both.mode == "forward+vjp"
    # Twice three products: of the argument and of the cotangent.
    assert both.xla_flops == 6
