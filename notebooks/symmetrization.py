# %% [markdown]
# # Frames
#
# A small network that knows nothing of rotations becomes equivariant, without being trained or changed. We turn its
# input and watch its output, measure the error at all angles, and look for the places where the method must fail:
# clouds with equal variances. Then come coordinates that no motion changes, and a map that respects gravity.
#
# The guide is [Symmetrization](../guides/symmetrization.md).

# %%
import itertools

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxinv.kernels import symmetrization as sym

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#999999"

generator = np.random.default_rng(0)
points = jnp.asarray(generator.normal(size=(12, 2)) * [0.6, 1.3], jnp.float32)  # 12 points of the plane
SHAPES = (2, 16), (1, 16), (32, 16), (1, 16), (16, 2), (16,)
INTO, SHIFT, ACROSS, SHIFTED, OUT, READ = (jnp.asarray(generator.normal(size=s), jnp.float32) for s in SHAPES)


def network(x):
    """A number for the cloud and a vector for each point, which also sees the mean over all points."""
    hidden = jnp.tanh(x @ INTO + SHIFT)
    context = jnp.broadcast_to(jnp.mean(hidden, axis=0, keepdims=True), hidden.shape)
    hidden = jnp.tanh(jnp.concatenate([hidden, context], axis=1) @ ACROSS / 4 + SHIFTED)
    return jnp.mean(hidden @ READ), hidden @ OUT / 3


def turn(degrees):
    """`(2, 2)`, counterclockwise."""
    angle = jnp.deg2rad(degrees)
    return jnp.array([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]])


# %% [markdown]
# ## Turn the input, watch the output
#
# The frame of a cloud is a handful of group elements that turn along with it. `pca_frame` takes the principal axes,
# each in both senses: four elements in the plane. `frame_average` takes the cloud into the coordinates of each element,
# calls the network there, takes the vectors back and averages.


# %%
def averaged(x, frames):
    """The network's number and vectors, averaged over a frame."""
    return sym.frame_average(network, frames, x, output=("scalar", "vector"))


def by_axes(x):
    return averaged(x, sym.pca_frame(x, group="e"))


frames = sym.pca_frame(points, group="e")
print("elements", frames.elements.shape, "gap", frames.gap, "degenerate", frames.degenerate)

# %% [markdown]
# Below, the cloud is turned by 0, 50, 100 and 150 degrees. Wide grey bars: the vectors at 0 degrees, turned along,
# which is what an equivariant network would say. Thin arrows: what the network says. Above, without frames, they part.
# Below they lie on each other.

# %%
figure, axes = plt.subplots(2, 4, figsize=(9, 4.8), layout="constrained", sharex=True, sharey=True)
rows = {"no frame": (jax.jit(network), ORANGE), "all of the frame": (jax.jit(by_axes), BLUE)}
for row, (name, (function, colour)) in zip(axes, rows.items(), strict=True):
    first = function(points)[1]
    for axis, degrees in zip(row, (0.0, 50.0, 100.0, 150.0), strict=True):
        moved = points @ turn(degrees).T
        wanted, found = first @ turn(degrees).T, function(moved)[1]
        bars = jnp.stack([moved, moved + wanted]).transpose(2, 0, 1)
        axis.plot(*bars, color="#CCCCCC", lw=6, solid_capstyle="round", zorder=0)
        axis.quiver(*moved.T, *found.T, color=colour, width=0.011, angles="xy", scale_units="xy", scale=1)
        axis.plot(*moved.T, "o", color="black", ms=2.5)
        axis.set(aspect="equal", xlim=(-3.1, 3.1), ylim=(-3.1, 3.1), xticks=[], yticks=[])
        axis.set_title(f"{name}, {degrees:.0f}°", fontsize=10)
plt.show()

# %% [markdown]
# ## One element, or all?
#
# A single element costs one call of the network in place of four. But which one? The senses of principal axes are
# arbitrary: as the cloud turns, an eigenvector must change its sign somewhere, for after half a turn the axis is back
# and the vector is not. The picture shows the equivariance error at every angle, $|f(gx) - g f(x)| / (|f(gx)| + |g
# f(x)|)$, which is 0 if equivariant and 1 at worst.
#
# - **no frame**: large at all angles.
# - **one element** of `pca_frame`: rounding, until a sign turns over; then as bad as none. In the network's training
#   one draws the element at random (`key`), and is right in expectation only.
# - **all of the frame**: rounding at all angles.
# - **minimal frame**: one element by Gram and Schmidt's process on the first points, and exact. Its price: the order of
#   the points.


