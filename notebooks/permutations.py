# %% [markdown]
# # Sets and graphs
#
# Which linear maps of a matrix over nodes do not depend on how the nodes are numbered? There are fifteen, for any
# number of nodes from four on. We look at them as patterns, break and keep the symmetry, tell graphs apart that message
# passing cannot, and end with sets: an element that can only be chosen if one knows the rest, and attention over time
# series.
#
# The guide is [Permutations](../guides/permutations.md).

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from jaxinv.kernels import permutations as perm

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#999999"

# %% [markdown]
# ## Fifteen patterns
#
# A linear map of 4 x 4 matrices is itself a matrix of 16 x 16 weights: row $(i, j)$ of the result, column $(k, l)$ of
# the input. It follows every renumbering if and only if the weight depends only on which of the four indices are equal.
# There are fifteen ways for four things to be equal or not, so fifteen patterns; each weight belongs to exactly one.
# Blue: where a pattern has its weight.
#
# Above each picture are the indices of result and input, $ij \leftarrow kl$, equal letters for equal indices. For
# instance $ij \leftarrow ij$ copies each entry off the diagonal, $ij \leftarrow ji$ transposes, and $ii \leftarrow jk$
# puts the sum of entries off the diagonal, without its own row and column, on the diagonal.

# %%
NODES = 4
basis = perm.permutation_basis(2, 2, NODES)  # (15, 16, 16), zeros and ones
patterns = perm.equality_patterns(4)
print(basis.shape, "weights of a map without the symmetry:", basis[0].size)

figure, axes = plt.subplots(3, 5, figsize=(8.5, 5.6), layout="constrained")
for axis, pattern, matrix in zip(axes.ravel(), patterns, basis, strict=True):
    axis.imshow(matrix, cmap=ListedColormap(["#F2F2F2", BLUE]), interpolation="nearest")
    a, b, c, d = ("ijkl"[block] for block in pattern)
    axis.set_title(rf"${a}{b} \leftarrow {c}{d}$", fontsize=11)
    axis.set(xticks=np.arange(-0.5, 16, 4), yticks=np.arange(-0.5, 16, 4), xticklabels=[], yticklabels=[])
    axis.grid(color="white", lw=1)
    axis.tick_params(length=0)
figure.supxlabel("entry of the input", fontsize=10)
figure.supylabel("entry of the result", fontsize=10)
plt.show()

assert np.array_equal(basis.sum(axis=0), np.ones((16, 16)))  # each weight is in one pattern

# %% [markdown]
# ## What they do
#
# `eq_2to2` does not store these patterns. It takes fifteen operations that span the same maps and are made of five
# parts: the diagonal $d$, the sums of rows $r$ and of columns $c$, the trace $t$ and the sum of all entries $s$, each
# put on the diagonal or spread along rows, along columns or everywhere. Here each operation acts on one matrix, drawn
# first.

# %%
matrix = np.array(
    [[2.0, 0, 0, 0, 3], [0, 1, 0, 0, 0], [0, 0, -2, 0, 0], [0, -3, 0, 1, 0], [0, 0, 0, 0, 0.0]], dtype=np.float32
)
operations = perm.basis_operations_2to2(jnp.asarray(matrix)[..., None], normalize=False)[..., 0]
titles = [rf"$\delta_{{ij}}\,{part}$" for part in ("d_i", "t", "r_i", "c_i", "s")]
titles += [f"${part}$" for part in ("c_i", "r_i", "c_j", "r_j", "A_{ij}", "A_{ji}", "d_i", "d_j", "t", "s")]
figure, axes = plt.subplots(2, 8, figsize=(9.5, 3.1), layout="constrained")
for axis, picture, title in zip(axes.ravel(), [matrix, *operations], ["the matrix $A$", *titles], strict=True):
    shown = axis.imshow(picture, cmap="PuOr", vmin=-5, vmax=5)
    axis.set_title(title, fontsize=10)
    axis.set(xticks=[], yticks=[])
axes[0, 0].spines[:].set(color=BLUE, linewidth=2)
figure.colorbar(shown, ax=axes, label="entry", shrink=0.8)
plt.show()

