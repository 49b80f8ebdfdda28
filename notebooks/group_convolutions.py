# %% [markdown]
# # Pictures that turn
#
# Turn a picture, and an ordinary convolution gives something new. A group convolution gives the old result, turned.
# This notebook shows it five times:
#
# - one kernel becomes a bank of moved copies;
# - the maps of an untrained network before and after a turn;
# - the error of the promise, at every angle;
# - what it means for digits that are trained upright and tested turned;
# - and, for affine maps, how many group elements one needs.

# %%
import functools

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxinv.data import digits, resize
from jaxinv.data.warps import warp
from jaxinv.kernels import group_convolutions as gc
from jaxinv.kernels import lie_groups as lie

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#888888"
plt.rcParams.update({"figure.dpi": 100, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
SCALAR = (gc.PlanarIrrep(0),)
data = digits()


def turned(pictures, degrees):
    """`(..., height, width, channels)` about the centre: exact at quarter-turns, else by cubic interpolation."""
    fields = pictures[..., None, :]
    return gc.act_irreps(fields, np.deg2rad(degrees), group=gc.SO2, irreps=SCALAR)[..., 0, :]


def drawn(shape, scale=1.0):
    return jnp.asarray(scale * np.random.default_rng(5).normal(size=shape), jnp.float32)


def draw(axis, picture, title="", **options):
    axis.imshow(picture, **{"cmap": "gray", **options})
    axis.set(title=title, xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


# %% [markdown]
# ## One kernel, many copies
#
# *Top*: the bank that `grid_lift` makes of one 5 x 5 kernel for $D_4$, the four quarter-turns (first four) and their
# copies after the mirror F (last four). A layer convolves the picture with all eight, so each pixel has eight numbers,
# one for each element of the group. There are no weights but those of the first kernel.
#
# *Bottom*: turns by 45 degrees do not map pixels to pixels. The steerable layer for $C_8$ combines kernels that turn
# smoothly instead: rings times waves $\cos k\varphi$, with few waves where a ring has few pixels. Blue is positive,
# red is negative.

# %%
kernel = drawn((5, 5, 1, 1))
copies = gc.grid_lifting_bank(kernel, group=gc.dihedral(4))[:, :, 0, 0, :, 0]
kernels = gc.SteerableKernels(group=gc.cyclic(8), irreps_in=SCALAR, irreps_out=gc.regular_irreps(gc.cyclic(8)), size=7)
tables = np.concatenate([table[..., 0, :1] for table in kernels.pairs[0]])[..., 0].reshape(-1, 7, 7)
chosen = tables[[0, 2, 3, 6, 8, 11, 13, 15]]
print(len(tables), "kernels in the basis")
assert copies.shape == (5, 5, 8)
assert abs(copies[..., 1] - jnp.rot90(copies[..., 0])).max() == 0

figure, axes = plt.subplots(2, 8, figsize=(9, 2.6), layout="constrained")
for place, (copy, wave) in enumerate(zip(np.moveaxis(copies, -1, 0), chosen, strict=True)):
    name = f"{90 * (place % 4)}°" + (", F" if place > 3 else "")
    draw(axes[0, place], copy, name, cmap="RdBu", vmin=-2.5, vmax=2.5)
    draw(axes[1, place], wave / abs(wave).max(), cmap="RdBu", vmin=-1, vmax=1)
plt.show()

# %% [markdown]
# ## An untrained network, and the same picture turned
#
# Two networks with random kernels and the same two layers: lift, ReLU, convolution, ReLU, and the largest value over
# the group at each pixel. The first is for $D_4$ ("p4m"), the second is ordinary (the group of one element).
#
# Look at the last two columns: they show how much the map of a turned (mirrored) picture differs from the turned
# (mirrored) map. For p4m there is nothing to see, at the same scale as the maps; the ordinary network has seen another
# picture.

# %%
p4m = gc.dihedral(4)
picture = jnp.asarray(resize(data.images[25], (33, 33)))[:, :, None]
picture = jnp.pad(picture, ((8, 8), (8, 8), (0, 0)))


def random_kernels(group, channels=8, width=8):
    """Of two layers, to keep the variance of numbers."""
    shapes = (5, 5, 1, channels), (5, 5, group.order, channels, width)
    return [drawn(shape, 1 / np.sqrt(np.prod(shape[:-1]))) for shape in shapes]


@functools.partial(jax.jit, static_argnames=("group", "stride"))
def network(x, kernels, group, stride=1):
    """Pictures `(..., height, width, 1)` to as many maps as the last kernels give."""
    x = jax.nn.relu(gc.grid_lift(x, kernels[0], group=group, padding="SAME"))
    x = jax.nn.relu(gc.grid_convolution(x, kernels[1], group=group, padding="SAME", stride=stride))
    return gc.coset_pool(x, group=group, subgroup=group)[..., 0, :]


figure, axes = plt.subplots(3, 5, figsize=(8.4, 5.1), layout="constrained")
rows = {"picture": None, "ordinary": gc.cyclic(1), "p4m": p4m}
for row, (name, group) in zip(axes, rows.items(), strict=True):
    function = functools.partial(network, kernels=random_kernels(group), group=group) if group else lambda x: x
    maps = [function(picture)]
    differences = []
    for element in (1, 4):  # a quarter-turn, and the mirror
        move = functools.partial(gc.act_picture, element=element, group=p4m)
        maps.append(function(move(picture)))
        differences.append(maps[-1] - move(maps[0]))
    maps, differences = ([values.mean(axis=-1) for values in kind] for kind in (maps, differences))
    limit = float(maps[0].max())
    for axis, values, title in zip(row, maps, ("as it is", "turned", "mirrored"), strict=False):
        draw(axis, values, title if name == "picture" else "", vmin=0, vmax=limit)
    for axis, values, title in zip(row[3:], differences, ("turned: error", "mirrored: error"), strict=True):
        draw(axis, values, title if name == "picture" else "", cmap="RdBu", vmin=-limit, vmax=limit)
    row[0].set_ylabel(name)
    largest = max(float(abs(values).max()) for values in differences)
    print(f"{name}: largest error {largest / limit:.1e} of the largest value")
    assert largest < 1e-5 * limit if name != "ordinary" else largest > 0.3 * limit
plt.show()

# %% [markdown]
# ## The promise at every angle
#
# `equivariance_error` measures $\lVert f(gx) - g f(x) \rVert / \lVert g f(x) \rVert$ inside the disc that a turn
# leaves in the picture. Below, for untrained networks of two layers and turns by every angle; lower is better, and 0
# at all angles would be perfect.
#
# - The **ordinary** network keeps nothing but the identity.
# - **C_4**, on the grid: zero (to rounding) at quarter-turns, as promised. It promised nothing in between, and is off
#   by a quarter at 45 degrees.
# - **C_8**, steerable: zero at quarter-turns; at 45 degrees about 0.01 is left, because a kernel between pixels is
#   sampled. In between it is small too: a group of 8 is nearly a group of all turns.
# - **SO(2)**, steerable with frequencies up to 3: below 0.01 at every angle.


# %%
@functools.partial(jax.jit, static_argnames=("first", "last", "max_frequency"))
def steerable(x, weights, first, last, max_frequency):
    """Lift, ReLU of the values at 16 turns, convolution to scalars."""
    x = gc.steerable_convolution(x[..., None, :], weights[0], kernels=first, padding="SAME")
    x = gc.fourier_nonlinearity(x, group=first.group, max_frequency=max_frequency, samples=16)
    return gc.steerable_convolution(x, weights[1], kernels=last, padding="SAME")[..., 0, :]


def on_the_grid(group):
    return functools.partial(network, kernels=random_kernels(group), group=group)


def off_the_grid(group, max_frequency, channels=8):
    irreps = gc.regular_irreps(group, max_frequency)
    first = gc.SteerableKernels(group=group, irreps_in=SCALAR, irreps_out=irreps, size=7)
    last = gc.SteerableKernels(group=group, irreps_in=irreps, irreps_out=SCALAR, size=7)
    weights = [
        drawn((layer.num_basis, ins, channels), 1 / np.sqrt(layer.fan_in * ins)[:, None, None])
        for layer, ins in ((first, 1), (last, channels))
    ]
    return functools.partial(steerable, weights=weights, first=first, last=last, max_frequency=max_frequency)


functions = {
    "ordinary": on_the_grid(gc.cyclic(1)),
    "C_4, on the grid": on_the_grid(gc.cyclic(4)),
    "C_8, steerable": off_the_grid(gc.cyclic(8), None),
    "SO(2), steerable": off_the_grid(gc.SO2, 3),
}
degrees = np.arange(0, 91, 7.5)


def error(function, angle):
    act = functools.partial(turned, degrees=angle)
    return float(gc.equivariance_error(function, picture, act, act, axes=(0, 1), crop="disc", margin=2))


errors = {name: np.array([error(function, angle) for angle in degrees]) for name, function in functions.items()}
print({name: round(float(values[6]), 3) for name, values in errors.items()}, "at 45 degrees")
quarters = degrees % 90 == 0
for name, values in errors.items():
    assert name == "ordinary" or max(values[quarters]) < 1e-5
assert max(errors["SO(2), steerable"]) < 0.01
assert errors["C_8, steerable"][6] < 0.02
assert errors["C_4, on the grid"][6] > 0.2
assert 5 * max(errors["C_8, steerable"]) < errors["C_4, on the grid"][6]

figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
styles = zip((GREY, ORANGE, BLUE, GREEN), ("x", "s", "o", "^"), strict=True)
for (name, values), (colour, marker) in zip(errors.items(), styles, strict=True):
    axis.plot(degrees, values, color=colour, marker=marker, markersize=4, label=name)
axis.set(title="a picture turned before or after the network", xlabel="angle (degrees)", ylabel="relative error")
axis.set(xticks=range(0, 91, 15), ylim=(0, None))
axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.03, 1.0))
plt.show()

# %% [markdown]
# ## Learnt upright, tested turned
#
# The same untrained layers, now with 64 maps, as features of the 8 x 8 digits of scikit-learn: the mean, the root mean
# square and the largest value of each map over the picture. Only a linear head is fitted, by ridge regression on 800
# upright digits. Then 400 others are shown at every angle.
#
# - Upright, both know more than nine digits of ten.
# - With the ordinary features the head soon guesses (dashed), until half-turns bring 0, 1 and 8 back.
# - With those of $C_4$ it returns at each quarter-turn to exactly where it was, although it has never seen a turned
#   digit: its features are the same numbers, to rounding. In between it is no better than the other. Take a steerable
#   layer there, and turned pictures in training.

# %%
order = np.random.default_rng(0).permutation(len(data.labels))
small = jnp.asarray(np.pad(resize(data.images, (13, 13)), ((0, 0), (2, 2), (2, 2)))[order])[..., None]
labels = data.labels[order]
train, test = slice(0, 800), slice(1000, 1400)
around = np.arange(0, 181, 22.5)
moved = [turned(small[test], angle) for angle in around]


def features(pictures, kernels, group):
    maps = network(pictures, kernels, group, stride=2)
    parts = maps.mean(axis=(1, 2)), jnp.sqrt((maps**2).mean(axis=(1, 2))), maps.max(axis=(1, 2))
    return np.asarray(jnp.concatenate(parts, axis=-1), np.float64)


accuracy = {}
for name, group in (("ordinary", gc.cyclic(1)), ("C_4", gc.cyclic(4))):
    kernels = random_kernels(group, width=64)
    seen = features(small[train], kernels, group)
    middle, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-6

    def scaled(values, middle=middle, spread=spread):
        return np.c_[(values - middle) / spread, np.ones(len(values))]

    gram = scaled(seen).T @ scaled(seen) + 3 * np.eye(seen.shape[1] + 1)
    head = np.linalg.solve(gram, scaled(seen).T @ np.eye(10)[labels[train]])
    found = [(scaled(features(pictures, kernels, group)) @ head).argmax(axis=1) for pictures in moved]
    accuracy[name] = np.array([(guesses == labels[test]).mean() for guesses in found])
print({name: values[[0, 2, 4]].round(3).tolist() for name, values in accuracy.items()}, "at 0, 45, 90 degrees")
assert min(values[0] for values in accuracy.values()) > 0.9
assert max(accuracy["ordinary"][2:]) < 0.6
assert max(abs(accuracy["C_4"][[4, 8]] - accuracy["C_4"][0])) < 0.01

figure, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
for (name, values), colour, marker in zip(accuracy.items(), (GREY, BLUE), "xo", strict=True):
    axis.plot(around, values, color=colour, marker=marker, label=name)
axis.axhline(0.1, color="black", linestyle="--", linewidth=1)
axis.set(title="digits that were learnt upright", xlabel="angle (degrees)", ylabel="accuracy", ylim=(0, 1.02))
axis.set(xticks=range(0, 181, 45))
axis.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.3, 0.95))
plt.show()