# %%
def of_one(x):
    frames = sym.pca_frame(x, group="e")
    first = frames._replace(elements=frames.elements[:1], inverses=frames.inverses[:1], weights=jnp.ones(1))
    return averaged(x, first)


def minimal(x):
    return averaged(x, sym.minimal_frame(x, group="e"))


def weighted(x):
    return averaged(x, sym.weighted_frame(x, group="e"))


def error_at(function, degrees):
    """`equivariance_error` wants flat inputs and outputs, and matrices that act on them."""
    whole = jnp.kron(jnp.eye(len(points)), turn(degrees))[None]

    def flat(x):
        return jax.vmap(lambda cloud: function(cloud.reshape(points.shape))[1].reshape(-1))(x)

    return sym.equivariance_error(flat, points.reshape(1, -1), whole, whole)


ways = {
    "no frame": (network, ORANGE, "-"),
    "one element": (of_one, PURPLE, "-"),
    "all of the frame": (by_axes, BLUE, "-"),
    "minimal frame": (minimal, GREEN, "--"),
}
degrees = jnp.arange(1.0, 360.0, 2.0)
errors = {name: jax.jit(jax.vmap(lambda a, f=f: error_at(f, a)))(degrees) for name, (f, *_) in ways.items()}

figure, axis = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
for name, (_, colour, style) in ways.items():
    axis.semilogy(degrees, jnp.maximum(errors[name], 1e-8), style, color=colour, label=name)
axis.set(xlabel="angle of the input (degrees)", ylabel="equivariance error", xlim=(0, 360), ylim=(5e-9, 1e3))
axis.set_xticks(range(0, 361, 60))
axis.legend(ncols=4, fontsize=8, loc="upper center")
axis.set_title("A frame is exact; one of its elements is not")
plt.show()

assert errors["all of the frame"].max() < 1e-5
assert errors["minimal frame"].max() < 1e-5
assert jnp.median(errors["no frame"]) > 0.1
assert errors["one element"].min() < 1e-5
assert errors["one element"].max() > 0.01

# %% [markdown]
# The table has the numbers: how many calls of the network, the largest error under rotations, and how much the result
# changes when the points are listed in another order. Weighted frames have an element for each point and sense, and are
# exact too.

# %%
order = generator.permutation(len(points))
print(f"{'frame':<10} {'elements':>8} {'rotations':>10} {'another order':>14}")
for name, function, found in (
    ("pca", by_axes, sym.pca_frame(points, group="e")),
    ("weighted", weighted, sym.weighted_frame(points, group="e")),
    ("minimal", minimal, sym.minimal_frame(points, group="e")),
):
    turned = jax.jit(jax.vmap(lambda a, f=function: error_at(f, a)))(degrees).max()
    moved = abs(function(points[order])[1] - function(points)[1][order]).max()
    print(f"{name:<10} {found.weights.shape[-1]:>8} {turned:>10.0e} {moved:>14.0e}")
    assert turned < 1e-5
    assert (moved < 1e-5) == (name != "minimal")

# %% [markdown]
# ## Where it must jump
#
# Now a cloud whose two variances are equal at $t = 0$: stretched by $1 + t$ along x and $1 - t$ along y. At $t = 0$ the
# axes change places, and the average over principal axes (blue) jumps. This is no flaw of the code: no finite frame
# without weights is continuous ([Dym, Lawrence, Siegel 2024](https://arxiv.org/abs/2402.16077)). Weighted frames
# (green) have no jump, for an element loses its weight before it becomes arbitrary.
#
# On the right we come closer, from both sides. The difference of the outputs at $-t$ and $t$ falls with $t$ for the
# weighted frame and stays for the principal axes. The dotted line is where the gap, about $4t$, falls to $10^{-3}$: to
# the left of it `frames.degenerate` warns.


# %%
centred = points - points.mean(axis=0, keepdims=True)
covariance = np.cov(np.asarray(centred, float).T, bias=True)
round_cloud = centred @ jnp.asarray(np.linalg.inv(np.linalg.cholesky(covariance)).T, jnp.float32)  # equal variances


def stretched(t):
    return round_cloud * jnp.stack([1 + t, 1 - t])[None]


def number_by_axes(t):
    frames = sym.pca_frame(stretched(t), group="se")
    return averaged(stretched(t), frames)[0], frames.gap, frames.degenerate


def number_weighted(t):
    return averaged(stretched(t), sym.weighted_frame(stretched(t), group="se"))[0]


