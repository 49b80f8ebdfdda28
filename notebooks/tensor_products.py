# %% [markdown]
# # Gaunt and Clebsch-Gordan
#
# Two features that turn with space are to be multiplied, and the result shall turn too. There are several products, and
# they are different maps: some reach only half of what is possible, some tie weights together, and their costs grow
# differently. This notebook measures what each product reaches, shows that it turns as it should, makes a cross product
# that one of them cannot make, counts operations, and replaces free weights by a few tied products.
#
# The guide is [Tensor products](../guides/tensor-products.md).

# %%
import functools

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from jaxinv.kernels import harmonics, lie_groups
from jaxinv.kernels import tensor_products as tp
from jaxinv.kernels.harmonics.degrees import degree_slice

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#888888"

# %% [markdown]
# ## What each product reaches
#
# A *path* $(l_1, l_2, l_3)$ takes a part of degree $l_1$ and one of degree $l_2$ to a result of degree $l_3$. Rotations
# allow $|l_1 - l_2| \le l_3 \le l_1 + l_2$, and for each allowed path there is exactly one map, up to a factor. Which
# of them does a product use? We do not look it up, we try: give the product random inputs of degrees $l_1$ and $l_2$
# alone, and see whether anything comes out at degree $l_3$.
#
# - The **Gaunt** product multiplies two functions on the sphere. It takes the paths with even $l_1 + l_2 + l_3$ (blue).
# - The **Poisson** product takes their bracket $\{f, g\} = r \cdot (\nabla f \times \nabla g)$. It takes the odd ones
#   (orange).
# - The **Clebsch-Gordan** product takes all: in each panel its paths are the blue and the orange cells together.
#
# Look at the cell (1, 1) of the panel $l_3 = 1$: two vectors to a vector, the cross product. It is orange.

# %%
L = 3
first, second = jax.random.normal(jax.random.key(0), (2, 16, (L + 1) ** 2))  # 16 random inputs each
only = jnp.stack([jnp.zeros((L + 1) ** 2).at[degree_slice(degree)].set(1.0) for degree in range(L + 1)])


def reached(product):
    """`(l1, l2, l3)`: whether inputs of degrees l1 and l2 alone give anything at degree l3."""
    found = product(first * only[:, None, None], second * only[None, :, None])  # (l1, l2, 16, components)
    largest = [abs(found[..., degree_slice(degree)]).max(axis=(-1, -2)) for degree in range(L + 1)]
    return np.asarray(jnp.stack(largest, axis=-1) > 1e-4)


gaunt = reached(functools.partial(tp.gaunt_tensor_product, lmax_out=L))
poisson = reached(functools.partial(tp.poisson_tensor_product, lmax_out=L))
everything = reached(functools.partial(tp.clebsch_gordan_tensor_product, lmax_out=L))
print("paths:", gaunt.sum(), "Gaunt,", poisson.sum(), "Poisson,", everything.sum(), "Clebsch-Gordan")
assert not (gaunt & poisson).any()
assert np.array_equal(gaunt | poisson, everything)
assert everything.sum() == len(tp.tensor_product_paths(L, L, L))

figure, axes = plt.subplots(1, 4, figsize=(9, 3), layout="constrained")
for degree, axis in enumerate(axes):
    axis.imshow((gaunt + 2 * poisson)[..., degree], cmap=ListedColormap(["#E6E6E6", BLUE, ORANGE]), vmin=0, vmax=2)
    axis.set(title=f"to $l_3 = {degree}$", xlabel="$l_2$", xticks=range(L + 1), yticks=range(L + 1))
    axis.set_xticks(np.arange(L) + 0.5, minor=True)
    axis.set_yticks(np.arange(L) + 0.5, minor=True)
    axis.grid(which="minor", color="white", linewidth=2)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)
axes[0].set_ylabel("$l_1$")
kinds = {"Gaunt (even sum)": BLUE, "Poisson (odd sum)": ORANGE, "not allowed": "#E6E6E6"}
handles = [Patch(color=colour, label=name) for name, colour in kinds.items()]
figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
plt.show()

# %% [markdown]
# ## Turn the inputs, watch the output
#
# The inputs are two signals of degree 4 on the sphere, as Mollweide maps (pole $+y$ on top): a bump and a band. Their
# Gaunt product is the product of the maps, pixel by pixel, which the code checks. The Poisson product is not 0 where
# both have a slope, and in different directions: $g$ changes across the band only, so the bracket is the slope of $g$
# times the slope of $f$ along the band.
#
# In the lower row both *inputs* have been turned by 70° about the axis $(1, 0, 1)$, and the products computed anew.
# Look at the right half: the products of the lower row are those of the upper row, turned. No product was told the
# rotation. This is the whole meaning of equivariance, and the print says that it holds to rounding.

