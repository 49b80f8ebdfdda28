"""Networks on positions and orientations: where charged particles go, and the forces in a molecule.

Two experiments. Five charged particles: where each is one unit of time later, from positions, velocities and charges,
by PONITA and by a network of the same form on positions alone, which sees how fast particles are but not where they
head, and gives multiples of velocities and of relative positions. And, where JAXINV_MOLECULES names the file of
acetylacetone (`jaxinv.data.molecules`), the forces of a potential on positions and orientations, beside one on
positions alone and one of tensor products, after as many steps of training.
"""

import functools
import os
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from jaxinv.claims.claim import Claim, ClaimResult, Progress, Row, holds_in_every_seed, mean_row
from jaxinv.data.molecules import ELEMENTS, VARIABLE, Molecules, load_molecules
from jaxinv.data.trajectories import ChargedTrajectories, charged_particles
from jaxinv.kernels.lie_groups.sampling import haar_so
from jaxinv.models.force_field import ForceField
from jaxinv.models.ponita import Ponita, PositionNetwork, calibrated
from jaxinv.models.ponita_force_field import PonitaForceField
from jaxinv.training.force_field_steps import OPTIMISER, Arrays, Fit, State, predictions, train_steps
from jaxinv.training.parity import errors_of

PONITA, POSITIONS, PRODUCTS = "PONITA", "positions alone", "tensor products"


class _Size(NamedTuple):
    """Of a run."""

    train: int = 500
    test: int = 1000
    steps: int = 2500
    steps_at_once: int = 50
    batch_size: int = 100
    hidden: int = 32
    basis: int = 64
    layers: int = 4
    orientations: int = 12
    force_steps: int = 2000
    configurations: int = 450
    tested: int = 650


