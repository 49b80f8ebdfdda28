# %% [markdown]
# # Orbits and Haar samples
#
# A Lie group is a set of moves that one can do a little of. This notebook looks at four questions, with a picture
# each:
#
# - What does a one-parameter group do to a shape?
# - What is a *uniform* random rotation, and what goes wrong with random Euler angles?
# - A matrix is a stretch and a turn. Or a shear, a stretch and a turn. What are the parts?
# - Do logarithms and gradients survive where formulas divide by zero?
#
# and, at the end, at groups so large that nothing is uniform on them.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxinv.kernels import lie_groups as lie

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#888888"
plt.rcParams.update({"figure.dpi": 100, "font.size": 10, "axes.spines.top": False, "axes.spines.right": False})

# %% [markdown]
# ## Orbits
#
# Take one vector $x$ of the Lie algebra. The matrices $\exp(t x)$, for all times $t$, are a one-parameter group: doing
# it for a time $s$ and then for $t$ is doing it for $s + t$. What becomes of a point is its orbit.
#
# The flag is drawn at seven times, from dark to light; thin lines are the orbits of its corners.
#
# - **SO(2)** turns: orbits are circles.
# - **Sim(2)** turns, grows and drifts at once: orbits are spirals around the one point that stays.
# - **SL(2)** squeezes: orbits are hyperbolas. The flag changes its shape but never its area.
# - **GL+(2)** does all of it: this one turns, squeezes and shrinks.

# %%
flag = jnp.array([[0.0, 0.0], [0.0, 1.0], [0.6, 0.8], [0.0, 0.6], [0.0, 0.0]]) * 0.8 + jnp.array([0.9, 0.3])
times, fine = jnp.linspace(0.0, 1.0, 7), jnp.linspace(0.0, 1.0, 100)

# Coordinates as each module says: SO(2) the angle; Sim(2) translation, angle, log of the scale; SL(2) the two entries
# off the diagonal, then the diagonal; GL+(2) the entries row by row.
ones = {
    "SO(2)": (lie.so2, jnp.array([1.5 * jnp.pi])),
    "Sim(2)": (lie.sim2, jnp.array([0.6, 0.0, 1.5 * jnp.pi, -0.9])),
    "SL(2)": (lie.sl, jnp.array([0.0, 0.0, 1.0])),
    "GL+(2)": (lie.gl, jnp.array([-0.4, -3.4, 2.6, -0.6])),
}


def area(corners):
    x, y = corners[..., 0], corners[..., 1]
    return 0.5 * jnp.abs(jnp.sum(x[..., :-1] * y[..., 1:] - x[..., 1:] * y[..., :-1], axis=-1))


figure, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
for axis, (name, (group, x)) in zip(axes, ones.items(), strict=True):
    elements = group.exp(times[:, None] * x)
    assert abs(group.compose(elements[2], elements[3]) - elements[5]).max() < 1e-5
    moved = group.act(elements[:, None], flag)  # (times, corners, 2)
    orbits = group.act(group.exp(fine[:, None] * x)[:, None], flag)
    if name in ("SO(2)", "SL(2)"):
        assert abs(area(moved) / area(flag) - 1).max() < 1e-4
    axis.plot(orbits[..., 0], orbits[..., 1], color=GREY, linewidth=0.6)
    for corners, time in zip(moved, times, strict=True):
        axis.fill(*corners.T, color=plt.cm.viridis(0.95 * float(time)), alpha=0.9)
    axis.set(title=name, aspect="equal", xlabel="x")
    axis.margins(0.06)
axes[0].set_ylabel("y")
plt.show()

# %% [markdown]
# ## What is a uniform rotation?
#
# The Haar measure of SO(3) is the one distribution of rotations that no rotation changes. `lie.so3.sample_haar` draws
# from it. A popular way that does *not* is three uniform Euler angles. Both are compared below, 20 000 rotations each.
#
# - *Left*: the height $z$ to which a rotation takes the north pole. On a sphere all heights are equally likely
#   (Archimedes); Euler angles crowd the poles.
# - *Middle*: the angle of the rotation. Haar measure has the density $(1 - \cos t) / \pi$ (black): small angles are
#   rare, because there are few rotations near the identity.
# - *Right*: why it matters. The integral of $(\mathrm{tr}\, R)^2$ over the group is 1, as $\mathrm{tr}\, R$ is the
#   character of an irreducible representation. The error with Haar samples falls like $1 / \sqrt n$; with Euler angles
#   it stays at 1/4, however many are drawn. The green dot is `so3_quadrature(2)`, 18 rotations: exact to rounding.

