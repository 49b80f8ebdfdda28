# %% [markdown]
# # When do two networks speak the same language?
#
# Train the same network twice, from two seeds. Both know the digits equally well. Now put the encoder of one before
# the decoder of the other. Does it still work? And would a similarity index have told you?
#
# This notebook trains six small networks on the 8 x 8 digits of scikit-learn and answers with pictures. In short:
#
# - absolute latents of two runs differ by (about) a rotation, so that decoders cannot be exchanged;
# - CKA is near 1 all the same: it does not see rotations, and the decoder does;
# - a rotation that is fitted on a few common samples (Procrustes) mends it;
# - similarities to common anchors (relative representations) make it unnecessary.

# %%
import functools

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from flax import nnx

from jaxinv.data import digits
from jaxinv.kernels import representations as rep
from jaxinv.models import EncoderDecoder
from jaxinv.training import train_full_batch

BLUE, ORANGE, PURPLE, GREY = "#0072B2", "#E69F00", "#CC79A7", "#888888"
plt.rcParams.update({"figure.dpi": 100, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False})

data = digits()
order = np.random.default_rng(0).permutation(len(data.labels))
images = jnp.asarray(data.images.reshape(len(order), -1)[order])
labels = jnp.asarray(data.labels[order])
train, test = slice(0, 800), slice(1200, None)
print(images[train].shape, images[test].shape)

# %% [markdown]
# ## Four networks in absolute spaces, two in relative ones
#
# Encoder 64-128-32, decoder 32-128-10. In the relative networks the decoder does not read the 32 latents but their
# cosines with the latents of 60 *anchors*: six training samples of each digit, the same for all networks and in the
# same order. Training takes all samples at once, 300 steps of Adam, one compiled program for all seeds of a kind.

# %%
anchors = rep.anchors_stratified(jax.random.key(0), labels[train], 6, num_classes=10)
assert anchors.found.all()
anchor_images = images[train][anchors.rows]


def make(seed, num_anchors):
    return EncoderDecoder((64, 128, 32), (128, 10), num_anchors=num_anchors, rngs=nnx.Rngs(seed))


@functools.partial(jax.jit, static_argnames="graphdef")
def fit(graphdef, stacked):
    def loss(params):
        logits = nnx.merge(graphdef, params)(images[train], anchor_images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels[train]).mean()

    return jax.lax.map(lambda p: train_full_batch(loss, p, optax.adam(3e-3), num_steps=300), stacked)


def trained(seeds, num_anchors):
    graphdef, _ = nnx.split(make(0, num_anchors))
    starts = [nnx.split(make(seed, num_anchors))[1] for seed in seeds]
    stacked = fit(graphdef, jax.tree.map(lambda *parts: jnp.stack(parts), *starts))
    return [nnx.merge(graphdef, jax.tree.map(lambda p, i=i: p[i], stacked)) for i in range(len(seeds))]


absolute, relative = trained(range(4), None), trained(range(2), 60)


def accuracy(encoder, decoder, change=lambda z: z):
    """Of one network's encoder before another's decoder."""
    logits = decoder.decoder(change(encoder.encode(images[test], anchor_images)))
    return float((logits.argmax(axis=1) == labels[test]).mean())


own = [accuracy(network, network) for network in (*absolute, *relative)]
print("accuracy with the own decoder:", np.round(own, 3))
assert min(own) > 0.9

# %% [markdown]
# ## What the latents look like
#
# All panels show test digits by the same two coordinates: the two directions in which the latents of network A vary
# most. Each sample is drawn as its digit.
#
# - **A** sorts its digits well.
# - **B**, in A's coordinates, is a heap: the same digits lie elsewhere, mostly in directions that A does not use.
# - **B, turned** by the rotation that brings B's latents of the 60 anchors nearest to A's, has the digits where A has
#   them. Nothing was trained: 60 samples and one singular value decomposition.
# - The last panel needs no fit: it is the *relative* space of the two networks trained with anchors. Blue and orange
#   digits, of A and of B, lie on each other.

# %%
latents = [network.encoder(images[test]) for network in absolute]
at_anchors = [network.encoder(anchor_images) for network in absolute]
middle = at_anchors[0].mean(axis=0)
rotation = rep.orthogonal_procrustes(at_anchors[1] - at_anchors[1].mean(axis=0), at_anchors[0] - middle)


def b_to_a(z):
    return (z - at_anchors[1].mean(axis=0)) @ rotation + middle


codes = [network.encode(images[test], anchor_images) for network in relative]


