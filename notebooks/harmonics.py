# %% [markdown]
# # Signals on the sphere
#
# A function on the sphere is a list of numbers: its coefficients in spherical harmonics. We draw the harmonics, draw a
# signal and what low degrees keep of it, turn the signal by turning its coefficients, measure how exactly that holds in
# three number formats, and end where derivatives usually go wrong: at the pole, and at a cutoff.
#
# The guide is [Harmonics](../guides/harmonics.md).

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxinv.kernels import harmonics, lie_groups
from jaxinv.kernels.harmonics.degrees import degree_slice

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#999999"

# %% [markdown]
# ## The harmonics
#
# All maps below are Mollweide's: the whole sphere at once, the pole $+y$ on top, the azimuth from left to right, areas
# as on the sphere. `pixels` holds the point of each pixel, in the library's convention: with polar angle $t$ and
# azimuth $p$ it is $(x, y, z) = (\sin t \sin p, \cos t, \sin t \cos p)$. All harmonics of all pixels are one call.
#
# A row is a degree $l$, with its $2l + 1$ orders $m$. Look at the curves of zeros, where the colour changes: degree $l$
# has $l$ of them, and $|m|$ of these are great circles through the poles. The middle column ($m = 0$) does not depend
# on the azimuth; $m < 0$, on the left, goes with $\sin(|m| p)$, and $m > 0$ with $\cos(m p)$. The row $l = 1$ is
# nothing but $x$, $y$ and $z$, times $\sqrt{3}$.

# %%
longitude = np.linspace(-np.pi, np.pi, 181)
latitude = np.linspace(-np.pi / 2, np.pi / 2, 91)
azimuth, height = np.meshgrid(longitude, latitude)
pixels = np.stack([np.cos(height) * np.sin(azimuth), np.sin(height), np.cos(height) * np.cos(azimuth)], axis=-1)
pixels = pixels.astype(np.float32)

LMAX = 12
at_pixels = np.asarray(harmonics.spherical_harmonics(pixels, LMAX))
print(at_pixels.shape, "rows, columns, harmonics")
assert abs(at_pixels[..., 1:4] - 3**0.5 * pixels).max() < 1e-5
assert (
    abs((at_pixels[..., 9:16] ** 2).sum(axis=-1) - 7).max() < 1e-4
)  # "component": the squares of degree l sum to 2 l + 1


def draw(axis, values, title, limit):
    axis.pcolormesh(longitude, latitude, values, cmap="PuOr_r", vmin=-limit, vmax=limit, rasterized=True)
    axis.set_title(title, fontsize=10)
    axis.set(xticks=[], yticks=[])


figure = plt.figure(figsize=(9.5, 5.0), layout="constrained")
for degree in range(4):
    for order in range(-degree, degree + 1):
        axis = figure.add_subplot(4, 7, 7 * degree + 4 + order, projection="mollweide")
        draw(axis, at_pixels[..., degree**2 + degree + order], f"$l = {degree}$, $m = {order}$", limit=2.7)
figure.suptitle("Real spherical harmonics: purple negative, orange positive", fontsize=11)
plt.show()

# %% [markdown]
# ## A signal, and what its low degrees keep
#
# Take the function that is 1 on a letter and 0 elsewhere. `from_sphere_grid` integrates it against every harmonic, on
# a grid of Gauss-Legendre nodes. The letter has edges, so that no finite number of degrees holds all of it: the maps
# show it and its sums up to degrees 3, 6 and 12, which are 16, 49 and 169 numbers. Look at how wide the blur at the
# edges is: about half a wave of the highest degree, $180° / l$, which is 60°, 30° and 15°. The ripples about the letter
# have that width too.
#
# The print gives the share of the mean square that each sum holds. By Parseval's theorem this is a sum of squared
# coefficients, and in "component" normalisation it needs no other factor.

# %%
grid = harmonics.sphere_grid(8 * LMAX)
point_height, point_azimuth = np.meshgrid(
    np.arcsin(grid.cosine), (grid.azimuth + np.pi) % (2 * np.pi) - np.pi, indexing="ij"
)