# %%
key_haar, key_euler = jax.random.split(jax.random.key(0))
angles = jax.random.uniform(key_euler, (20_000, 3)) * jnp.array([2 * jnp.pi, jnp.pi, 2 * jnp.pi])


def about(axis, angle):
    return lie.so3.exp(angle[:, None] * jnp.eye(3)[axis])


samples = {
    "Haar": lie.so3.sample_haar(key_haar, (20_000,)),
    "Euler angles": about(2, angles[:, 0]) @ about(1, angles[:, 1]) @ about(2, angles[:, 2]),
}
squares = {name: jnp.trace(rotations, axis1=1, axis2=2) ** 2 for name, rotations in samples.items()}
numbers = np.geomspace(20, 20_000, 16).astype(int)
elements, weights = lie.so3_quadrature(2)
exact = abs(jnp.sum(weights * jnp.trace(elements, axis1=1, axis2=2) ** 2) - 1)
print("mean of the squared trace:", {name: round(float(x.mean()), 3) for name, x in squares.items()})
assert len(weights) == 18
assert exact < 1e-5
assert abs(squares["Haar"].mean() - 1) < 0.05
assert abs(squares["Euler angles"].mean() - 1.25) < 0.05

figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
for (name, rotations), colour, style in zip(samples.items(), (BLUE, ORANGE), ("-", "--"), strict=True):
    turn = lie.so3.distance(rotations, jnp.eye(3))
    options = {"density": True, "bins": 40, "histtype": "step", "color": colour, "label": name, "linestyle": style}
    axes[0].hist(np.asarray(rotations[:, 2, 2]), linewidth=1.5, **options)
    axes[1].hist(np.asarray(turn), linewidth=1.5, **options)
    # The mean absolute error of as many independent estimates as the samples allow.
    errors = [abs(squares[name][: 20_000 // n * n].reshape(-1, n).mean(axis=1) - 1).mean() for n in numbers]
    axes[2].loglog(numbers, errors, color=colour, linestyle=style, linewidth=1.5)
angle = np.linspace(0, np.pi, 100)
axes[1].plot(angle, (1 - np.cos(angle)) / np.pi, color="black", linewidth=1)
axes[2].plot(18, max(float(exact), 1e-7), "o", color=GREEN, clip_on=False)
axes[2].annotate("quadrature", (18, max(float(exact), 1e-7)), (60, 2e-6), color=GREEN)
axes[0].set(title="where the pole goes", xlabel="height z", ylabel="density", ylim=(0, None))
axes[1].set(title="how far it turns", xlabel="angle (radians)", ylabel="density", ylim=(0, None))
axes[2].set(
    title="the integral of $(\\mathrm{tr}\\, R)^2$", xlabel="number of rotations", ylabel="error", ylim=(5e-8, 3)
)
axes[0].legend(frameon=False, loc="upper center")
plt.show()

# %% [markdown]
# ## One matrix, three ways to take it apart
#
# Follow the unit circle through the factors of one matrix of positive determinant, from left to right; every row ends
# with the same ellipse, because the factors multiply to the same matrix. Dots mark points of the circle, to show
# turns.
#
# - **Polar**, $A = R S$: a stretch along two axes across each other, then a turn. The stretch is symmetric: no point
#   on its axes turns.
# - **Iwasawa**, $A = k\, a\, n$: a shear, a stretch along x and y, a turn. One Gram-Schmidt, no eigenvalues.
# - **KAK**, $A = k_1 a\, k_2$: a turn, a stretch along x and y, another turn: the singular value decomposition with
#   rotations.
#
# Which one to take: the polar parts are the ones that move with a change of coordinates, so that networks on matrix
# groups use them (`xi_inv`); Iwasawa is the cheapest; KAK gives the two numbers that no rotation from either side
# changes.

# %%
a = jnp.array([[1.3, -1.1], [1.2, 0.2]])
right, kan, kak = lie.polar(a, side="right"), lie.iwasawa(a), lie.kak(a)
chains = {
    "polar": [("stretch S", right.stretch), ("turn R", right.rotation)],
    "Iwasawa": [("shear n", kan.n), ("stretch a", jnp.diag(jnp.exp(kan.log_a))), ("turn k", kan.k)],
    "KAK": [("turn $k_2$", kak.k2), ("stretch a", jnp.diag(jnp.exp(kak.log_a))), ("turn $k_1$", kak.k1)],
}
assert bool(right.exists & kan.exists & kak.exists)

around = jnp.linspace(0, 2 * jnp.pi, 200)
circle = jnp.stack([jnp.cos(around), jnp.sin(around)], axis=-1)
dots = circle[:200:25][:8]
colours = plt.cm.viridis(np.linspace(0, 0.95, 8))
figure, axes = plt.subplots(3, 4, figsize=(8, 5.2), layout="constrained", sharex=True, sharey=True)
for row, (name, chain) in zip(axes, chains.items(), strict=True):
    so_far = jnp.eye(2)
    for axis, (step, factor) in zip(row, [("unit circle", jnp.eye(2)), *chain], strict=False):
        so_far = factor @ so_far
        axis.plot(*(circle @ so_far.T).T, color=GREY, linewidth=1.2)
        axis.scatter(*(dots @ so_far.T).T, c=colours, s=30, zorder=2)
        axis.set(title=step, aspect="equal")
    row[0].set_ylabel(name, fontweight="bold")
    assert abs(so_far - a).max() < 1e-5
axes[0, 3].set_visible(False)
for axis in axes[-1]:
    axis.set_xlabel("x")
plt.show()

# %% [markdown]
# ## Where formulas break
#
# Textbook formulas divide by zero in places where networks like to be: at the identity, at half-turns, at equal
# singular values. All pictures are in float32; lower is better.
#
# - *Left*: the error of the rotation vector (radians), against how far the rotation is from a half-turn. The
#   textbook's $\omega = \frac{t}{2 \sin t} (R - R^\top)^\vee$ with $t = \arccos \frac{\mathrm{tr} R - 1}{2}$ loses its
#   digits there, as one over the square of the distance. `so3.log`, by the quaternion, does not see the half-turn.
# - *Right*: the relative error of a *gradient*, against the difference of the singular values of a 2 x 2 matrix. The
#   rotation of the polar decomposition depends smoothly on the matrix, also where they are equal. Through
#   `jnp.linalg.svd` its gradient is a difference of large numbers, and NaN where they are equal; `polar` has the
#   derivative of the rotation itself.

# %%
axis_of_turn = np.array([2.0, 3.0, 6.0]) / 7


def rotation_matrix(vector):
    """Rodrigues in float64, rounded to float32 at the end."""
    angle = np.linalg.norm(vector)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross).astype(np.float32)


def textbook_log(rotation):
    angle = jnp.arccos((jnp.trace(rotation) - 1) / 2)
    skew = rotation - rotation.T
    return angle / (2 * jnp.sin(angle)) * jnp.stack([skew[2, 1], skew[0, 2], skew[1, 0]])


def polar_angle(rotation):
    return jnp.arctan2(rotation[1, 0] - rotation[0, 1], rotation[0, 0] + rotation[1, 1])


def angle_by_svd(matrix):
    u, _, v = jnp.linalg.svd(matrix)
    return polar_angle(u @ v)


from_half_turn = np.geomspace(3e-4, 1, 25)
vectors = (np.pi - from_half_turn)[:, None] * axis_of_turn
rotations = jnp.asarray(np.stack([rotation_matrix(vector) for vector in vectors]))
logs = {"textbook": jax.vmap(textbook_log)(rotations), "so3.log": lie.so3.log(rotations)}
log_errors = {name: np.linalg.norm(np.asarray(found) - vectors, axis=-1) for name, found in logs.items()}
assert max(log_errors["so3.log"]) < 1e-5
assert max(log_errors["textbook"]) > 1e-3

gaps = np.geomspace(1e-6, 1, 25).astype(np.float32)
quarter = lie.so2.exp(jnp.array([0.4]))
matrices = quarter @ (jax.vmap(jnp.diag)(jnp.stack([2 + gaps, np.full(25, 2, np.float32)], axis=-1))) @ quarter
gradients = {
    "jnp.linalg.svd": jax.vmap(jax.grad(angle_by_svd))(matrices),
    "polar": jax.vmap(jax.grad(lambda m: polar_angle(lie.polar(m).rotation)))(matrices),
}
wide = np.asarray(matrices, np.float64)
p, q = wide[:, 1, 0] - wide[:, 0, 1], wide[:, 0, 0] + wide[:, 1, 1]  # the angle is arctan(p / q)
truth = np.stack([np.stack([-p, -q], -1), np.stack([q, -p], -1)], -2) / (p**2 + q**2)[:, None, None]
gradient_errors = {
    name: np.linalg.norm(np.asarray(found) - truth, axis=(1, 2)) / np.linalg.norm(truth, axis=(1, 2))
    for name, found in gradients.items()
}
assert max(gradient_errors["polar"]) < 1e-5
equal = 2 * quarter
assert not jnp.isfinite(jax.grad(angle_by_svd)(equal)).all()
assert jnp.isfinite(jax.grad(lambda m: polar_angle(lie.polar(m).rotation))(equal)).all()
assert not jnp.isfinite(jax.jacobian(textbook_log)(jnp.eye(3))).all()
assert jnp.isfinite(jax.jacobian(lie.so3.log)(jnp.eye(3))).all()

figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.2), layout="constrained")
panels = (
    (from_half_turn, log_errors, "logarithm of a rotation", "radians from a half-turn", "error (radians)"),
    (gaps, gradient_errors, "gradient of a polar rotation", "difference of singular values", "relative error"),
)
for axis, (x, errors, title, xlabel, ylabel) in zip(axes, panels, strict=True):
    for (name, values), colour, marker in zip(errors.items(), (ORANGE, BLUE), "so", strict=True):
        axis.loglog(x, np.maximum(values, 1e-9), color=colour, marker=marker, markersize=4, label=name)
    axis.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axis.legend(frameon=False)
