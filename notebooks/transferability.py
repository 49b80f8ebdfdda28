# %% [markdown]
# # Ranking a pool
#
# Sixteen feature maps of handwritten digits stand for sixteen pretrained models. Which of them will serve a linear
# classifier best? We score them without training, train the classifiers after all, and compare. Then we take fewer
# samples than features, where the published LogME goes wrong, and let samples arrive in a stream.
#
# The guide is [Transferability](../guides/transferability.md). The digits come with scikit-learn (`pip install
# 'jaxinv[images]'`).

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxinv.data import digits
from jaxinv.kernels import transferability as tf
from jaxinv.training import linear_probe

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#666666"

data = digits()  # 1797 pictures of 8 x 8 pixels
order = np.random.default_rng(0).permutation(len(data.labels))
images, labels = data.images[order], data.labels[order]
NUM_CLASSES, NUM_SCORED = 10, 500  # 500 labelled samples to score and train with; the others only test
print(images.shape, labels[:10])

# %% [markdown]
# ## Sixteen models of four kinds
#
# Four kinds of feature map, each in four qualities:
#
# - **components**: the first 2, 4, 8 or 32 principal components of the pixels;
# - **Fourier**: 64 random Fourier features $\cos(w^\top x + b)$, from smooth to so rough that little is left;
# - **filters**: 16 random 3 x 3 filters and a ReLU, pooled over the picture in 1, 1 x 2, 2 x 1 or 2 x 2 fields.
#   Pooling over the whole picture forgets places altogether;
# - **invariant**: pixels averaged over what they shall not depend on: mirrored pictures, quarter turns, both, and
#   every shift (the size of the Fourier transform).
#
# An invariance helps if the task has it. Digits do not: a turned 6 is a 9.


# %%
def feature_maps(pictures):
    """The features of every model: a dictionary of `(N, D)`, D between 2 and 64."""
    generator = np.random.default_rng(1)
    pixels = pictures.reshape(len(pictures), -1)
    centred = pixels - pixels.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2]
    maps = {f"components {count}": centred @ directions[:count].T for count in (2, 4, 8, 32)}
    for width in (0.3, 1.0, 3.0, 6.0):
        weights, phase = generator.normal(size=(64, 64)) * width / 4, generator.uniform(0, 2 * np.pi, 64)
        maps[f"Fourier {width:g}"] = np.cos(pixels @ weights + phase)
    patches = np.lib.stride_tricks.sliding_window_view(pictures, (3, 3), axis=(1, 2))
    responses = np.maximum(np.einsum("nijab,abf->nijf", patches, generator.normal(size=(3, 3, 16))), 0)
    for rows, columns in ((1, 1), (1, 2), (2, 1), (2, 2)):
        pooled = responses.reshape(len(pictures), rows, 6 // rows, columns, 6 // columns, 16).mean(axis=(2, 4))
        maps[f"filters {rows} x {columns}"] = pooled.reshape(len(pictures), -1)
    turns = sum(np.rot90(pictures, k, axes=(1, 2)) for k in range(4)) / 4
    mirrored = (pictures + pictures[:, :, ::-1]) / 2
    both = (turns + turns[:, :, ::-1]) / 2
    shifts = np.abs(np.fft.rfft2(pictures)) / 8
    for name, values in {"mirrors": mirrored, "turns": turns, "both": both, "shifts": shifts}.items():
        maps[f"invariant to {name}"] = values.reshape(len(pictures), -1)
    return maps


maps = feature_maps(images)
names = list(maps)
kinds = {"components": BLUE, "Fourier": ORANGE, "filters": GREEN, "invariant": PURPLE}
colours = [kinds[name.split()[0]] for name in names]
print({name: values.shape[1] for name, values in maps.items()})

# %% [markdown]
# What the features look like, by their first two principal components, for four of the ten digits. On the left the
# digits come apart. In the middle the quarter turns are averaged away, and 6 (orange) lies on 9 (pink). On the right,
# the roughest Fourier features know little.

# %%
figure, axes = plt.subplots(1, 3, figsize=(8, 3.4), layout="constrained")
shown = {0: (BLUE, "o"), 1: (GREEN, "^"), 6: (ORANGE, "s"), 9: (PURPLE, "D")}
for axis, name in zip(axes, ("components 32", "invariant to turns", "Fourier 6"), strict=True):
    rows = np.isin(labels[:NUM_SCORED], list(shown))
    values = maps[name][:NUM_SCORED][rows]
    values = values - values.mean(axis=0)
    place = values @ np.linalg.svd(values, full_matrices=False)[2][:2].T
    for digit, (colour, marker) in shown.items():
        chosen = labels[:NUM_SCORED][rows] == digit
        axis.plot(*place[chosen].T, marker, color=colour, ms=4, alpha=0.7, label=str(digit), markeredgewidth=0)
    axis.set(title=name, xlabel="first component", xticks=[], yticks=[])
axes[0].set_ylabel("second component")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, title="digit")
plt.show()