def is_letter(height, azimuth):
    """An F, 60 degrees wide and 100 high, about the direction z."""
    x, y = np.degrees(azimuth), np.degrees(height)
    stem = (x > -30) & (x < -8) & (abs(y) < 50)
    bars = ((y > 28) & (y < 50) & (abs(x) < 30)) | ((y > -12) & (y < 10) & (x > -30) & (x < 18))
    return (stem | bars).astype(np.float32)


x = harmonics.from_sphere_grid(is_letter(point_height, point_azimuth), grid, LMAX)
power = np.array([float((x[degree_slice(degree)] ** 2).sum()) for degree in range(LMAX + 1)])
mean_square = float((is_letter(point_height, point_azimuth) * grid.weights[:, None]).sum() / (4 * np.pi))

figure, axes = plt.subplots(2, 2, figsize=(8, 4.6), layout="constrained", subplot_kw={"projection": "mollweide"})
draw(axes[0, 0], is_letter(height, azimuth), "the letter", limit=1)
for axis, lmax in zip(axes.ravel()[1:], (3, 6, 12), strict=True):
    components = (lmax + 1) ** 2
    draw(axis, at_pixels[..., :components] @ np.asarray(x[:components]), f"degrees 0 to {lmax}", limit=1)
    print(f"degrees 0 to {lmax}: {power[: lmax + 1].sum() / mean_square:.2f} of the mean square")
plt.show()
assert 0.5 < power[:4].sum() / mean_square < power.sum() / mean_square < 1

back = harmonics.from_sphere_grid(harmonics.to_sphere_grid(x, grid), grid, LMAX)
print("to the grid and back changes coefficients by", float(abs(back - x).max()))
assert abs(back - x).max() < 1e-5

# %% [markdown]
# ## Turning the signal
#
# `rotate(x, R)` multiplies the coefficients of each degree by Wigner's matrix $D_l(R)$; the grid is not touched. The
# maps are drawn from the turned coefficients, by 0°, 50° and 100° about the axis $(1, 2, 0)$. The letter goes over the
# sphere as a rigid body, blur and ripples included; that it looks sheared towards the edge is the map's doing. The dot
# is the image $R z$ of the letter's middle, computed without any harmonics: it stays at its place in the letter.
#
# Below: the share of the mean square that each degree holds. The three bars of a degree are of equal height, since
# $D_l$ is orthogonal and mixes only the orders of one degree. Such powers are the simplest invariants of a signal.

# %%
angles = (0, 50, 100)
axis_of_turn = jnp.array([1.0, 2.0, 0.0]) / 5**0.5
turns = lie_groups.so3.exp(jnp.radians(jnp.array(angles, jnp.float32))[:, None] * axis_of_turn)
turned = harmonics.rotate(x, turns)  # (3, 169)

figure = plt.figure(figsize=(9, 4.8), layout="constrained")
for number, angle in enumerate(angles):
    axis = figure.add_subplot(2, 3, 1 + number, projection="mollweide")
    draw(axis, at_pixels @ np.asarray(turned[number]), f"turned by {angle}°", limit=1)
    dot = np.asarray(turns[number] @ jnp.array([0.0, 0.0, 1.0]))
    axis.plot(np.arctan2(dot[0], dot[2]), np.arcsin(dot[1]), "o", color="black", markersize=4)
axis = figure.add_subplot(2, 1, 2)
for number, (angle, colour) in enumerate(zip(angles, (BLUE, ORANGE, GREEN), strict=True)):
    powers = [float((turned[number, degree_slice(degree)] ** 2).sum()) for degree in range(LMAX + 1)]
    shares = np.array(powers) / mean_square
    axis.bar(np.arange(LMAX + 1) + 0.27 * (number - 1), shares, 0.25, color=colour, label=f"{angle}°")
    assert np.allclose(powers, power, atol=1e-6)
axis.set(title="power of each degree", xlabel="degree", ylabel="share of the mean square", xticks=range(LMAX + 1))
axis.legend(title="turned by", frameon=False)
plt.show()