_LEARNING_RATE, _FORCE_LEARNING_RATE = 2e-3, 0.005
# About the largest distance of two particles.
_LENGTH = 5.0
_ENERGY_WEIGHT, _FORCE_BATCH = 300.0, 2


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Both experiments; the second where there is a file of molecules."""
    start, tell = time.perf_counter(), progress or (lambda text: None)
    small = _Size(
        train=8, test=8, steps=4, steps_at_once=2, batch_size=4, hidden=4, basis=4, layers=1, orientations=6,
        force_steps=4, configurations=4, tested=4,
    )  # fmt: skip
    size = small if quick else _Size()
    parts = [_particles(seeds, size, tell)]
    if os.environ.get(VARIABLE):
        parts.append(_molecule(load_molecules(), seeds, size, tell))
    else:
        tell(f"the molecule is left out: {VARIABLE} names no file of it")
    return ClaimResult(
        name=CLAIM.name,
        seeds=seeds,
        seconds=time.perf_counter() - start,
        rows=tuple(row for rows, _ in parts for row in rows),
        checks=tuple(check for _, checks in parts for check in checks),
    )


# --- Charged particles.


def _particles(seeds: int, size: _Size, tell: Progress):
    errors: dict[str, list[float]] = {PONITA: [], POSITIONS: []}
    straight, moved, counts = [], [], {}
    for seed in range(seeds):
        systems = charged_particles(size.train + size.test, seed=seed)
        known, asked = systems[: size.train], systems[size.train :]
        straight.append(_error_of_straight_lines(known, asked))
        for name in errors:
            network = _network(name, size, seed)
            network = calibrated(network, *_inputs(known[: size.batch_size]))
            graphdef, params = nnx.split(network, nnx.Param)
            counts[name] = sum(leaf.size for leaf in jax.tree.leaves(params))
            params = _train(graphdef, params, known, size, seed, functools.partial(_tell_of, tell, name, seed))
            found = np.asarray(_predict(graphdef, params, *_inputs(asked)))
            errors[name].append(float(np.mean((found - asked.targets) ** 2)))
            if name == PONITA:
                moved.append(_error_of_turning(graphdef, params, asked, found, seed))
    ponita, positions = np.array(errors[PONITA]), np.array(errors[POSITIONS])
    rows = [Row(f"parameters: {name}", count, "") for name, count in counts.items()]
    rows += [
        Row("systems to train on", size.train, f"for {size.steps} steps of {size.batch_size}; the paper's 3000"),
        mean_row("mean squared error: straight lines", straight),
        mean_row("mean squared error: positions alone", positions),
        mean_row("mean squared error: PONITA", ponita),
        mean_row("PONITA: change under random rotations, of its root mean squared displacement", moved),
    ]
    checks = [
        holds_in_every_seed("particles: PONITA's error is below half that of positions alone", positions / 2 - ponita),
        holds_in_every_seed("particles: positions alone beat straight lines", np.array(straight) - positions),
        holds_in_every_seed("particles: rotations change less than PONITA's error", np.sqrt(ponita) - moved),
    ]  # fmt: skip
    return rows, checks


def _tell_of(tell: Progress, name: str, seed: int, step: int, steps: int) -> None:
    """Says how far training is."""
    tell(f"training {name} of seed {seed + 1}: step {step} of {steps}")


def _network(name: str, size: _Size, seed: int) -> Any:
    common: dict[str, Any] = {
        "num_hidden": size.hidden, "num_basis": size.basis, "num_layers": size.layers, "length": _LENGTH,
        "rngs": nnx.Rngs(seed),
    }  # fmt: skip
    if name == POSITIONS:
        return PositionNetwork(1, 1, 0, 1, **common)
    return Ponita(1, 1, 0, 1, num_orientations=size.orientations, kind="polyhedron", **common)


def _inputs(systems: ChargedTrajectories):
    """Positions, charges and velocities as networks take them."""
    return (
        jnp.asarray(systems.positions),
        jnp.asarray(systems.charges)[..., None],
        jnp.asarray(systems.velocities)[:, :, None],
    )


def _error_of_straight_lines(known: ChargedTrajectories, asked: ChargedTrajectories) -> float:
    """Of motion along the velocity, by its best multiple."""
    moved = known.targets - known.positions
    factor = np.sum(moved * known.velocities) / np.sum(known.velocities**2)
    return float(np.mean((asked.positions + factor * asked.velocities - asked.targets) ** 2))


def _train(graphdef, params, known, size, seed, tell):
    moments = optax.scale_by_adam().init(params)
    arrays = (*_inputs(known), jnp.asarray(known.targets))
    for step in range(0, size.steps, size.steps_at_once):
        key = jax.random.fold_in(jax.random.key(seed), step)
        params, moments = _steps(graphdef, params, moments, arrays, key, step, size)
        tell(step + size.steps_at_once, size.steps)
    return params


@functools.partial(jax.jit, static_argnames=("graphdef", "size"), donate_argnames=("params", "moments"))
def _steps(graphdef, params, moments, arrays, key, first, size):
    """`steps_at_once` steps, whose batches, and the turns of their grids, are drawn anew."""

    def step(state, number):
        params, moments = state
        key_rows, key_turn = jax.random.split(jax.random.fold_in(key, number))
        rows = jax.random.choice(key_rows, len(arrays[0]), (size.batch_size,), replace=False)
        *inputs, targets = (jnp.take(array, rows, axis=0) for array in arrays)
        turn = haar_so(key_turn, (size.batch_size,), 3).astype(targets.dtype)

        def loss(params):
            return jnp.mean((_positions(nnx.merge(graphdef, params), inputs, turn) - targets) ** 2)

        rate = _LEARNING_RATE / 2 * (1 + jnp.cos(jnp.pi * (first + number) / size.steps))
        direction, moments = optax.scale_by_adam().update(jax.grad(loss)(params), moments)
        return (jax.tree.map(lambda p, d: p - rate * d, params, direction), moments), None

    return jax.lax.scan(step, (params, moments), jnp.arange(size.steps_at_once))[0]


def _positions(network, inputs, turn=None):
    turned = {"rotation": turn} if turn is not None and isinstance(network, Ponita) else {}
    return inputs[0] + network(*inputs, **turned).vectors[:, :, 0]


@functools.partial(jax.jit, static_argnames="graphdef")
def _predict(graphdef, params, *inputs):
    return _positions(nnx.merge(graphdef, params), inputs)


def _error_of_turning(graphdef, params, asked, found, seed) -> float:
    """Of predictions for turned systems, turned back, in their root mean square."""
    rotation = np.asarray(haar_so(jax.random.key(seed), (), 3))
    positions, charges, velocities = _inputs(asked)
    turned = _predict(graphdef, params, positions @ rotation.T, charges, velocities @ rotation.T)
    return float(np.sqrt(np.mean((np.asarray(turned) @ rotation - found) ** 2)))


# --- The molecule.


def _molecule(molecules: Molecules, seeds: int, size: _Size, tell: Progress):
    names = PONITA, POSITIONS, PRODUCTS
    forces: dict[str, list[float]] = {name: [] for name in names}
    energies: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(seeds):
        for name in names:
            told = functools.partial(_tell_of, tell, f"the forces of {name}", seed)
            found = _force_errors(name, molecules, size, seed, told)
            forces[name].append(found.force_rmse)
            energies[name].append(found.energy_rmse)
    rows = [Row("configurations to train on", size.configurations, f"for {size.force_steps} steps of {_FORCE_BATCH}")]
    rows += [mean_row(f"force RMSE, meV/Å: {name}", forces[name]) for name in names]
    rows += [mean_row(f"energy RMSE, meV: {name}", energies[name]) for name in names]
    ponita = np.array(forces[PONITA])
    checks = [
        holds_in_every_seed(f"molecule: PONITA's forces beat those of {name}", np.array(forces[name]) - ponita)
        for name in (POSITIONS, PRODUCTS)
    ]  # fmt: skip
    return rows, checks


def _force_errors(name: str, molecules: Molecules, size: _Size, seed: int, tell):
    known, asked = molecules.train[: size.configurations], molecules.test[: size.tested]
    offset = float(known.energies.mean())
    graphdef, params = nnx.split(_potential(name, known, size, seed))
    fit = Fit(graphdef, tuple(molecules.species.tolist()), _FORCE_BATCH, _ENERGY_WEIGHT, seed)
    energies = (known.energies - offset).astype(np.float32)
    arrays = Arrays(*map(jnp.asarray, (known.positions, energies, known.forces)))
    state = State(params, jax.tree.map(jnp.copy, params), OPTIMISER.init(params), jnp.zeros((), jnp.int32))
    for step in range(0, size.force_steps, size.steps_at_once):
        numbers = step + np.arange(size.steps_at_once)
        rates = _FORCE_LEARNING_RATE / 2 * (1 + np.cos(np.pi * numbers / size.force_steps))
        state, _ = train_steps(fit, state, arrays, jnp.asarray(rates, jnp.float32), size.steps_at_once)
        tell(step + size.steps_at_once, size.force_steps)
    found = predictions(fit, state.average, asked.positions)
    return errors_of(asked, found[0] + offset, found[1])


def _potential(name: str, known, size: _Size, seed: int) -> nnx.Module:
    common: dict[str, Any] = {
        "num_channels": size.hidden, "scale": float(np.sqrt(np.mean(known.forces.astype(float) ** 2))),
        "rngs": nnx.Rngs(seed),
    }  # fmt: skip
    if name == PRODUCTS:
        return ForceField(len(ELEMENTS), **common)
    orientations = None if name == POSITIONS else size.orientations
    return PonitaForceField(
        len(ELEMENTS), num_orientations=orientations, num_basis=size.basis, num_layers=size.layers, **common
    )


CLAIM = Claim(
    name="ponita",
    title="Fast, Expressive SE(n) Equivariant Networks through Weight-Sharing in Position-Orientation Space",
    reference="Bekkers, Vadgama, Hesselink, van der Linden and Romero, ICLR 2024, arXiv:2310.02970",
    statement="Convolutions on positions and orientations, whose kernels are functions of the invariants of pairs, "
    "are far better than those on positions alone, and as good as tensor products.",
    experiment=run,
)
