# %% [markdown]
# # Graphons
#
# A graphon is what a random graph is drawn from: a symmetric function $W(u, v)$ on the unit square, the probability
# that nodes at places $u$ and $v$ are joined. We draw graphs from known graphons, estimate the graphons back, measure
# how far they are apart when nodes may be matched in any way, and ask which mixture of generators could have made
# given graphs.
#
# The guide is [Graphs](../guides/graphs.md).

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxinv.kernels import graphs

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
FORMULAS = {
    0: "$uv$",
    1: "$e^{-(u^{0.7} + v^{0.7})}$",
    3: "$(u + v) / 2$",
    6: "$e^{-\\max(u, v)^{0.75}}$",
    10: "$1 - |u - v|$",
    11: "0.8 in two blocks",
    12: "0.8 across blocks",
}


def show(axis, graphon, title=""):
    """A graphon as a picture: white 0, black 1; the origin is at the top left."""
    axis.imshow(graphon, cmap="Greys", vmin=0, vmax=1, extent=(0, 1, 1, 0), interpolation="nearest")
    axis.set_title(title, fontsize=10)
    axis.set(xticks=[], yticks=[])


# %% [markdown]
# ## From graphons to graphs and back
#
# `sample_graphs` draws nodes uniformly at random and joins each pair once. Its nodes are in no order, so that the
# first thing to do with graphs is to sort their nodes by degree. `graphon_sas` (sort and smooth) then takes the mean
# of ten graphs in blocks of 7 nodes and removes noise.

# %%
truth = {kind: graphs.synthesize_graphon(kind, 240) for kind in FORMULAS}
keys = dict(zip(FORMULAS, jax.random.split(jax.random.key(0), len(FORMULAS)), strict=True))
drawn = {kind: graphs.sample_graphs(keys[kind], truth[kind], num_graphs=10, num_nodes=100) for kind in FORMULAS}
aligned = {kind: graphs.align_by_degree(drawn[kind]) for kind in FORMULAS}
estimates = {kind: graphs.graphon_sas(aligned[kind]) for kind in FORMULAS}
print("graphs:", drawn[0].shape, " estimate:", estimates[0].shape)

shown = (0, 6, 10, 11)
figure, axes = plt.subplots(4, 4, figsize=(7, 7.4), layout="constrained")
for column, kind in enumerate(shown):
    show(axes[0, column], truth[kind], FORMULAS[kind])
    show(axes[1, column], drawn[kind][0])
    show(axes[2, column], aligned[kind][0])
    show(axes[3, column], estimates[kind])
for row, name in enumerate(("graphon", "one graph", "nodes sorted\nby degree", "estimate from\n10 graphs")):
    axes[row, 0].set_ylabel(name, fontsize=10)
plt.show()

# %% [markdown]
# What to look at: the estimates in the bottom row beside the graphons in the top row. The first two are right. The
# other two are not. In $1 - |u - v|$ nodes in the middle have most neighbours, so that sorting folds the square:
# places $u$ and $1 - u$ come together. In the last one all degrees are equal. In a drawn graph one community is
# larger by chance and comes first, by more or by less, or the two are mixed; their mean is a blur.

# %%
error = {kind: float(abs(estimates[kind] - graphs.resize_bilinear(truth[kind], 14)).mean()) for kind in shown}
print("mean absolute error:", {kind: round(value, 3) for kind, value in error.items()})
assert max(error[0], error[6]) < 0.06
assert error[11] > 0.2

# %% [markdown]
# ## Distances that do not know the order of nodes
#
# The Gromov-Wasserstein distance of two graphons is the least
# $\left( \sum_{ijkl} (A_{ij} - B_{kl})^2 P_{ik} P_{jl} \right)^{1/2}$ over couplings $P$ of their nodes. Finding the
# least is hard; `gw_distance` descends from three starts and returns an upper bound. Where degrees differ, it sees
# through another order of the nodes:

# %%
graphon = graphs.resize_bilinear(truth[6], 14)
order = jax.random.permutation(jax.random.key(1), 14)
print("a graphon and itself, its steps in another order:", graphs.gw_distance(graphon, graphon[order][:, order]))
assert graphs.gw_distance(graphon, graphon[order][:, order]) < 1e-3

once = drawn[6][0]
renamed = jax.random.permutation(jax.random.key(2), 100)
isomorphic, drawn_again, other = (
    float(graphs.gw_distance(once, graph)) for graph in (once[renamed][:, renamed], drawn[6][1], drawn[0][0])
)
print(f"a graph and itself, renamed: {isomorphic:.2f}   another graph of its graphon: {drawn_again:.2f}")
print(f"a graph of another graphon: {other:.2f}")
assert min(isomorphic, drawn_again, other) > 0.5

# %% [markdown]
# The last three numbers are a warning. Single graphs of a hundred nodes are all about as far apart: every edge is a
# coin of its own, many degrees are equal, and the search does not even find that two graphs are the same. It is no
# test of isomorphism (see [Permutations](../guides/permutations.md) for those). *Estimates* of the graphons are what
# to compare. Below, seven graphons, and two estimates of each from two different draws of ten graphs. The 49
# distances are one `vmap` of a `vmap`.

# %%
other_keys = dict(zip(FORMULAS, jax.random.split(jax.random.key(7), len(FORMULAS)), strict=True))
again = jnp.stack(
    [
        graphs.graphon_sas(
            graphs.align_by_degree(graphs.sample_graphs(other_keys[kind], truth[kind], num_graphs=10, num_nodes=100))
        )
        for kind in FORMULAS
    ]
)
first = jnp.stack(list(estimates.values()))
every_pair = jax.jit(jax.vmap(jax.vmap(graphs.gw_distance, in_axes=(None, 0)), in_axes=(0, None)))
distances = np.asarray(every_pair(first, again))