# The turned signal is the signal at directions turned back.
directions = jax.random.normal(jax.random.key(0), (200, 3))
there = harmonics.spherical_harmonics(directions, LMAX) @ turned[1]
before = harmonics.spherical_harmonics(directions @ turns[1], LMAX) @ x
print("f(R^-1 r) against the turned coefficients at r:", float(abs(there - before).max()))
assert abs(there - before).max() < 1e-4

# %% [markdown]
# ## How exactly it holds
#
# Equivariance is an identity, $Y_l(R r) = D_l(R) Y_l(r)$, so whatever is left of it is rounding. For 200 directions and
# rotations the figure shows the largest difference of the two sides, degree by degree, in "component" normalisation.
# The dotted lines are the machine precision of each format.
#
# - **float32** and **float64** grow slowly, from three to about a hundred times their precision. Two reasons are in the
#   harmonics themselves: their largest values grow as $\sqrt{2l + 1}$, and a rounded direction matters $l$ times more.
# - **bfloat16** is computed in float32 inside. What is seen is the rounding of the directions that go in and of the
#   harmonics that come out, which no algorithm can mend. In a network keep vectors in float32.

# %%
errors = {}
with jax.enable_x64(True):
    keys = jax.random.split(jax.random.key(1))
    rotations = lie_groups.so3.exp(2 * jax.random.normal(keys[0], (200, 3), jnp.float64))
    exact = jax.random.normal(keys[1], (200, 3), jnp.float64)
    exact = exact / jnp.linalg.norm(exact, axis=-1, keepdims=True)
    for dtype in (jnp.bfloat16, jnp.float32, jnp.float64):
        matrices = rotations.astype(jnp.promote_types(dtype, jnp.float32))
        given = exact.astype(dtype)
        moved = jnp.einsum("nij,nj->ni", matrices, given.astype(matrices.dtype), precision="highest").astype(dtype)
        left = harmonics.spherical_harmonics(moved, LMAX)
        right = harmonics.rotate(harmonics.spherical_harmonics(given, LMAX), matrices)
        gap = np.asarray(abs(left.astype(jnp.float64) - right.astype(jnp.float64)).max(axis=0))
        errors[dtype] = np.array([gap[degree_slice(degree)].max() for degree in range(LMAX + 1)])

figure, axis = plt.subplots(figsize=(6.8, 3.8), layout="constrained")
for (dtype, values), colour, marker in zip(errors.items(), (ORANGE, BLUE, GREEN), "osd", strict=True):
    axis.semilogy(range(1, LMAX + 1), values[1:], color=colour, marker=marker, label=dtype.__name__)
    axis.axhline(float(jnp.finfo(dtype).eps), color=colour, linestyle=":", linewidth=1)
axis.set(title="$|Y_l(R r) - D_l(R)\\,Y_l(r)|$, largest of 200", xlabel="degree $l$", ylabel="difference (no unit)")
axis.set(xticks=range(1, LMAX + 1), ylim=(1e-16, 1))
axis.legend(frameon=False, loc="center", bbox_to_anchor=(0.5, 0.4), ncols=3)
plt.show()
print({dtype.__name__: f"{values.max():.1e}" for dtype, values in errors.items()})
assert errors[jnp.float32].max() < 2e-5
assert errors[jnp.float64].max() < 1e-13
assert errors[jnp.bfloat16].max() < 0.2

# %% [markdown]
# ## Where derivatives go wrong
#
# **At the pole (left).** Textbooks write harmonics in angles. $Y_{21} = \sqrt{15}\, y z$ is $\sqrt{15} \sin t \cos t
# \cos p$, a smooth function whose gradient near the pole is about $\sqrt{15}$ in length. We take this gradient by
# automatic differentiation in float32, at points nearer and nearer to the pole, and compare with the exact one:
#
# - with $t = \arccos y$ digits are lost as the square of the distance, and below $2 \cdot 10^{-4}$ rad, where $y$
#   rounds to 1, there are only NaNs;
# - with $t = \mathrm{arctan2}(\sqrt{x^2 + z^2}, y)$ it is right as near as one likes, and NaN at the pole itself;
# - `spherical_harmonics` has no angle, and is right at the pole too.
#
# Crosses on the upper edge are NaNs. The first point of each curve is the pole itself, drawn at $10^{-8}$.
#
# **At the cutoff (right).** A neighbour that leaves the ball of radius $c$ must not pull at the last moment. The
# functions of `radial_basis` end with value, slope and curvature 0, so that forces, which are first derivatives, are
# smooth there. The black curve is the factor `polynomial_cutoff` that is inside them.

