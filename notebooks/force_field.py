# %% [markdown]
# # Fitting a force field
#
# A force field gives the energy of a molecule from the positions of its atoms; the forces are minus its gradient.
# Turning the molecule must leave the energy alone and turn the forces along. `jaxinv.models.ForceField` does so by
# construction.
#
# Here we make a world whose laws we know exactly, a cluster of seven atoms of two kinds, label some hundred of its
# configurations with energies and forces, train for a thousand steps, and look at four things: the loss, the parity
# of forces, what a rotation does, and whether a simulation on the fitted field keeps its energy.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from flax import nnx

from jaxinv.kernels import lie_groups as lie
from jaxinv.models import ForceField, all_pairs, energy_and_forces
from jaxinv.training.force_field_steps import OPTIMISER, Arrays, Fit, State, train_steps
from jaxinv.training.molecular_dynamics import thermal_velocities, velocity_verlet

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#888888"
plt.rcParams.update({"figure.dpi": 100, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False})

# %% [markdown]
# ## The world: Morse pairs
#
# Two atoms at the distance $r$ have the energy $D \left[ (1 - e^{-a (r - r_0)})^2 - 1 \right]$: a well of depth $D$
# at $r_0$. Depth and distance depend on the kinds of the two. Units are those of
# `jaxinv.training.molecular_dynamics`: Å, eV, atomic mass units (u) and femtoseconds (fs).
#
# Four atoms of kind A (blue) and three of kind B (orange) start at random places and slide down to a minimum. From
# there 64 copies get thermal velocities of 800 K and move by velocity Verlet; every 400 fs we take a snapshot of
# each.

# %%
species = np.array([0, 0, 0, 0, 1, 1, 1])
masses = jnp.array([40.0, 20.0])[species]
edges = all_pairs(7)
first, second = np.triu_indices(7, 1)
kind = species[first] + species[second]  # 0: AA, 1: AB, 2: BB
depth = np.array([0.40, 0.55, 0.25], np.float32)
rest = np.array([2.8, 2.5, 2.6], np.float32)
STEEPNESS = 1.4


def exact_energy(positions):
    """eV."""
    apart = jnp.linalg.norm(positions[first] - positions[second], axis=-1)
    return jnp.sum(depth[kind] * ((1 - jnp.exp(-STEEPNESS * (apart - rest[kind]))) ** 2 - 1))


def exact(positions):
    """eV, eV/Å."""
    energy, gradient = jax.value_and_grad(exact_energy)(positions)
    return energy, -gradient


@jax.jit
def minimum(positions):
    def slide(_, positions):
        force = exact(positions)[1]
        return positions + 0.05 * force / jnp.maximum(1.0, jnp.abs(force).max())

    return jax.lax.fori_loop(0, 2000, slide, positions)


starts = 2.0 * jax.random.normal(jax.random.key(0), (16, 7, 3))
minima = jax.vmap(minimum)(starts)
lowest = minima[jnp.argmin(jax.vmap(exact_energy)(minima))]


@jax.jit
def later(positions, velocities):
    way = jax.vmap(lambda x, v: velocity_verlet(exact, x, v, masses, timestep=4.0, num_steps=100))
    found = way(positions, velocities)
    return found.positions, found.velocities


keys = jax.random.split(jax.random.key(1), 64)
state = jnp.broadcast_to(lowest, (64, 7, 3)), jax.vmap(lambda key: thermal_velocities(key, masses, 800.0))(keys)
snapshots = []
for _ in range(6):
    state = later(*state)
    snapshots.append(state[0])
positions = jax.random.permutation(jax.random.key(2), jnp.concatenate(snapshots[1:]))
energies, forces = jax.jit(jax.vmap(exact))(positions)
train, test = slice(0, 240), slice(240, None)
force_scale = float(jnp.sqrt(jnp.mean(forces[train] ** 2)))
print(len(positions), "configurations; energies", energies.min(), "to", energies.max(), "eV")
print("root mean square of a force component:", round(force_scale, 3), "eV/Å")

# %% [markdown]
# Left: the three pair energies. Right: how often each distance occurs in the snapshots, by the kinds of the pair. The
# first peaks are at the wells; what lies beyond are second neighbours. The network sees neither curve: it gets whole
# configurations, with one energy and 21 force components each.

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.3), layout="constrained")
r = np.linspace(1.9, 5.5, 300)
distances = np.linalg.norm(np.asarray(positions[:, first] - positions[:, second]), axis=-1)
looks = ("A-A", BLUE, "-"), ("A-B", GREEN, "--"), ("B-B", ORANGE, ":")
for number, (name, colour, style) in enumerate(looks):
    morse = depth[number] * ((1 - np.exp(-STEEPNESS * (r - rest[number]))) ** 2 - 1)
    axes[0].plot(r, morse, color=colour, linestyle=style, label=name)
    of_kind = distances[:, kind == number].ravel()
    axes[1].hist(of_kind, bins=60, range=(1.9, 5.5), histtype="step", color=colour, linestyle=style, label=name)