# An even number of steps: t = 0 itself is left out.
steps = jnp.linspace(-0.1, 0.1, 200)
near = jnp.geomspace(1e-5, 0.1, 13)
both = jnp.concatenate([steps, -near, near])
by_principal, gaps, flagged = jax.jit(jax.vmap(number_by_axes))(both)
by_weights = jax.jit(jax.vmap(number_weighted))(both)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
jumps = {}
for name, values, colour, marker in (
    ("principal axes", by_principal, BLUE, "o"),
    ("weighted frame", by_weights, GREEN, "s"),
):
    for side in (steps < 0, steps > 0):
        change = values[:200][side] - values[200]  # since t = -1e-5
        left.plot(steps[side], change, color=colour, lw=2, label=name if side[0] else None)
    jumps[name] = abs(values[213:] - values[200:213])
    right.loglog(near, jnp.maximum(jumps[name], 1e-8), marker + "-", color=colour, ms=4, label=name)
left.set(xlabel="stretch t", ylabel="averaged number, change from t = 0", title="The average along the way")
right.axvline(2.5e-4, color=GREY, ls=":")
right.set(xlabel="stretch t", ylabel="difference of the numbers at -t and t", title="Closer and closer")
left.legend(fontsize=8)
right.legend(fontsize=8)
plt.show()

print("gap at t = 0.1 and 1e-5:", gaps[199], gaps[213])
assert jumps["principal axes"][0] > 0.5 * jumps["principal axes"][4] > 1e-3  # the jump stays
assert jumps["weighted frame"][0] < 1e-3 * jumps["weighted frame"][-1]  # falls with the distance
assert flagged[213]
assert not flagged[199]

# %% [markdown]
# Where two variances are equal, look at `gap`, or take `weighted_frame` if the output must be continuous, as forces
# must. dynamics needs it, a classifier hardly.
#
# ## Coordinates that nothing changes
#
# If the network is to be trained anew, there is a cheaper way: give it coordinates that do not depend on how the cloud
# came. `tinv` takes coordinates along the principal axes, of unit size, each axis in the sense in which the sum of
# cubes is positive.
#
# On the left are four copies of one cloud: moved, turned, mirrored, rescaled. In the middle are their invariant
# coordinates: all four lie on one another. The result also says where not to trust it. `margin` says how clear the
# sense of each axis was. On the right, a cloud that is less and less symmetric about an axis; at each degree of
# symmetry 300 noisy copies of it. The sense of the axis turns over in half of them (0.5) where the margin is about 0,
# and in none where it is clear.

# %%
glyph = (
    [(0, y) for y in np.linspace(0, 3, 10)]
    + [(x, 3) for x in np.linspace(0.3, 2, 6)]
    + [(x, 1.6) for x in (0.3, 0.7, 1.1, 1.5)]
)
glyph = jnp.asarray(glyph, jnp.float32) - jnp.array([[0.7, 1.7]])
mirror = jnp.array([[-1.0, 0.0], [0.0, 1.0]])
copies = {
    "as it is": glyph,
    "turned": glyph @ turn(70.0).T + jnp.array([[4.0, 1.0]]),
    "mirrored": 0.6 * glyph @ mirror @ turn(-40.0).T + jnp.array([[2.0, -3.0]]),
    "larger": 1.4 * glyph @ turn(200.0).T + jnp.array([[7.0, -3.0]]),
}
invariant = {name: sym.tinv(cloud) for name, cloud in copies.items()}
spread = max(abs(found.points - invariant["as it is"].points).max() for found in invariant.values())
print("largest difference of the invariant coordinates", spread, "margins", invariant["as it is"].margin)
assert spread < 1e-5


def lopsided(amount):
    """Mirror images of each other about x = 0, then bent."""
    half = jnp.asarray(np.random.default_rng(3).normal(size=(15, 2)) * [2.0, 0.7], jnp.float32)
    cloud = jnp.concatenate([half, half @ mirror])
    return cloud + amount * jnp.stack([cloud[:, 0] ** 2, jnp.zeros(len(cloud))], axis=1)


def turned_over(key, amount):
    """The margin of the first axis, and the share of noisy copies in which its sense is the other one."""
    clear = sym.tinv(lopsided(amount))
    noise = 0.03 * jax.random.normal(key, (300, 30, 2))
    axes = sym.tinv(lopsided(amount)[None] + noise).axes
    return clear.margin[0], jnp.mean(jnp.sum(axes[..., 0] * clear.axes[None, :, 0], axis=-1) < 0)