# They span what the patterns span.
generator = np.random.default_rng(0)
inputs = np.eye(16).reshape(16, NODES, NODES)
images = jax.vmap(lambda x: perm.basis_operations_2to2(x[..., None])[..., 0])(jnp.asarray(inputs, jnp.float32))
ours = np.moveaxis(np.asarray(images), 0, -1).reshape(15, 256)
rest = ours - ours @ basis.reshape(15, 256).T / basis.sum(axis=(1, 2)) @ basis.reshape(15, 256)
print("rank", np.linalg.matrix_rank(ours, tol=1e-4), "outside the span", abs(rest).max())
assert np.linalg.matrix_rank(ours, tol=1e-4) == 15
assert abs(rest).max() < 1e-6

# %% [markdown]
# ## Renumber the nodes
#
# Two layers of `eq_2to2` with a ReLU between, beside two dense layers on the flattened matrix. We exchange more and
# more pairs of the eight nodes and compare: the result of the renumbered matrix against the renumbered result. The
# dense layers give something else after the first exchange. The equivariant ones are off by rounding. The third curve
# is a test of the test: `eq_2to2` on a matrix to which row numbers were added, which breaks the symmetry.

# %%
n, width = 8, 8
keys = jax.random.split(jax.random.key(0), 6)
given = jax.random.normal(keys[0], (n, n, 1))
first = jax.random.normal(keys[1], (15, 1, width)) / 4
second = jax.random.normal(keys[2], (15, width, 1)) / (4 * width) ** 0.5
dense_first, dense_second = jax.random.normal(keys[3], (2, n * n, n * n)) / n


def equivariant(x):
    return perm.eq_2to2(jax.nn.relu(perm.eq_2to2(x, first)), second)


def dense(x):
    return (jax.nn.relu(x.reshape(-1) @ dense_first) @ dense_second).reshape(x.shape)


def numbered(x):
    return equivariant(x + jnp.arange(float(n))[:, None, None] / n)


def renumbering_error(function, order):
    wanted, found = function(given)[order][:, order], function(given[order][:, order])
    return jnp.linalg.norm(found - wanted) / jnp.linalg.norm(wanted)


def exchanged(key, count):
    """An order after so many exchanges of nodes, two that have not moved each time."""
    places = jax.random.permutation(key, n)
    order = jnp.arange(n)
    for pair in range(count):
        a, b = places[2 * pair], places[2 * pair + 1]
        order = order.at[a].set(b).at[b].set(a)
    return order


counts = range(1, 5)
orders = jnp.stack([jnp.stack([exchanged(key, count) for key in jax.random.split(keys[4], 20)]) for count in counts])
ways = {
    "dense layers": (dense, ORANGE, "o"),
    "row numbers added": (numbered, PURPLE, "s"),
    "eq_2to2": (equivariant, BLUE, "^"),
}
figure, axis = plt.subplots(figsize=(6.5, 3.3), layout="constrained")
for name, (function, colour, marker) in ways.items():
    error = jax.jit(jax.vmap(jax.vmap(lambda order, f=function: renumbering_error(f, order))))(orders)
    axis.semilogy(counts, error.mean(axis=1), marker + "-", color=colour, label=name)
    assert (error.max() < 1e-5) == (name == "eq_2to2")
axis.set(xlabel="pairs of nodes that were exchanged", ylabel="relative error", xticks=list(counts), ylim=(1e-8, 30))
axis.legend(fontsize=8, ncols=3, loc="upper center")
axis.set_title("Permutation equivariance error, mean of 20 renumberings")
plt.show()

# %% [markdown]
# ## Graphs that messages cannot tell apart
#
# A ring of six nodes and two triangles: in both every node has two neighbours. Message passing sees, at every node, the
# same messages as in the other graph, round after round; colour refinement (`wl_refine`) leaves all nodes of one
# colour. The fifteen maps on the whole graph do not help: networks of them are no stronger than colour refinement. But
# the neighbourhood of a node, cut out as a graph of its own, is a path in the ring and a triangle in the other graph.
# `ego_maps` maps every such ego net.


# %%
def message_passing(graph, rounds=3):
    """Sums over neighbours, with random weights: a number for the graph."""
    generator = np.random.default_rng(1)
    h = np.ones((len(graph), 8))
    for _ in range(rounds):
        h = np.tanh((graph @ h) @ generator.normal(size=(8, 8)) / 4 + h @ generator.normal(size=(8, 8)) / 4)
    return np.array([h.sum()])


CHANNELS = 8
weights = [
    jax.random.normal(key, shape) / 4
    for key, shape in zip(keys[:2], ((15, 1, CHANNELS), (2, CHANNELS, 4)), strict=True)
]