# %% [markdown]
# ## One pass over the samples, then every score
#
# Models of different width share one array: zero columns fill up, and `valid_dim` says how many are real.
# `pool_statistics` reads the samples once. Every score below needs only these sums, and runs over the pool by `vmap`.
# `transrate` wants the Gram matrix of each class as well.

# %%
WIDTH = max(values.shape[1] for values in maps.values())
widths = jnp.array([values.shape[1] for values in maps.values()])
padded = np.stack([np.pad(values, ((0, 0), (0, WIDTH - values.shape[1]))) for values in maps.values()])
pool, targets = jnp.asarray(padded, jnp.float32), jnp.asarray(labels)
scored, scored_labels = pool[:, :NUM_SCORED], targets[:NUM_SCORED]

statistics = tf.pool_statistics(scored, scored_labels, NUM_CLASSES, valid_dim=widths, per_class_gram=True)
scorers = {
    "LogME": tf.logme,
    "ridge GCV": tf.ridge_gcv,
    "H-score": tf.h_score,
    "LFC": tf.lfc,
    "GBC": tf.gbc,
    "TransRate": tf.transrate,
}
scores = {name: jax.vmap(score)(statistics).score for name, score in scorers.items()}
print({name: values.shape for name, values in scores.items()})

# %% [markdown]
# The truth: a linear classifier a model, trained on the same 500 samples, tested on the other 1297.

# %%
accuracy = linear_probe(scored, scored_labels, pool[:, NUM_SCORED:], targets[NUM_SCORED:], num_classes=NUM_CLASSES)
for place in np.argsort(-np.asarray(accuracy)):
    print(f"{names[place]:22s} {accuracy[place]:.3f}")

# %% [markdown]
# Each picture is a score against this accuracy, a dot a model. What to look at: does the score rise with the
# accuracy, and is the rightmost dot the highest? The weighted Kendall $\tau$ in the titles says so in one number: 1
# is the true order, 0 chance, and mistakes among the best models weigh most.

# %%
tau = {name: float(tf.weighted_kendall_tau(values, accuracy)) for name, values in scores.items()}
figure, axes = plt.subplots(2, 3, figsize=(8, 5.2), layout="constrained", sharex=True)
for axis, (name, values) in zip(axes.flat, scores.items(), strict=True):
    axis.scatter(accuracy, values, c=colours, s=36, edgecolors="white", linewidths=0.5)
    axis.set(title=f"{name}   τ = {tau[name]:.2f}")
    axis.grid(alpha=0.3)
for axis in axes[1]:
    axis.set_xlabel("accuracy of a linear probe")
for axis in axes[:, 0]:
    axis.set_ylabel("score, higher is better")
handles = [plt.Line2D([], [], marker="o", ls="", color=colour, label=kind) for kind, colour in kinds.items()]
figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
plt.show()

print({name: round(value, 2) for name, value in tau.items()})
print("accuracy lost by taking the first:", {n: round(float(tf.regret(s, accuracy)), 3) for n, s in scores.items()})
assert tau["LogME"] > 0.6
assert tau["ridge GCV"] > 0.6
assert max(tau["LFC"], tau["GBC"], tau["TransRate"]) < tau["LogME"]

# %% [markdown]
# LogME, ridge GCV and the H-score ask how well a linear map fits the labels, which is what a probe does. The others
# ask something else. LFC counts a direction by its variance, while a probe finds classes in narrow directions too.
# GBC is near 0 for every wide model, whose classes hardly overlap by its measure. TransRate depends on the scale of
# the features, and here every model has its own. One set of sixteen maps says little about a score in general: the
# [league](../league.md) has 112 models, and intervals.

