"""An interatomic potential after NequIP, on e3nn_jax, that takes the functions jaxinv replaces as an argument."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import e3nn_jax as e3nn
import flax.linen
import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.nn import e3nn as e3nn_fast


class Graph(NamedTuple):
    """Atoms in a box that repeats.

    Attributes:
      positions: `(atoms, 3)`.
      species: `(atoms, num_species)`, one-hot.
      senders: `(edges,)`, int32.
      receivers: `(edges,)`, int32.
      shifts: `(edges, 3)`: position of the receiver's image less that of the receiver.
    """

    positions: jax.Array
    species: jax.Array
    senders: jax.Array
    receivers: jax.Array
    shifts: jax.Array


class Functions(NamedTuple):
    """What the network takes from e3nn_jax or from jaxinv.nn.e3nn, by the names there."""

    tensor_product: Callable[..., Any]
    spherical_harmonics: Callable[..., Any]
    elementwise_tensor_product: Callable[..., Any]
    gate: Callable[..., Any]
    Linear: Callable[..., Any]


E3NN = Functions(
    e3nn.tensor_product, e3nn.spherical_harmonics, e3nn.elementwise_tensor_product, e3nn.gate, e3nn.flax.Linear
)
DROP_INS = Functions(
    e3nn_fast.tensor_product,
    e3nn_fast.spherical_harmonics,
    e3nn_fast.elementwise_tensor_product,
    e3nn_fast.gate,
    e3nn_fast.Linear,
)


class Network(flax.linen.Module):
    """Energy of a graph: layers of product with harmonics of the edges, sum over neighbours, linear map and gate.

    Attributes:
      functions: `E3NN` or `DROP_INS`.
      num_channels: of each irrep.
      lmax: highest degree of features and harmonics.
      num_layers: layers.
      cutoff: distance beyond which atoms do not see each other, in the unit of positions.
    """

    functions: Functions
    num_channels: int = 16
    lmax: int = 2
    num_layers: int = 3
    cutoff: float = 1.0

    @flax.linen.compact
    def __call__(self, graph: Graph) -> jax.Array:
        """The energy, `()`."""
        num_atoms = graph.positions.shape[0]
        vectors = graph.positions[graph.receivers] + graph.shifts - graph.positions[graph.senders]
        irreps_sh = e3nn.Irreps.spherical_harmonics(self.lmax)
        harmonics = self.functions.spherical_harmonics(irreps_sh, e3nn.IrrepsArray("1o", vectors), True)
        lengths = jnp.linalg.norm(vectors, axis=-1)
        envelope: Any = e3nn.poly_envelope(5, 2, self.cutoff)(lengths)
        radial = e3nn.bessel(lengths, 8, self.cutoff) * envelope[:, None]
        scalars = e3nn.Irreps(f"{self.num_channels}x0e + {self.num_channels}x0o")
        others = e3nn.Irreps(
            [(self.num_channels, (degree, parity)) for degree in range(1, self.lmax + 1) for parity in (1, -1)]
        )
        hidden, gates = scalars + others, e3nn.Irreps(f"{others.num_irreps}x0e")
        atoms = self.functions.Linear(e3nn.Irreps(f"{self.num_channels}x0e"))(e3nn.as_irreps_array(graph.species))
        for _ in range(self.num_layers):
            skip = self.functions.Linear(scalars + gates + others, force_irreps_out=True)(atoms)
            messages = self.functions.Linear(atoms.irreps)(atoms)[graph.senders]
            messages = self.functions.tensor_product(messages, harmonics, filter_ir_out=[ir for _, ir in hidden])
            mixing = e3nn.flax.MultiLayerPerceptron(
                (32, messages.irreps.num_irreps), jax.nn.silu, output_activation=False
            )
            messages = self.functions.elementwise_tensor_product(messages, mixing(radial))
            received: Any = e3nn.scatter_sum(messages, dst=graph.receivers, output_size=num_atoms)
            atoms = self.functions.Linear(scalars + gates + others, force_irreps_out=True)(received / 8**0.5)
            atoms = self.functions.gate(atoms + skip)
        return jnp.sum(self.functions.Linear(e3nn.Irreps("0e"))(atoms).array)


def forces(energy: Callable[[Graph], jax.Array], graph: Graph) -> tuple[jax.Array, jax.Array]:
    """The energy, and the forces on the atoms `(atoms, 3)`."""
    value, slope = jax.value_and_grad(lambda positions: energy(graph._replace(positions=positions)))(graph.positions)
    return value, -slope


def loss(network: Network, parameters: Any, graph: Graph) -> jax.Array:
    """Square errors of energy an atom and of forces, against 0 and 1."""
    value, force = forces(lambda graph: _energy(network, parameters, graph), graph)
    return (value / graph.positions.shape[0]) ** 2 + jnp.mean((force - 1) ** 2)


def programs(network: Network) -> dict[str, Callable[[Any, Graph], Any]]:
    """What is compiled: functions of parameters and graph, by name."""
    return {
        "energy": functools.partial(_energy, network),
        "energy and forces": lambda parameters, graph: forces(functools.partial(_energy, network, parameters), graph),
        "training step": lambda parameters, graph: jax.value_and_grad(functools.partial(loss, network))(
            parameters, graph
        ),
    }


def _energy(network: Network, parameters: Any, graph: Graph) -> Any:
    return network.apply(parameters, graph)


def random_graph(side: int, *, num_species: int = 3, neighbours: int = 7) -> tuple[Graph, float]:
    """`side^3` atoms near the points of a cubic lattice, and the cutoff that gives so many neighbours on average.

    Where `side` is 2 an atom can meet several images of another; from 3 on, the atoms next to it are all different.
    """
    generator = np.random.default_rng(0)
    lattice = np.stack(np.meshgrid(*(np.arange(side),) * 3, indexing="ij"), -1).reshape(-1, 3)
    positions = lattice + generator.uniform(-0.2, 0.2, lattice.shape)
    cells = side * np.stack(np.meshgrid(*(np.arange(-1, 2),) * 3, indexing="ij"), -1).reshape(-1, 3)
    difference = positions[None, :, None] + cells[None, None] - positions[:, None, None]
    distance = np.linalg.norm(difference, axis=-1)
    distance[distance == 0] = np.inf
    cutoff = float(np.sort(distance.reshape(-1))[neighbours * len(positions)])
    senders, receivers, cell = np.nonzero(distance < cutoff)
    graph = Graph(
        jnp.asarray(positions, jnp.result_type(float)),
        jnp.asarray(np.eye(num_species)[generator.integers(num_species, size=len(positions))], jnp.result_type(float)),
        jnp.asarray(senders, jnp.int32),
        jnp.asarray(receivers, jnp.int32),
        jnp.asarray(cells[cell], jnp.result_type(float)),
    )
    return graph, cutoff