def leading(x):
    """The mean and the two principal directions."""
    mean = x.mean(axis=0)
    return mean, jnp.linalg.svd(x - mean, full_matrices=False)[2][:2].T


mean, plane = leading(latents[0])
relative_mean, relative_plane = leading(codes[0])
panels = {
    "A": latents[0],
    "B, in A's coordinates": latents[1],
    "B, turned (Procrustes)": b_to_a(latents[1]),
}
figure, axes = plt.subplots(2, 2, figsize=(8, 7.6), layout="constrained")
digit = np.asarray(labels[test])


def draw(axis, points, colours, count=300):
    """Each sample as its digit."""
    for number in range(10):
        chosen = np.flatnonzero(digit[:count] == number)
        axis.scatter(*np.asarray(points)[chosen].T, marker=f"${number}$", s=26, linewidths=0.3, color=colours(number))
    axis.set(xlabel="first direction of A", ylabel="second direction of A")


for axis, (title, points) in zip(axes.ravel(), panels.items(), strict=False):
    draw(axis, (points - mean) @ plane, plt.get_cmap("tab10"))
    axis.set(title=title, xlim=(-11, 11), ylim=(-11, 11))
for codes_of_one, colour in zip(codes, (BLUE, ORANGE), strict=True):
    draw(axes[1, 1], (codes_of_one - relative_mean) @ relative_plane, lambda _, colour=colour: colour, count=120)
axes[1, 1].set(title="relative spaces: A blue, B orange")
plt.show()

# %% [markdown]
# ## Exchanged decoders, in numbers
#
# The four absolute networks, each encoder before each decoder. Left: linear CKA of the two latent spaces. It says
# that all four are nearly the same. Right: the accuracy of the stitched network. Off the diagonal it is what guessing
# gives (0.1), or little more. CKA of 1 means "equal up to a rotation, a shift and a scale"; a decoder needs "equal".

# %%
cka = np.array([[float(rep.linear_cka(x, y).score) for y in latents] for x in latents])
stitched = np.array([[accuracy(a, b) for b in absolute] for a in absolute])
off = ~np.eye(4, dtype=bool)
print("CKA off the diagonal:", cka[off].min().round(3), "to", cka[off].max().round(3))
print("stitched accuracy off the diagonal:", stitched[off].min().round(3), "to", stitched[off].max().round(3))
assert cka[off].min() > 0.85
assert stitched[off].mean() < 0.35

figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
titles = {"linear CKA of the latents": cka, "accuracy: encoder before decoder": stitched}
for axis, (title, values) in zip(axes, titles.items(), strict=True):
    shown = axis.imshow(values, vmin=0, vmax=1, cmap="cividis")
    for i, j in np.ndindex(4, 4):
        colour = "black" if values[i, j] > 0.6 else "white"
        axis.text(j, i, f"{values[i, j]:.2f}", ha="center", va="center", color=colour)
    names = [f"net {letter}" for letter in "ABCD"]
    axis.set(title=title, xticks=range(4), yticks=range(4), xticklabels=names, yticklabels=names)
    axis.spines[:].set_visible(False)
axes[1].set(xlabel="decoder of", ylabel="encoder of")
figure.colorbar(shown, ax=axes, label="CKA, accuracy")
plt.show()

# %% [markdown]
# ## Two ways to mend it
#
# The bars compare B's encoder before A's decoder (higher is better; the dashed line is guessing):
#
# - *absolute*: as it is;
# - *turned*: after the rotation above, which was fitted on the 60 anchors alone;
# - *relative*: the networks that were trained with anchors, stitched with no fit at all.
#
# The price of the relative networks is the difference of the grey bars: what they lose, if anything, with their own
# decoders.

# %%
ways = {
    "absolute": (accuracy(absolute[1], absolute[0]), np.mean(own[:2])),
    "turned": (accuracy(absolute[1], absolute[0], b_to_a), np.mean(own[:2])),
    "relative": (accuracy(relative[1], relative[0]), np.mean(own[4:])),
}
print({name: np.round(pair, 3).tolist() for name, pair in ways.items()})
assert ways["turned"][0] > 0.85
assert ways["relative"][0] > 0.85

figure, axis = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
places = np.arange(3)
axis.bar(places - 0.2, [pair[1] for pair in ways.values()], 0.38, color=GREY, label="own decoder")
axis.bar(places + 0.2, [pair[0] for pair in ways.values()], 0.38, color=BLUE, label="the other's decoder")
for place, pair in zip(places, ways.values(), strict=True):
    for shift, value in zip((0.2, -0.2), pair, strict=True):
        axis.text(place + shift, value + 0.02, f"{value:.2f}", ha="center")