plt.show()

# %% [markdown]
# The assertions above hold the degenerate points themselves: at two equal singular values the gradient through the SVD
# is NaN, at the identity the Jacobian of the textbook's logarithm is, and those of jaxinv are finite.
#
# ## Groups without a uniform distribution
#
# SL(2) is not compact: its Haar measure is infinite, and nothing is uniform on it. One draws stretches from *some*
# distribution and weighs each sample by Haar measure over that distribution: `sample_polar_pairs` returns the
# logarithms of the weights, `weighted_integral` uses them.
#
# The test: integrate a bump over the group, and integrate the same bump moved by $g = \mathrm{diag}(e^s, e^{-s})$.
# Haar measure does not see the move, so the curve must be flat. With weights (blue, band: two standard errors) it is;
# without (orange) it falls to a fraction, and a network built on it is not equivariant to large stretches.
#
# The price is printed below: weights alone have an infinite variance, and a few large ones count for all. Times a
# function that decays they are useful; the further the bump moves out, to where few samples are, the wider the band.

# %%
sampled = lie.sample_polar_pairs(jax.random.key(1), 100_000, group="sl", variance=1.0)
stretches = jnp.linspace(-1.0, 1.0, 9)


def bump(matrices):
    first, second, angle = jnp.moveaxis(lie.xi_inv(matrices, group="sl"), -1, 0)
    return jnp.exp(-3 * (first**2 + second**2)) * (1 + 0.5 * jnp.cos(angle / jnp.sqrt(2.0)))