amounts = jnp.geomspace(1e-5, 3e-2, 16)
margins, shares = jax.jit(jax.vmap(turned_over))(jax.random.split(jax.random.key(0), 16), amounts)

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.5), layout="constrained")
styles = itertools.cycle([(BLUE, "o", 9), (ORANGE, "s", 7), (GREEN, "^", 5), (PURPLE, ".", 4)])
for (name, cloud), (colour, marker, size) in zip(copies.items(), styles, strict=False):
    left.plot(*cloud.T, marker, color=colour, ms=4, label=name)
    middle.plot(*invariant[name].points.T, marker, color=colour, ms=size)
left.set(aspect="equal", title="four copies", xlabel="x", ylabel="y")
left.set_xlim(-1.5, 13.5)
left.legend(fontsize=8, loc="upper right")
middle.set(aspect="equal", title="their tinv coordinates", xlabel="first axis", ylabel="second axis")
right.semilogx(margins, shares, "o-", color=BLUE, ms=4)
right.set(title="is the sense of the axis clear?", xlabel="margin", ylabel="share that turned over", ylim=(-0.03, 0.6))
plt.show()

assert shares[0] > 0.35
assert shares[-1] < 0.01

# %% [markdown]
# If margins are small, `tinv_apply(.., mode="average")` averages over all senses: four calls in the plane, eight in
# space.
#
# ## Under gravity
#
# A walking robot may turn about the vertical and everything turns with it. It may not be tipped over: gravity stays. So
# its policy should commute with rotations about the vertical and with no others. `subequivariant_linear` mixes vectors
# by a matrix of numbers that depend on all products of vectors, gravity among them. The picture turns six limbs about
# two axes, with gravity fixed or turned along.

# %%
CHANNELS, MIXED, SCALARS = 4, 3, 2
keys = jax.random.split(jax.random.key(0), 6)


def dense(key, inputs, outputs):
    return sym.Dense(jax.random.normal(key, (inputs, outputs)) / inputs**0.5, jnp.zeros(outputs))


products = sym.Perceptron(dense(keys[0], MIXED * (MIXED + 1) // 2, 16), dense(keys[1], 16, 8))
mixed = sym.InvariantParams(jax.random.normal(keys[2], (CHANNELS, MIXED - 1)), products)  # gravity is the last one
policy = sym.SubequivariantParams(mixed, sym.Perceptron(dense(keys[3], 8 + SCALARS, 16), dense(keys[4], 16, MIXED)))
limbs, angles_of_joints = jax.random.normal(keys[5], (6, CHANNELS, 3)), jnp.ones((6, SCALARS))
down = jnp.array([[0.0, 0.0, -1.0]])  # gravity in units of itself


def about(axis, degrees):
    """`(3, 3)`, a rotation about coordinate axis 0 or 2."""
    first, second = [i for i in range(3) if i != axis]
    small = turn(degrees)
    one = jnp.eye(3)
    for i, row in enumerate((first, second)):
        one = one.at[row, first].set(small[i, 0]).at[row, second].set(small[i, 1])
    return one


def policy_error(axis, gravity_turns, degrees):
    rotation = about(axis, degrees)
    world = down @ rotation.T if gravity_turns else down
    found = sym.subequivariant_linear(policy, sym.transform_channels(limbs, rotation), angles_of_joints, world)
    wanted = sym.subequivariant_linear(policy, limbs, angles_of_joints, down) @ rotation.T
    return jnp.linalg.norm(found - wanted) / (jnp.linalg.norm(found) + jnp.linalg.norm(wanted))


cases = {
    "about a level axis, gravity stays": (0, False, ORANGE, "-"),
    "about a level axis, gravity turns along": (0, True, BLUE, "--"),
    "about the vertical, gravity stays": (2, False, GREEN, "-"),
}
degrees = jnp.linspace(2.0, 358.0, 90)
figure, axis = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
for name, (about_axis, gravity_turns, colour, style) in cases.items():
    error = jax.jit(jax.vmap(lambda a, i=about_axis, g=gravity_turns: policy_error(i, g, a)))(degrees)
    axis.semilogy(degrees, jnp.maximum(error, 1e-8), style, color=colour, label=name)
    assert (error.max() < 1e-5) == (name != "about a level axis, gravity stays")
axis.set(xlabel="angle (degrees)", ylabel="equivariance error", xlim=(0, 360), ylim=(5e-9, 3e3))
axis.set_xticks(range(0, 361, 60))
axis.legend(fontsize=8, loc="upper center", ncols=2)
axis.set_title("Equivariant about the vertical alone")
plt.show()

# %% [markdown]
# Only the orange curve is large, and it shall be: the body was tipped over and gravity was not. This network knows
# nothing that it should not know, and needs no data to learn that a direction of walking is as good as any other.