axes[0].set(title="pair energies", xlabel="distance (Å)", ylabel="energy (eV)", ylim=(-0.6, 0.8))
axes[1].set(title="distances in the data", xlabel="distance (Å)", ylabel="pairs")
axes[0].legend(frameon=False)
plt.show()

# %% [markdown]
# ## Training
#
# `ForceField` with 12 channels and products of functions on the sphere ("gaunt"). The compiled steps are those of
# `python -m jaxinv.training.force_field`: AMSGrad on the squared errors of forces and of energies per atom, a moving
# average of the parameters beside them. The learning rate warms up over 40 steps and falls as a cosine.

# %%
NUM_STEPS, AT_ONCE, BATCH = 1000, 20, 4
offset = float(energies[train].mean())
model = ForceField(2, num_channels=12, cutoff=6.0, num_neighbours=6.0, scale=force_scale, rngs=nnx.Rngs(0))
graphdef, params = nnx.split(model)
fit = Fit(graphdef, tuple(species.tolist()), BATCH, energy_weight=10.0, seed=0)
arrays = Arrays(positions[train], energies[train] - offset, forces[train])
state = State(params, jax.tree.map(jnp.copy, params), OPTIMISER.init(params), jnp.zeros((), jnp.int32))

losses = []
for start in range(0, NUM_STEPS, AT_ONCE):
    steps = start + np.arange(AT_ONCE)
    rates = 0.02 * np.minimum(1, (steps + 1) / 40) * (1 + np.cos(np.pi * steps / NUM_STEPS)) / 2
    state, squared = train_steps(fit, state, arrays, jnp.asarray(rates, jnp.float32), AT_ONCE)
    losses.append(1e3 * float(squared / AT_ONCE) ** 0.5)

fitted = nnx.merge(graphdef, state.average)


@jax.jit
def of_field(positions):
    return energy_and_forces(fitted, positions, species, edges)


found = [of_field(configuration) for configuration in positions[test]]
found_energies, found_forces = (np.stack(parts) for parts in zip(*found, strict=True))
rmse = 1e3 * float(np.sqrt(np.mean((found_forces - forces[test]) ** 2)))
energy_rmse = 1e3 * float(np.sqrt(np.mean((found_energies + offset - energies[test]) ** 2)))
print(f"test: forces {rmse:.0f} meV/Å of {1e3 * force_scale:.0f}, energies {energy_rmse:.0f} meV")
assert rmse < 0.1e3 * force_scale

# %% [markdown]
# Left: the error of the forces on the training batches, over the steps (a logarithmic scale); the dashed line is what
# "no force at all" would score. Right: every force component of the test configurations, predicted against exact. A
# perfect field has all points on the diagonal.

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
axes[0].plot(AT_ONCE * np.arange(1, len(losses) + 1), losses, color=BLUE, label="training batches")
axes[0].axhline(1e3 * force_scale, color=GREY, linestyle="--", label="predicting zero")
axes[0].set(title="loss curve", xlabel="step", ylabel="RMSE of force components (meV/Å)", yscale="log")
axes[0].legend(frameon=False)
for number, (name, colour) in enumerate((("A", BLUE), ("B", ORANGE))):
    of_kind = species == number
    axes[1].plot(
        forces[test][:, of_kind].ravel(), found_forces[:, of_kind].ravel(), ".", ms=3, color=colour, label=name
    )
ends = np.array([float(forces[test].min()), float(forces[test].max())])
axes[1].plot(ends, ends, color="black", linewidth=0.8)
axes[1].set(
    title=f"test forces: RMSE {rmse:.0f} meV/Å", xlabel="exact (eV/Å)", ylabel="predicted (eV/Å)", aspect="equal"
)
axes[1].legend(title="atom", frameon=False, markerscale=3)
plt.show()

# %% [markdown]
# ## Turning the cluster
#
# The field is fitted to few configurations, and is wrong by what the parity plot shows. It is *equally* wrong in
# every orientation. We turn the test cluster with the largest force by 100 random rotations, half of them with a
# reflection, and compare the forces of the turned cluster with the turned forces of the cluster: the difference is
# rounding.
#
# The picture shows one of the rotations, seen along the z axis; an arrow of 1 Å is a force of 0.4 eV/Å. Wide grey
# arrows are the forces of the left panel, turned by the matrix; thin black ones what the network gives for the turned
# positions.