figure, axis = plt.subplots(figsize=(7, 5.6), layout="constrained")
picture = axis.imshow(distances, cmap="cividis")
names = list(FORMULAS.values())
axis.set_xticks(range(7), names, rotation=35, ha="right")
axis.set_yticks(range(7), names)
axis.set(title="distance of two estimates", xlabel="second draw of 10 graphs", ylabel="first draw of 10 graphs")
for i, row in enumerate(distances):
    for j, value in enumerate(row):
        axis.text(
            j, i, f"{value:.2f}", ha="center", va="center", fontsize=8, color="white" if value < 0.25 else "black"
        )
figure.colorbar(picture, label="Gromov-Wasserstein distance")
plt.show()

nearest = distances.argmin(axis=1)
print("nearest second estimate of each:", nearest)
assert (nearest == np.arange(7)).all()

# %% [markdown]
# What to look at: the smallest number of every row is on the diagonal. Each graphon is recognised by ten graphs, also
# the ones whose estimate is a poor picture of them: they are poor in the same way twice.

# %% [markdown]
# ## A mean that matches nodes
#
# Sorting by degree is one way to bring the nodes of several graphs together. A barycentre is another: `gw_barycenter`
# looks for the step function of least mean squared distance from all graphs, by turns in the matching and in the
# function. It needs no degrees that differ.

# %%
found = {kind: graphs.gw_barycenter(drawn[kind], size=14, num_steps=5) for kind in (11, 6)}
away = {
    kind: [
        float(graphs.gw_distance(estimate, graphs.resize_bilinear(truth[kind], 14)))
        for estimate in (estimates[kind], found[kind].graphon)
    ]
    for kind in found
}
figure, axes = plt.subplots(2, 3, figsize=(7, 5), layout="constrained")
for row, kind in zip(axes, found, strict=True):
    order = np.argsort(-np.linalg.eigh(found[kind].graphon)[1][:, -1 if kind == 6 else -2])
    show(row[0], truth[kind], FORMULAS[kind])
    show(row[1], estimates[kind], f"sort and smooth\ndistance {away[kind][0]:.2f}")
    show(row[2], found[kind].graphon[order][:, order], f"barycentre\ndistance {away[kind][1]:.2f}")
plt.show()
for kind, one in found.items():
    print(FORMULAS[kind], "mean squared distance before each step:", one.trace)
    assert one.trace.min() <= one.trace[0]
assert away[11][1] < away[11][0]
assert away[6][1] > away[6][0]

# %% [markdown]
# What to look at: in the first row the barycentre has the two communities, with one step of 14 mixed. In the second
# row, where degrees differ, sorting is nearer, and much cheaper. The steps of a barycentre are in no order: here they
# are sorted by an eigenvector, to be seen. The search is not convex, hardly changes after its first step here, and
# returns the best of all.

# %% [markdown]
# ## Which mixture of generators?
#
# Graphs to pretrain on come from several generators. Could a mixture of them have made the graphs of my task?
# `fit_mixture` moves weights on the simplex to the least distance; `feasibility` does so for several groupings of the
# graphs and returns minus the least. Here the task is .3 of $uv$ and .7 of $e^{-\max(u, v)^{0.75}}$.

# %%
bases = jnp.stack([graphs.resize_bilinear(truth[kind], 14) for kind in (0, 6)])
target = 0.3 * bases[0] + 0.7 * bases[1]
mixture = graphs.fit_mixture(bases, target)

task_graphs = graphs.sample_graphs(jax.random.key(3), 0.3 * truth[0] + 0.7 * truth[6], num_graphs=20, num_nodes=100)
from_graphs = graphs.fit_mixture(
    jnp.stack([estimates[0], estimates[6]]), graphs.graphon_sas(graphs.align_by_degree(task_graphs))
)
weights = np.linspace(0, 1, 41)
along = jax.vmap(lambda w: graphs.gw_distance((1 - w) * bases[0] + w * bases[1], target))(jnp.asarray(weights))

figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
axis.plot(weights, along, color=BLUE, label="exact graphons")
axis.plot(mixture.weights[1], mixture.distance, "o", color=ORANGE, ms=9, label="fit to the exact graphons")
axis.plot(from_graphs.weights[1], from_graphs.distance, "s", color=GREEN, ms=8, label="fit to estimates from graphs")
axis.axvline(0.7, color="grey", ls=":")
axis.set(title="distance of a mixture from the task", xlabel="weight of the second generator", ylabel="GW distance")
axis.legend(frameon=False)
axis.grid(alpha=0.3)
plt.show()
print("weights:", mixture.weights, "distance:", mixture.distance)
print("from graphs:", from_graphs.weights, "distance:", from_graphs.distance)
assert abs(mixture.weights[1] - 0.7) < 0.05
assert mixture.distance < 1e-3

# %% [markdown]
# What to look at: the distance falls to 0 at the true weight .7 (dotted), and the fit finds it. From ten graphs a
# generator and twenty of the task the weight is near, and the distance does not reach 0: that is the error of the
# estimates. A feasibility is to be read beside that floor.
#
# How far does this tell whether pretraining helps? In our own experiment on small graphs it hardly did: [The
# papers](../papers.md) has the numbers under `w2pgnn`.