@jax.jit
def moved_integral(s):
    mover = jnp.diag(jnp.exp(jnp.array([s, -s])))
    values = bump(mover @ sampled.element)
    found = lie.weighted_integral(values, sampled.log_weight)
    return found.value, found.standard_error, values.mean()


value, error, plain = (np.asarray(part) for part in jax.lax.map(moved_integral, stretches))
alone = lie.effective_sample_size(sampled.log_weight)
with_bump = lie.effective_sample_size(sampled.log_weight + jnp.log(bump(sampled.element)))
print(f"100 000 weights count as {float(alone):.0f} equal ones, times the bump as {float(with_bump):.0f}")
assert max(abs(value - value[4]) / np.hypot(error, error[4])) < 4
assert plain[0] < 0.7 * plain[4]

figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
axis.plot(stretches, value / value[4], color=BLUE, marker="o", label="weighted")
axis.fill_between(stretches, (value - 2 * error) / value[4], (value + 2 * error) / value[4], color=BLUE, alpha=0.2)
axis.plot(stretches, plain / plain[4], color=ORANGE, marker="s", linestyle="--", label="not weighted")
axis.set(title="the integral of a moved bump over SL(2)", xlabel="log of the stretch, s", ylabel="integral, 1 at s = 0")
axis.set_ylim(0, 1.3)
axis.legend(frameon=False, loc="lower center")
plt.show()

# %% [markdown]
# ## What to take home
#
# - `exp` of a time times a vector is a motion; each group module has the same verbs.
# - Draw rotations with `sample_haar`; for a smooth integrand of low degree take a quadrature instead.
# - `polar`, `iwasawa`, `kak` have derivatives that are right at degenerate points where one exists; KAK is the one
#   whose factors have none where singular values are equal.
# - On a non-compact group look at the effective sample size, and weigh.
#
# The [guide](../guides/lie-groups.md) has the tables and formulas.