# %%
strongest = jnp.argmax(jnp.abs(forces[test]).max(axis=(1, 2)))
cluster = positions[test][strongest]
rotations = lie.so3.sample_haar(jax.random.key(3), (100,))
rotations = rotations * jnp.where(jnp.arange(100) % 2 == 0, 1, -1)[:, None, None]


# Of every turned cluster; and the forces of the cluster, turned.
of_turned = jnp.stack([of_field(cluster @ rotation.T)[1] for rotation in rotations])
turned = jnp.stack([of_field(cluster)[1] @ rotation.T for rotation in rotations])
error = float(jnp.abs(of_turned - turned).max() / jnp.abs(turned).max())
print(f"largest difference over 100 rotations and reflections: {error:.1e} of the largest force component")
assert error < 1e-4

figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
middle = cluster.mean(axis=0)
shown = 2  # a proper rotation
panels = {
    "a test cluster and its forces": (cluster - middle, of_field(cluster)[1], None),
    f"turned: difference {error:.0e}": ((cluster - middle) @ rotations[shown].T, of_turned[shown], turned[shown]),
}
for axis, (title, (points, arrows, expected)) in zip(axes, panels.items(), strict=True):
    points, arrows = np.asarray(points), np.asarray(arrows)
    options = {"angles": "xy", "scale_units": "xy", "scale": 0.4, "zorder": 3}
    axis.scatter(points[:, 0], points[:, 1], s=260, c=np.array([BLUE, ORANGE])[species], alpha=0.75, zorder=2)
    if expected is not None:
        expected = np.asarray(expected)
        axis.quiver(*points[:, :2].T, *expected[:, :2].T, color="#999999", width=0.018, **options)
    axis.quiver(*points[:, :2].T, *arrows[:, :2].T, color="black", width=0.006, **options)
    axis.set(title=title, xlabel="x (Å)", ylabel="y (Å)", aspect="equal", xlim=(-4.5, 4.5), ylim=(-4.5, 4.5))
plt.show()

# %% [markdown]
# ## A simulation on the fitted field
#
# The forces are the exact gradient of the energy, so a symplectic rule keeps the total energy, whether the field is
# right or not. Two picoseconds from the lowest minimum at 300 K. Left: the total energy less its start, of the exact
# and of the fitted field, each by its own measure: both swing about a constant, as the rule does at this step, and
# neither drifts. Right: the potential energy along both ways, which start alike and part slowly, as the fields
# differ.

# %%
TIMESTEP, LENGTH = 4.0, 500
velocities = thermal_velocities(jax.random.key(4), masses, 300.0)
fields = {"exact": exact, "fitted": of_field}
ways = {
    name: velocity_verlet(field, lowest, velocities, masses, timestep=TIMESTEP, num_steps=LENGTH)
    for name, field in fields.items()
}
times = 1e-3 * TIMESTEP * np.arange(1, LENGTH + 1)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for (name, way), colour, style in zip(ways.items(), (GREY, BLUE), ("-", "--"), strict=True):
    total = np.asarray(way.potential + way.kinetic, np.float64)
    axes[0].plot(times, 1e3 * (total - total[0]), color=colour, linestyle=style, label=name)
    shift = offset if name == "fitted" else 0.0
    axes[1].plot(times, np.asarray(way.potential) + shift, color=colour, linestyle=style, label=name)
    drift = 1e3 * np.polyfit(times, total, 1)[0] / 7
    swing = 1e3 * np.abs(total - total.mean()).max()
    print(f"{name}: drift {drift:+.3f} meV per atom and ps, swing {swing:.2f} meV")
    assert abs(drift) < 0.5
axes[0].set(title="total energy, less its start", xlabel="time (ps)", ylabel="energy (meV)")
axes[1].set(title="potential energy", xlabel="time (ps)", ylabel="energy (eV)")
axes[0].legend(frameon=False)
plt.show()

# %% [markdown]
# ## For real molecules
#
# The command does the same on a file of configurations (`jaxinv.data.molecules` tells the format), with checkpoints
# from which a killed run goes on:
#
# ```
# python -m jaxinv.training.force_field --data molecules.npz --product path_weighted --minutes 30 --output results
# ```
#
# A published quality needs tens of thousands of steps, more channels, and a look at the products: "gaunt" ties the
# weights of the paths and is quickest, "path_weighted" frees them, "complete" adds the paths of the other parity.