# %% [markdown]
# ## Fewer samples than features
#
# LogME is the log evidence $\log N(t;\ 0,\ F F^\top / \alpha + I / \beta)$ of the labels, at the best $\alpha$ and
# $\beta$. That is a density of N numbers, and can be computed as such from an N x N matrix. The published code leaves
# a term out when $N \le D$. Below, 256 random Fourier features and more and more samples: our score, the published
# one (`compat="official"`), and the evidence by the N x N determinant in float64 at *our* $\alpha$ and $\beta$.

# %%
generator = np.random.default_rng(2)
pixels = images.reshape(len(images), -1)
wide = np.cos(pixels @ generator.normal(size=(64, 256)) / 8 + generator.uniform(0, 2 * np.pi, 256)).astype(np.float32)


def evidence_by_determinant(features, labels, alpha, beta):
    """Mean over classes of `log N(t; 0, F F' / alpha + I / beta) / N`, in float64."""
    features, total = features.astype(np.float64), 0.0
    gram = features @ features.T
    for c in range(NUM_CLASSES):
        target = (labels == c).astype(np.float64)
        covariance = gram / float(alpha[c]) + np.eye(len(target)) / float(beta[c])
        log_det = np.linalg.slogdet(2 * np.pi * covariance)[1]
        total -= 0.5 * (log_det + target @ np.linalg.solve(covariance, target)) / len(target)
    return total / NUM_CLASSES


sizes = (40, 100, 300, 600)
ours, published, exact = [], [], []
for size in sizes:
    sums = tf.class_statistics(jnp.asarray(wide[:size]), targets[:size], NUM_CLASSES)
    found = tf.logme(sums)
    ours.append(float(found.score))
    published.append(float(tf.logme(sums, compat="official").score))
    exact.append(evidence_by_determinant(wide[:size], labels[:size], found.alpha, found.beta))
error = max(abs(a - b) for a, b in zip(ours, exact, strict=True))
print(f"largest difference of ours from the determinant: {error:.1e}")
print("published minus evidence:", [round(float(a - b), 3) for a, b in zip(published, exact, strict=True)])
assert error < 2e-3  # float32 beside float64
assert published[0] - exact[0] > 1

# %% [markdown]
# What to look at, on the left: the crosses of the determinant lie on our line everywhere. The published curve joins
# them only where there are more samples than the 256 features (dotted).
#
# On the right, what this does to a ranking. The sixteen models are scored again, from 40 samples only, while the
# truth is the accuracy from above. The missing term grows with the number of features, so that the published score
# prefers wide models.

# %%
few = tf.pool_statistics(scored[:, :40], scored_labels[:40], NUM_CLASSES, valid_dim=widths)
few_ours = jax.vmap(tf.logme)(few).score
few_published = jax.vmap(lambda one: tf.logme(one, compat="official"))(few).score
few_tau = [float(tf.weighted_kendall_tau(values, accuracy)) for values in (few_ours, few_published)]

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(8, 3.2), layout="constrained")
left.plot(sizes, published, "o--", color=ORANGE, label="published")
left.plot(sizes, ours, "-", color=BLUE, label="ours")
left.plot(sizes, exact, "x", color="black", ms=8, label="determinant")
left.axvline(256, color=GREY, ls=":")
left.set(title="256 features", xlabel="samples N", ylabel="LogME, nats a sample", xscale="log")
left.set_xticks([40, 100, 256, 600], ["40", "100", "256", "600"], minor=False)
left.minorticks_off()
left.legend(frameon=False)
for axis, values, name, value in (
    (middle, few_ours, "ours", few_tau[0]),
    (right, few_published, "published", few_tau[1]),
):
    dots = axis.scatter(accuracy, values, c=widths, cmap="cividis", s=36, edgecolors="white", linewidths=0.5)
    axis.set(title=f"40 samples, {name}\nτ = {value:.2f}", xlabel="accuracy of a linear probe")
    axis.grid(alpha=0.3)
figure.colorbar(dots, ax=right, label="number of features")
plt.show()
print("tau with 40 samples: ours", round(few_tau[0], 2), "published", round(few_tau[1], 2))
assert few_tau[0] > few_tau[1] + 0.3