def whole_graph(graph):
    """A network of the fifteen maps, then a readout, on the whole graph."""
    hidden = jax.nn.relu(perm.eq_2to2(jnp.asarray(graph, jnp.float32)[..., None], weights[0]))
    return perm.eq_2to0(hidden, weights[1])


def ego_nets(graph):
    """The same two maps on every ego net, with means over nets between them, then the sum over centres."""
    batch = perm.ego_batch([graph], sizes=(8,))  # one bucket, with room for eight nodes
    egos, options = batch.subgraphs, {"num_nodes": len(graph)}
    pairs = jnp.asarray(batch.adjacency)[:, None]
    hidden = jax.nn.relu(perm.ego_maps(pairs, None, egos, {"2to2": weights[0][None]}, {}, **options).pairs)
    return perm.ego_maps(hidden, None, egos, {"2to0": weights[1][None]}, {}, **options).centres.sum(axis=0)


print(f"{'pair of graphs':<38} {'alike to WL':>11} {'messages':>9} {'whole':>9} {'ego nets':>9}")
differences = {}
for name, (one, other) in perm.look_alikes().items():
    alike = perm.wl_equivalent(one, other)
    apart = [
        float(np.abs(f(one) - f(other)).max() / np.abs(f(one)).max()) for f in (message_passing, whole_graph, ego_nets)
    ]
    differences[name] = apart
    print(f"{name:<38} {alike!s:>11} {apart[0]:>9.0e} {apart[1]:>9.0e} {apart[2]:>9.0e}")
    assert alike
    assert max(apart[:2]) < 1e-5
    assert (apart[2] > 1e-2) == ("rook" not in name)

# %% [markdown]
# The numbers are relative differences of the outputs: rounding means that the pair is not told apart. Ego nets tell the
# first two pairs apart and not the third one: around a node of the rook's graph are two triangles, of Shrikhande's a
# ring of six, which is the very pair that these maps cannot tell apart.
#
# In the picture: the first pair, nodes in the colour that colour refinement gives (one colour for all), the ego net of
# node 0 in orange.

# %%
ring, triangles = perm.look_alikes()["ring of six, two triangles"]
circle = np.stack([np.sin(np.pi * np.arange(6) / 3), np.cos(np.pi * np.arange(6) / 3)], axis=1)
aside = np.array([1.3, 0])
corners = np.stack([np.sin(2 * np.pi * np.arange(3) / 3), np.cos(2 * np.pi * np.arange(3) / 3)], axis=1)
places = {
    "ring of six": (ring, circle),
    "two triangles": (triangles, np.concatenate([corners - aside, corners + aside])),
}
colours = perm.wl_refine(np.block([[ring, np.zeros((6, 6), bool)], [np.zeros((6, 6), bool), triangles]]))
assert len(np.unique(colours)) == 1  # all twelve nodes alike

figure, axes = plt.subplots(1, 2, figsize=(7.5, 2.6), layout="constrained")
for axis, (name, (graph, place)) in zip(axes, places.items(), strict=True):
    net = perm.ego_subgraphs(graph)
    inside = net.nodes[0][net.mask[0]]
    for a, b in zip(*np.nonzero(np.triu(graph)), strict=True):
        cut_out = a in inside and b in inside
        axis.plot(*place[[a, b]].T, color=ORANGE if cut_out else GREY, lw=5 if cut_out else 2, zorder=1)
    axis.scatter(*place.T, s=220, color=BLUE, zorder=2)
    for node, (x, y) in enumerate(place):
        axis.text(x, y, str(node), color="white", ha="center", va="center", fontsize=9)
    edges = int(graph[np.ix_(inside, inside)].sum()) // 2
    axis.set_title(f"{name}: the ego net of node 0 has {edges} edges", fontsize=10)
    axis.set(aspect="equal", xlim=(-2.6, 2.6), ylim=(-1.25, 1.35))
    axis.axis("off")
plt.show()

# %% [markdown]
# ## A set function that knows the rest, and attention over series
#
# In the set $\{a, b, b\}$ the element that is there once is $a$; in $\{a, a, b\}$ it is $b$. A utility $F(S)$ of the
# subset alone gives $\{a\}$ the same value in both sets, so at most one answer is right. Told of the whole set by
# `superset_statistic`, $F(S; V)$ can be right in both. Both are trained below, by the same steps.
#
# The right-hand pictures are attention over time series, with each series one token. Six noisy series follow two hidden
# signals. With weights that leave tokens as they are (queries halved) attention is a softmax of correlations: the two
# groups appear as blocks. Listed in another order, the series have the same attention, in that order.

