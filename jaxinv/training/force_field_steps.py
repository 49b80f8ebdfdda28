"""The compiled programs of a force field's training: its loss, its steps, its predictions."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from jaxinv.models.force_field import all_pairs

OPTIMISER = optax.chain(optax.clip_by_global_norm(10.0), optax.scale_by_amsgrad(eps=1e-12))
_AVERAGE = 0.995
_EVALUATED_AT_ONCE = 50


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    """What a run has come to.

    Attributes:
      params: of the force field.
      average: moving average of the parameters, by which the field is judged.
      moments: of the optimiser.
      step: `()`, steps done.
    """

    params: Any
    average: Any
    moments: Any
    step: jax.Array


class Fit(NamedTuple):
    """What the compiled programs are for."""

    graphdef: Any
    species: tuple[int, ...]
    batch_size: int
    energy_weight: float
    seed: int

    def energies(self, params, positions):
        """`(n,)` of configurations `(n, atoms, 3)`, which are one graph."""
        num, num_atoms, _ = positions.shape
        species, edges = jnp.asarray(self.species * num, jnp.int32), all_pairs(num_atoms, num)
        model = nnx.merge(self.graphdef, params)
        return jnp.sum(model.atomic_energies(positions.reshape(-1, 3), species, edges).reshape(num, -1), axis=1)

    def predict(self, params, positions):
        """Energies `(n,)` and forces `(n, atoms, 3)`."""

        def total(positions):
            energies = self.energies(params, positions)
            return jnp.sum(energies), energies

        gradient, energies = jax.grad(total, has_aux=True)(positions)
        return energies, -gradient

    def gradient(self, params, batch):
        """Of the loss; also the mean squared error of the forces.

        The loss sees the parameters through energies and forces, and the forces' part is the derivative of the energy
        along the loss's derivative in the forces: forward mode over the energies, then reverse mode once, in place of
        reverse mode over itself.
        """

        def loss(energies, forces):
            of_forces = jnp.mean((forces - batch.forces) ** 2)
            of_energy = jnp.mean(((energies - batch.energies) / len(self.species)) ** 2)
            return self.energy_weight * of_energy + of_forces, of_forces

        predicted = self.predict(params, batch.positions)
        (of_energies, of_forces), error = jax.grad(loss, (0, 1), has_aux=True)(*predicted)

        def linearised(params):
            energies, along = jax.jvp(lambda x: self.energies(params, x), (batch.positions,), (-of_forces,))
            return jnp.sum(of_energies * energies) + jnp.sum(along)

        return jax.grad(linearised)(params), error


class Arrays(NamedTuple):
    """What is trained on.

    Attributes:
      positions: `(n, atoms, 3)`, Å.
      energies: `(n,)`, eV, less the offset.
      forces: `(n, atoms, 3)`, eV/Å.
    """

    positions: jax.Array
    energies: jax.Array
    forces: jax.Array


@functools.partial(jax.jit, static_argnames="fit", donate_argnames="state")
def train_steps(fit, state, arrays, rates, count):
    """`count` steps at the first of `rates`; also the sum of the steps' mean squared errors of the forces.

    Of any count one program: a killed run repeats its arithmetic.
    """
    num = arrays.energies.shape[0]
    per_epoch = num // fit.batch_size

    def step(number, carry):
        state, error = carry
        epoch, place = state.step // per_epoch, state.step % per_epoch
        order = jax.random.permutation(jax.random.fold_in(jax.random.key(fit.seed), epoch), num)
        rows = jax.lax.dynamic_slice(order, (place * fit.batch_size,), (fit.batch_size,))
        batch = jax.tree.map(lambda array: jnp.take(array, rows, axis=0), arrays)
        gradient, of_forces = fit.gradient(state.params, batch)
        direction, moments = OPTIMISER.update(gradient, state.moments)
        params = jax.tree.map(lambda p, d: p - rates[number] * d, state.params, direction)
        average = jax.tree.map(lambda a, p: a + (1 - _AVERAGE) * (p - a), state.average, params)
        return State(params, average, moments, state.step + 1), error + of_forces

    return jax.lax.fori_loop(0, count, step, (state, jnp.zeros((), jnp.float32)))


_predict = jax.jit(lambda fit, params, positions: fit.predict(params, positions), static_argnums=0)


def predictions(fit, params, positions):
    """Energies and forces of all configurations, on the host."""
    size = min(_EVALUATED_AT_ONCE, len(positions))
    energies, forces = [], []
    for start in range(0, len(positions), size):
        # The last batch starts early, so that one compilation serves all.
        first = min(start, len(positions) - size)
        found = _predict(fit, params, positions[first : first + size])
        energies.append(np.asarray(found[0], np.float64)[start - first :])
        forces.append(np.asarray(found[1], np.float64)[start - first :])
    return np.concatenate(energies), np.concatenate(forces)