# %% [markdown]
# ## Streams and parts
#
# The statistics are sums, so that they add: `update` takes a chunk, `merge` two parts. The score is the same up to
# rounding, also where the features have a mean of 1000, since all sums are taken about a shift close to the mean.

# %%
one = jnp.asarray(maps["filters 2 x 2"][:NUM_SCORED], jnp.float32)
offset = one + 1000
whole = tf.class_statistics(offset, scored_labels, NUM_CLASSES)
stream = tf.init(NUM_CLASSES, one.shape[1])
for start in range(0, NUM_SCORED, 100):
    stream = tf.update(stream, offset[start : start + 100], scored_labels[start : start + 100])
halves = [tf.class_statistics(offset[part], scored_labels[part], NUM_CLASSES) for part in (slice(250), slice(250, 500))]
merged = tf.merge(*halves)
found = [float(tf.ridge_gcv(x).score) for x in (whole, stream, merged)]
without_offset = float(tf.ridge_gcv(tf.class_statistics(one, scored_labels, NUM_CLASSES)).score)
print("whole, stream, merged:", found, "without the offset:", without_offset)
assert max(found) - min(found) < 1e-4
assert abs(found[0] - without_offset) < 1e-3

# %% [markdown]
# A stream gives the score at every moment for almost nothing: below, LogME after each 25 samples, by one `lax.scan`
# over chunks, vmapped over four models. Lines that cross are rankings that change. What to look at: the filters lead
# from 50 samples on. The two lines in the middle never come apart, though the probe tells these models apart with the
# same 500 samples: here LogME is blind.


# %%
def learning_curve(features):
    """LogME after every chunk of 25 samples."""

    def step(sums, chunk):
        sums = tf.update(sums, *chunk)
        return sums, tf.logme(sums).score

    chunks = features.reshape(-1, 25, features.shape[1]), scored_labels.reshape(-1, 25)
    return jax.lax.scan(step, tf.init(NUM_CLASSES, features.shape[1]), chunks)[1]


followed = ["components 32", "filters 2 x 2", "invariant to shifts", "components 4"]
curves = jax.jit(jax.vmap(learning_curve))(jnp.stack([scored[names.index(name)] for name in followed]))
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
seen = np.arange(25, NUM_SCORED + 1, 25)
for curve, name, colour, style in zip(
    curves, followed, (BLUE, GREEN, PURPLE, ORANGE), ("-", "--", "-.", ":"), strict=True
):
    axis.plot(seen, curve, style, color=colour, label=f"{name} (probe {accuracy[names.index(name)]:.2f})")
axis.set(title="LogME while samples arrive", xlabel="samples seen", ylabel="LogME, nats a sample")
figure.legend(loc="outside lower center", ncols=2, frameon=False)
axis.grid(alpha=0.3)
plt.show()
middle_two = curves[jnp.array([0, 2]), -1]
assert abs(middle_two[0] - middle_two[1]) < 0.01
assert jnp.allclose(curves[:, -1], scores["LogME"][jnp.array([names.index(name) for name in followed])], atol=1e-4)

# %% [markdown]
# ## Padding must be told
#
# A model of 4 features among models of 64 has 60 columns of zeros. The H-score and LogME do not see them. Scores that
# average over columns do, unless `valid_dim` says how many are real.

# %%
narrow = jnp.asarray(maps["components 4"][:NUM_SCORED], jnp.float32)
filled = jnp.pad(narrow, ((0, 0), (0, 60)))
alone = tf.class_statistics(narrow, scored_labels, NUM_CLASSES)
told = tf.class_statistics(filled, scored_labels, NUM_CLASSES, valid_dim=4)
untold = tf.class_statistics(filled, scored_labels, NUM_CLASSES)
for name, score in {"H-score": tf.h_score, "GBC": tf.gbc, "shrinkage H-score": tf.shrinkage_h_score}.items():
    values = [float(score(x).score) for x in (alone, told, untold)]
    print(f"{name:18s} alone {values[0]:.4f}   padded, told {values[1]:.4f}   padded, not told {values[2]:.4f}")
    assert abs(values[0] - values[1]) < 1e-3 * abs(values[0])
assert abs(tf.gbc(untold).score - tf.gbc(alone).score) > 0.1