# %% [markdown]
# ## Affine maps: how many group elements?
#
# Squeezes and shears form a group, SL(2), that no finite list of elements stands for. `affine_lift` samples some: its
# kernel is a small network (`Siren`) that is read at moved places, once for each sampled element. The features below
# are one lift, GELU, and the mean over pixels and elements: invariants, up to the sampling.
#
# The curve is how much these features of a digit change when the digit is moved by a random element of SL(2), relative
# to how much of a feature there is; 24 digits, moved once each, mean over them.
#
# - One element at random is no better than the dashed line, which is the ordinary convolution: one kernel, not moved.
# - Four elements already halve it.
# - Then it falls no further: a floor is left by the pixels, and by elements that are not drawn by Haar measure.

# %%
side = 41
few = jnp.asarray(np.pad(resize(data.images[:24], (25, 25)), ((0, 0), (8, 8), (8, 8))))
movers = lie.sample_polar_pairs(jax.random.key(0), 24, group="sl", variance=0.05).element
maps = jnp.zeros((24, 3, 3)).at[:, :2, :2].set(movers).at[:, 2, 2].set(1.0)
pairs = jnp.stack([few, warp(few, maps)])[..., None]
siren = gc.init_siren(jax.random.key(1), 1, 16, num_features=0, fan_in=25, width=32)