# %%


def by_arccos(vector):
    x, y, z = vector / jnp.linalg.norm(vector)
    polar, azimuth = jnp.arccos(y), jnp.arctan2(x, z)
    return 15**0.5 * jnp.sin(polar) * jnp.cos(polar) * jnp.cos(azimuth)


def by_arctan(vector):
    x, y, z = vector
    polar, azimuth = jnp.arctan2(jnp.sqrt(x**2 + z**2), y), jnp.arctan2(x, z)
    return 15**0.5 * jnp.sin(polar) * jnp.cos(polar) * jnp.cos(azimuth)


def by_kernel(vector):
    return harmonics.spherical_harmonics(vector, 2)[7]  # degree 2, order 1: place 4 + 2 + 1


distances = np.concatenate([[0.0], np.logspace(-7, 0, 29)])
around = np.stack([0.6 * np.sin(distances), np.cos(distances), 0.8 * np.sin(distances)], axis=-1)
x, y, z = around.T
wanted = 15**0.5 * (np.stack([0 * x, z, y], axis=-1) - 2 * (y * z)[:, None] * around)
gaps = {}
for name, function in {"angles, arccos": by_arccos, "angles, arctan2": by_arctan, "jaxinv": by_kernel}.items():
    found = jax.jit(jax.vmap(jax.grad(function)))(jnp.asarray(around, jnp.float32))
    gaps[name] = np.linalg.norm(np.asarray(found, float) - wanted, axis=-1) / 15**0.5
    print(f"{name}: NaN at {np.isnan(gaps[name]).sum()} of {len(distances)} points")
assert np.isnan(gaps["angles, arccos"][:5]).all()
assert np.isnan(gaps["angles, arctan2"][0])
assert gaps["jaxinv"].max() < 1e-6

lengths = jnp.linspace(0.01, 6.0, 400)
basis = harmonics.radial_basis(lengths, 4, cutoff=5.0)
factor = harmonics.polynomial_cutoff(lengths, cutoff=5.0)
assert not basis[lengths >= 5].any()

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
shown = np.maximum(distances, 1e-8)
for (name, values), colour, marker in zip(gaps.items(), (ORANGE, GREEN, BLUE), "sd.", strict=True):
    axes[0].loglog(shown, np.maximum(values, 1e-9), color=colour, marker=marker, markersize=4, label=name)
    lost = np.isnan(values)
    axes[0].plot(shown[lost], np.full(lost.sum(), 30.0), "x", color=colour, clip_on=False)
axes[0].set(title="gradient of $Y_{21}$ near the pole, float32", xlabel="distance from the pole (rad)")
axes[0].set(ylabel="relative error of the gradient", ylim=(1e-9, 30))
axes[0].legend(frameon=False, fontsize=9)
for number, colour in enumerate((BLUE, ORANGE, GREEN, GREY)):
    axes[1].plot(lengths, basis[:, number], color=colour, label=f"radial_basis {number + 1}")
axes[1].plot(lengths, factor, color="black", linestyle="--", label="polynomial_cutoff")
axes[1].axvline(5, color="black", linewidth=0.8, linestyle=":")
axes[1].set(title="radial functions, cutoff 5 Å", xlabel="length (Å)", ylabel="value (Å$^{-3/2}$; factor: no unit)")
axes[1].legend(facecolor="white", framealpha=1, edgecolor="white", fontsize=9, loc="upper right")
plt.show()

# %% [markdown]
# ## What to take home
#
# - Coefficients are $(L + 1)^2$ numbers; a turn of space is one small orthogonal matrix a degree.
# - `rotate` and `spherical_harmonics` agree to rounding, and any layer can be tested as it was done here: turn the
#   inputs, turn the outputs, compare.
# - Take harmonics from vectors, not from angles; and end radial functions smoothly.
#
# What can be made of two signals is the subject of [Gaunt and Clebsch-Gordan](tensor_products.md).