axis.axhline(0.1, color="black", linestyle="--", linewidth=1)
axis.set(title="B's encoder before A's decoder", ylabel="accuracy on test digits", ylim=(0, 1.19), xticks=places)
axis.set_xticklabels(ways)
axis.legend(ncols=2, loc="upper center", frameon=False)
plt.show()

# %% [markdown]
# ## Which anchors, and how many?
#
# Anchors work for networks that were never trained with them, too: take the absolute networks A and B, and look up
# each test sample of B among those of A by its relative representation. The mean reciprocal rank `mrr` is 1 if the
# nearest one is always the right one, and 0 if it is never among the nearest five.
#
# Left: it grows with the number of anchors. Anchors drawn at random (blue: mean and standard deviation of five draws)
# do as well as farthest points of A (orange), which need to see A's latents first. The grey line is what absolute
# latents give.
#
# Right: a warning. `linear_cka` of *independent* random features depends on the number of samples per column, and
# follows $1 / (1 + n / d)$. `debiased_cka` is right at 0.

# %%
numbers = (4, 8, 16, 32, 64)
pool = 300  # anchors are among the first 300 test digits, what is looked up among the others


@jax.jit
def looked_up(chosen):
    """The mean reciprocal rank with the first so many of 64 anchors."""
    pair = [rep.relative(z[pool:], z[chosen]) for z in latents[:2]]
    # A column of zeros changes no cosine: one program serves all numbers.
    first = [jnp.arange(64)[None, :] < number for number in numbers]
    return jnp.stack([rep.mrr(*(jnp.where(kept, codes, 0.0) for codes in pair)) for kept in first])


draws = [rep.anchors_uniform(key, pool, 64) for key in jax.random.split(jax.random.key(0), 5)]
uniform = np.stack([looked_up(chosen) for chosen in draws])
farthest = looked_up(rep.anchors_fps(latents[0][:pool], 64))
absolute_mrr = float(rep.mrr(latents[0][pool:], latents[1][pool:]))
print("absolute:", round(absolute_mrr, 3), " 64 random anchors:", uniform.mean(axis=0)[-1].round(3))
assert uniform.mean(axis=0)[-1] > 5 * absolute_mrr

columns, sizes = 64, (16, 32, 64, 128, 256)
biased, debiased = [], []
for n in sizes:
    x, y = jax.random.normal(jax.random.key(n), (2, 20, n, columns))
    biased.append(np.asarray(jax.vmap(rep.linear_cka)(x, y).score))
    debiased.append(np.asarray(jax.vmap(rep.debiased_cka)(x, y).score))
law = 1 / (1 + np.array(sizes) / columns)
assert max(abs(np.mean(biased, axis=1) - law)) < 0.05
assert max(abs(np.mean(debiased, axis=1))) < 0.05

figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
axes[0].errorbar(
    numbers, uniform.mean(axis=0), uniform.std(axis=0), color=BLUE, marker="o", capsize=3, label="drawn at random"
)
axes[0].plot(numbers, farthest, color=ORANGE, marker="s", label="farthest points")
axes[0].axhline(absolute_mrr, color=GREY, linestyle="--", label="absolute latents")
axes[0].set(title="B's digits looked up in A", xlabel="number of anchors", ylabel="mean reciprocal rank")
axes[0].set(xscale="log", xticks=numbers, xticklabels=numbers, ylim=(0, None))
axes[0].minorticks_off()
axes[0].legend(frameon=False)
for values, colour, marker, name in ((biased, PURPLE, "o", "linear_cka"), (debiased, BLUE, "s", "debiased_cka")):
    axes[1].errorbar(sizes, np.mean(values, 1), np.std(values, 1), color=colour, marker=marker, capsize=3, label=name)
axes[1].plot(sizes, law, color="black", linestyle=":", label="1 / (1 + n / d)")
axes[1].set(title="independent features, d = 64", xlabel="samples n", ylabel="CKA", xscale="log", xticks=sizes)
axes[1].set_xticklabels(sizes)
axes[1].minorticks_off()
axes[1].legend(frameon=False)
plt.show()

# %% [markdown]
# ## What to take home
#
# - To *compare* spaces take `debiased_cka`, and say what it does not see.
# - To *exchange* parts of networks measure that: stitched accuracy, or `mrr` of paired samples.
# - With paired samples at hand, `orthogonal_procrustes` is the cheapest mend. Before training, relative
#   representations make the question go away; anchors must be the same samples in the same order, and the cosine sees
#   the origin, so centre (`centre=True`) where latents have an offset.