# %%
BAND = 4
longitude, latitude = np.linspace(-np.pi, np.pi, 121), np.linspace(-np.pi / 2, np.pi / 2, 61)
azimuth, height = np.meshgrid(longitude, latitude)
pixels = np.stack([np.cos(height) * np.sin(azimuth), np.sin(height), np.cos(height) * np.cos(azimuth)], axis=-1)
at_pixels = np.asarray(harmonics.spherical_harmonics(pixels.astype(np.float32), 2 * BAND))


def on_map(x):
    return at_pixels[..., : x.shape[-1]] @ np.asarray(x)


# Harmonics at a point, with a weight for each degree: functions of the angle to that point.
points = harmonics.spherical_harmonics(jnp.array([[0.3, 0.3, 1.0], [0.4, 1.0, 0.2]]), BAND)
profiles = jnp.array([[1.0, 0.9, 0.7, 0.4, 0.2], [0.6, 0.0, -1.0, 0.0, 0.5]]) / 5
f, g = points * jnp.repeat(profiles, 2 * np.arange(BAND + 1) + 1, axis=-1, total_repeat_length=(BAND + 1) ** 2)

turn = lie_groups.so3.exp(jnp.radians(70.0) * jnp.array([1.0, 0.0, 1.0]) / 2**0.5)
given = (f, g, *tp.complete_tensor_product(f, g))
turned_f, turned_g = harmonics.rotate(f, turn), harmonics.rotate(g, turn)
anew = (turned_f, turned_g, *tp.complete_tensor_product(turned_f, turned_g))
assert abs(on_map(given[2]) - on_map(f) * on_map(g)).max() < 1e-5

gaps = [
    float(abs(new - harmonics.rotate(old, turn)).max() / abs(old).max()) for old, new in zip(given, anew, strict=True)
]
print(f"turned products against products of turned inputs: {gaps[2]:.1e} (Gaunt), {gaps[3]:.1e} (Poisson)")
assert max(gaps) < 1e-5

titles = ("$f$", "$g$", "Gaunt: $f g$", "Poisson: $\\{f, g\\}$")
figure, axes = plt.subplots(2, 4, figsize=(10, 3.4), layout="constrained", subplot_kw={"projection": "mollweide"})
for line, signals, name in zip(axes, (given, anew), ("as given", "inputs turned"), strict=True):
    for axis, title, x, old in zip(line, titles, signals, given, strict=True):
        limit = abs(on_map(old)).max()
        axis.pcolormesh(longitude, latitude, on_map(x), cmap="PuOr_r", vmin=-limit, vmax=limit, rasterized=True)
        axis.set_title(f"{title}, {name}", fontsize=10)
        axis.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## A cross product
#
# A vector is a feature of degree 1. What can a product make of two of them, $a$ and $b$?
#
# **Left:** both have length 1, and $b$ turns around $a$ in the plane across $y$. Degree 0 of the Gaunt product is the
# dot product, a cosine. Its degree 1 is 0 at every angle: multiplication of functions does not care which comes first,
# and the cross product changes its sign when they are exchanged. Degree 1 of the Poisson product is the cross product
# times $\sqrt{3}$, here divided by it: a sine along $y$.
#
# **Right:** the three components for 60 random pairs. Poisson's are on the diagonal, Gaunt's on the axis. No
# weights before, within or after a Gaunt product, and no depth of layers without odd paths, make an axial vector of
# polar ones; for torques, chirality or magnetic moments take odd paths along.

# %%
angle = jnp.linspace(0, 2 * jnp.pi, 73)
a = jnp.zeros((73, 4)).at[:, 3].set(1.0)  # along z; place 0 is degree 0
b = jnp.zeros((73, 4)).at[:, 1].set(jnp.sin(angle)).at[:, 3].set(jnp.cos(angle))
product = tp.complete_tensor_product(a, b, lmax_out=1)
assert abs(product.gaunt[:, 0] - jnp.cos(angle)).max() < 1e-5
assert abs(product.poisson[:, 2] / 3**0.5 - jnp.sin(angle)).max() < 1e-5