# %%
sets = jnp.array([[[1.0, 0], [0, 1], [0, 1]], [[1.0, 0], [1, 0], [0, 1]]])  # a is (1, 0), b is (0, 1)
single = jnp.array([[True, False, False], [False, False, True]])
STEPS, RATE = 300, 0.1


def start(key, told):
    keys = jax.random.split(key, 3)
    statistic = jax.random.normal(keys[2], (2, 16)) if told else None
    layers = jax.random.normal(keys[0], (2, 16)), jax.random.normal(keys[1], (16, 1)) / 4
    return perm.SetUtilityParams(layers, (jnp.zeros(16), jnp.zeros(1)), statistic)


def logits(params, h):
    """Of each element, met by the empty set: F({i}; V) - F({}; V)."""
    statistic = perm.superset_statistic(h) if params.statistic is not None else None
    folded, utility = perm.fold_utility(params, h, statistic)
    return perm.marginal_logits(utility, folded, jnp.zeros((1, 3)))


def loss(params):
    return jnp.sum(jax.vmap(perm.subset_nll)(jax.vmap(lambda h: logits(params, h))(sets), single))


@jax.jit
def train(params):
    def step(params, _):
        chosen = jax.vmap(lambda h: perm.topk_subset(logits(params, h), 1))(sets)
        value, slope = jax.value_and_grad(loss)(params)
        right = jnp.mean(jnp.all(chosen == single, axis=1).astype(jnp.float32))
        return jax.tree.map(lambda p, g: p - RATE * g, params, slope), (value, right)

    return jax.lax.scan(step, params, None, length=STEPS)[1]


curves = {told: train(start(jax.random.key(1), told)) for told in (False, True)}
print("right at the end: alone", curves[False][1][-1], "told of the whole set", curves[True][1][-1])
assert curves[False][1].max() <= 0.5
assert curves[True][1][-1] == 1

# %%
LOOK_BACK, SERIES = 48, 6
signals = np.stack([np.sin(np.arange(LOOK_BACK) / 4), np.cos(np.arange(LOOK_BACK) / 2.3)])
series = signals[np.arange(SERIES) // 3].T * generator.uniform(2, 4, SERIES) + generator.normal(
    size=(LOOK_BACK, SERIES)
)
series = jnp.asarray(
    series + generator.uniform(-5, 5, SERIES), jnp.float32
)  # (times, series), each of its own size and level
one, none = jnp.eye(LOOK_BACK), jnp.zeros(LOOK_BACK)
untrained = perm.AttentionParams(jnp.concatenate([one / 2, one, one], axis=1), jnp.zeros(3 * LOOK_BACK), one, none)


def attention(series):
    tokens = perm.instance_norm(series).values.T  # one token a series, its whole look-back
    return perm.variate_attention(untrained, tokens, num_heads=1)


shuffled = np.array([3, 0, 5, 1, 4, 2])
plain, moved = attention(series), attention(series[:, shuffled])
error = abs(moved.tokens - plain.tokens[shuffled]).max()
print("tokens after another order", error)
assert error < 1e-4
assert abs(moved.weights[0] - plain.weights[0][shuffled][:, shuffled]).max() < 1e-5

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.3), layout="constrained", width_ratios=(1.3, 1, 1))
for told, colour, style, label in (
    (False, ORANGE, "--", "$F(S)$"),
    (True, BLUE, "-", "$F(S; V)$, told of the whole set"),
):
    left.plot(curves[told][0], style, color=colour, label=f"{label}: {curves[told][1][-1]:.0%} right")
left.set(
    xlabel="step of training", ylabel="loss (nats, both sets)", title="The element that is there once", ylim=(0, None)
)
left.legend(fontsize=8)
for axis, found, names, title in (
    (middle, plain, np.arange(SERIES), "attention"),
    (right, moved, shuffled, "in another order"),
):
    shown = axis.imshow(found.weights[0], cmap="cividis", vmin=0)
    axis.set(xticks=range(SERIES), yticks=range(SERIES), xticklabels=names, yticklabels=names)
    axis.set(xlabel="from series", ylabel="to series", title=title)
figure.colorbar(shown, ax=(middle, right), label="weight", shrink=0.8)
plt.show()

# %% [markdown]
# Nothing in these weights depends on the number of series: the same parameters run on three or on three hundred.
# `encoder_layer` adds the rest of a Transformer's layer, `jaxinv.models.ITransformer` the whole forecaster.