@jax.jit
def invariance_error(inverse):
    def invariants(x):
        lifted = gc.affine_lift(x, siren, inverse, group="sl", size=7, padding="SAME")
        return jax.nn.gelu(lifted).mean(axis=(-4, -3, -2))

    still, after = invariants(pairs)
    blank = invariants(jnp.zeros((1, side, side, 1)))
    return (jnp.linalg.norm(after - still, axis=-1) / jnp.linalg.norm(still - blank, axis=-1)).mean()


counts = (1, 2, 4, 8, 16)
keys = jax.random.split(jax.random.key(2), 4)


def mean_error(count):
    draws = [lie.sample_polar_pairs(key, count, group="sl", variance=0.05) for key in keys]
    return float(jnp.stack([invariance_error(samples.inverse) for samples in draws]).mean())


curve = [mean_error(count) for count in counts]
ordinary = float(invariance_error(jnp.eye(2)[None]))
print(np.round(curve, 4).tolist(), "ordinary", round(ordinary, 4))
assert max(curve[2:]) < 0.6 * min(curve[0], ordinary)

figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
axis.loglog(counts, curve, color=BLUE, marker="o", label="affine_lift for SL(2)")
axis.axhline(ordinary, color=GREY, linestyle="--", label="one kernel, not moved")
axis.set(title="features of a digit before and after a squeeze", xlabel="group elements", ylabel="relative change")
axis.set(xticks=counts, xticklabels=counts, yticks=(0.03, 0.05, 0.1), yticklabels=(0.03, 0.05, 0.1))
axis.minorticks_off()
axis.legend(frameon=False)
plt.show()

# %% [markdown]
# ## What to take home
#
# - Quarter-turns and mirrors: `grid_lift` and `grid_convolution`. Exact, one dense convolution a layer, no
#   approximation to tune; keep sides odd where you stride.
# - Other angles: `steerable_convolution`, on pictures that are smooth on the scale of a pixel; measure with
#   `equivariance_error`, on your pictures and after training.
# - Squeezes, shears, scales: `affine_lift` and `affine_convolution`, with at least four elements.
#
# The [guide](../guides/group-convolutions.md) has the tables, the costs, and where other libraries are faster.