pairs = jax.random.normal(jax.random.key(1), (2, 60, 3))
random = tp.complete_tensor_product(*jnp.pad(pairs, ((0, 0), (0, 0), (1, 0))), lmax_out=1)
cross = jnp.cross(pairs[0], pairs[1])
print("Poisson against sqrt(3) a x b:", float(abs(random.poisson[:, 1:] - 3**0.5 * cross).max()))
print("Gaunt at degree 1:", float(abs(random.gaunt[:, 1:]).max()))
assert abs(random.poisson[:, 1:] - 3**0.5 * cross).max() < 1e-4
assert abs(random.gaunt[:, 1:]).max() < 1e-5

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
in_degrees = np.degrees(angle)
axes[0].plot(in_degrees, product.gaunt[:, 0], color=BLUE, label="Gaunt, degree 0")
axes[0].plot(in_degrees, product.gaunt[:, 2], color=BLUE, linestyle=":", linewidth=2.5, label="Gaunt, degree 1 along y")
axes[0].plot(in_degrees, product.poisson[:, 2] / 3**0.5, color=ORANGE, label="Poisson, degree 1 along y, / √3")
axes[0].set(title="two unit vectors", xlabel="angle from a to b (degrees)", ylabel="product", xticks=range(0, 361, 90))
axes[0].set_ylim(-1.1, 1.75)
axes[0].legend(frameon=False, fontsize=9, loc="upper center")
axes[1].plot(
    cross.ravel(), random.poisson[:, 1:].ravel() / 3**0.5, "o", color=ORANGE, markersize=4, label="Poisson / √3"
)
axes[1].plot(cross.ravel(), random.gaunt[:, 1:].ravel(), "s", color=BLUE, markersize=3, label="Gaunt")
axes[1].set(title="60 random pairs, x, y and z", xlabel="component of a × b", ylabel="component of degree 1")
axes[1].legend(frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# ## What it costs
#
# Both inputs and the result have degrees 0 to $L$. XLA counts the floating point operations of each compiled program
# (a multiplication and an addition are two); the left figure shows them for one pair of inputs, of 32 that share their
# weights. Counts are exact where timings are not: they do not depend on the machine. They are not times: a large
# matrix product runs many operations at once, small ones do not.
#
# - *Clebsch-Gordan, dense* contracts one tensor of $(L + 1)^6$ numbers.
# - *Clebsch-Gordan*, as the library does it, leaves out the blocks that are zero by half-turns; towards high degrees a
#   quarter of the operations is left.
# - *Gaunt, grid* goes to points on the sphere, multiplies and comes back: $L^4$. *Complete* does both halves.
# - *Gaunt, separable* goes to $L^3$. In time it wins at high degrees only; the default takes it from degree 14 on.
#
# The print has the powers of $L + 1$ that the counts follow between $L = 4$ and $8$. Up to degree 3 there is nothing to
# gain: the Clebsch-Gordan product counts no more than the Gaunt product, and has free weights. At degree 8 it counts
# three times as much. Look also at *complete*: both halves on a grid are no fewer operations than Clebsch-Gordan until
# degree 8.
#
# **Right:** the price. A Clebsch-Gordan product has a free weight for every path. Tied products have one for every
# degree of both inputs and of the result: $3 (L + 1)$ for each half.

# %%
programs = {
    "Clebsch-Gordan, dense": (functools.partial(tp.clebsch_gordan_tensor_product, method="dense"), GREY, "v"),
    "Clebsch-Gordan": (tp.clebsch_gordan_tensor_product, PURPLE, "d"),
    "complete (Gaunt and Poisson)": (tp.complete_tensor_product, GREEN, "^"),
    "Gaunt, grid": (functools.partial(tp.gaunt_tensor_product, method="grid"), BLUE, "o"),
    "Gaunt, separable": (functools.partial(tp.gaunt_tensor_product, method="separable"), ORANGE, "s"),
}
sizes = (1, 2, 3, 4, 6, 8)
counts = {}
for name, (product_of, _, _) in programs.items():
    for size in sizes:
        inputs = jax.ShapeDtypeStruct((32, (size + 1) ** 2), jnp.float32)
        compiled = jax.jit(functools.partial(product_of, lmax_out=size)).lower(inputs, inputs).compile()
        counts[name, size] = compiled.cost_analysis()["flops"] / 32
for size in (3, 8):
    print(f"L = {size}:", {name: round(counts[name, size]) for name in programs})
powers = {name: np.log(counts[name, 8] / counts[name, 4]) / np.log(9 / 5) for name in programs}
print("powers of L + 1:", {name: round(float(power), 1) for name, power in powers.items()})
assert powers["Clebsch-Gordan, dense"] > 5.5
assert powers["Gaunt, grid"] < 4.2
assert counts["Clebsch-Gordan", 3] < 1.2 * counts["Gaunt, grid", 3]
assert counts["Clebsch-Gordan, dense", 8] > 5 * counts["Gaunt, grid", 8]
assert counts["Clebsch-Gordan", 8] > 2 * counts["Gaunt, grid", 8]

figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for name, (_, colour, marker) in programs.items():
    axes[0].loglog(sizes, [counts[name, size] for size in sizes], color=colour, marker=marker, label=name)
axes[0].set(title="operations for a pair", xlabel="highest degree L", ylabel="floating point operations")
axes[0].set(xticks=sizes, xticklabels=sizes, ylim=(100, 6e6))
axes[0].minorticks_off()
axes[0].legend(frameon=False, fontsize=8)
all_sizes = range(1, 11)
paths = [len(tp.tensor_product_paths(size, size, size)) for size in all_sizes]
axes[1].semilogy(all_sizes, paths, color=PURPLE, marker="d", label="Clebsch-Gordan: a path each")
axes[1].semilogy(all_sizes, [6 * (n + 1) for n in all_sizes], color=GREEN, marker="^", label="complete: 6 (L + 1)")
axes[1].semilogy(all_sizes, [3 * (n + 1) for n in all_sizes], color=BLUE, marker="o", label="Gaunt: 3 (L + 1)")
axes[1].set(title="weights for a channel", xlabel="highest degree L", ylabel="weights", xticks=all_sizes)
axes[1].legend(frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# ## Free weights from tied products
#
# A tied product weighs the path $(l_1, l_2, l_3)$ with $a_{l_1} b_{l_2} c_{l_3}$ and a constant of its own: a tensor of
# rank one. The sum of $R$ such products has rank $R$, and `low_rank_path_weights` finds the one that is nearest to the
# path weights you want, as $R$ Gaunt and $R$ Poisson products.
#
# The figure shows the largest error of a path, relative to the largest weight; errors below $10^{-12}$ are drawn there.
#
# - **Left:** all paths with weight 1, which is how e3nn normalises. One term of each kind is off by 11 to 24 % on its
#   worst path. Two terms are exact at $L = 2$, three at $L = 3$. The search is local, so an error is an upper bound: at
#   $L = 4$ the three starts that we allow here need four terms, while the default of eight finds three.
# - **Right:** random weights, the hardest case. The terms hold $6 R (L + 1)$ numbers, and become exact once these are
#   about twice as many as the paths. Weights without structure are not worth the trouble.
#
# Last, the code adds three Gaunt and two Poisson products for $L = 3$ and compares the sum with
# `clebsch_gordan_tensor_product`.

# %%
terms = (1, 2, 3, 4, 5)
worst, drawn_worst = {}, {}
for size in (2, 3, 4, 6):
    number = len(tp.tensor_product_paths(size, size, size))
    drawn = np.random.default_rng(0).normal(size=number)
    for rank in terms:
        fit = functools.partial(tp.low_rank_path_weights, rank_even=rank, rank_odd=rank, num_starts=3)
        worst[size, rank] = fit(np.ones(number), size, size, size).worst_error
        drawn_worst[size, rank] = fit(drawn, size, size, size).worst_error
assert worst[2, 2] < 1e-10
assert worst[3, 3] < 1e-10
assert all(0.05 < worst[size, 1] < 0.3 for size in (2, 3, 4, 6))
assert drawn_worst[6, 3] > 0.1

low_rank = tp.low_rank_path_weights(np.ones(34), 3, 3, 3, rank_even=3, rank_odd=2)
total = 0.0
for weights in zip(*low_rank.even, strict=True):
    named = dict(zip(("weights1", "weights2", "weights_out"), map(jnp.float32, weights), strict=True))
    total += tp.gaunt_tensor_product(first, second, lmax_out=3, **named)
for weights in zip(*low_rank.odd, strict=True):
    named = dict(zip(("weights1", "weights2", "weights_out"), map(jnp.float32, weights), strict=True))
    total += tp.poisson_tensor_product(first, second, lmax_out=3, balanced=True, **named)
difference = abs(total - tp.clebsch_gordan_tensor_product(first, second, lmax_out=3)).max()
print("three Gaunt and two Poisson products against Clebsch-Gordan:", float(difference))
assert difference < 1e-4

figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
for size, colour, marker in zip((2, 3, 4, 6), (GREY, BLUE, ORANGE, GREEN), "vosd", strict=True):
    number = len(tp.tensor_product_paths(size, size, size))
    label = f"L = {size}, {number} paths"
    for axis, values in zip(axes, (worst, drawn_worst), strict=True):
        axis.semilogy(
            terms, [max(values[size, rank], 1e-12) for rank in terms], color=colour, marker=marker, label=label
        )
for axis, title in zip(axes, ("all path weights 1", "random path weights"), strict=True):
    axis.set(title=title, xlabel="terms of each kind, R", ylabel="largest error of a path, relative", xticks=terms)
    axis.set_ylim(3e-13, 3)
handles, labels = axes[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
plt.show()

# %% [markdown]
# ## What to take home
#
# - Up to degree 3, or where every path shall have its own weight, take `clebsch_gordan_tensor_product`.
# - At higher degrees, with weights tied, take `gaunt_tensor_product`; with odd paths `complete_tensor_product`.
# - Test any layer as it was done here: turn the inputs, turn the outputs, compare.
#
# What these products are worth in an interatomic potential is seen in [Fitting a force field](force_field.md).
