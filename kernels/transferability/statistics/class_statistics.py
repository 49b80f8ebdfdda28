"""Class statistics: one pass over features and labels, and every statistics score without the samples.

The statistics are sums, so they add: over chunks of a file (`update`), over parts of a data set (`merge`) and over
devices (`all_reduce`). All sums are taken about a stored `shift` close to the mean, so that float32 survives features
with a large common offset.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.gram import weighted_gram
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape
from jaxinv.kernels.transferability.statistics.class_grams import class_grams


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ClassStatistics:
    """Sums over weighted samples `z = x - shift`, in float32 at least; all but `shift` and `valid_dim` add.

    Attributes:
      shift: `(D,)`, the provisional mean that was subtracted.
      count: `(C,)`, weight of each class.
      total: `(C, D)`, class sums of z.
      square: `(C, D)`, class sums of z^2.
      gram: `(D, D)`, sum of z z'.
      cubic: `(D,)`, sum of |z|^2 z; None in statistics of moved classes (`shift_classes`), which cannot know it.
      quartic: `()`, sum of |z|^4, or None likewise.
      ignored: `()`, number of samples whose label was outside `0 .. C-1`; they enter no other sum.
      valid_dim: `()`, the true number of columns where features were padded with zero columns.
      class_gram: `(C, D, D)`, the Gram matrix of each class, or None.
    """

    shift: jax.Array
    count: jax.Array
    total: jax.Array
    square: jax.Array
    gram: jax.Array
    cubic: jax.Array | None
    quartic: jax.Array | None
    ignored: jax.Array
    valid_dim: jax.Array
    class_gram: jax.Array | None = None

    @property
    def num_classes(self) -> int:
        """C, the number of classes, absent ones included."""
        return self.count.shape[-1]

    @property
    def dim(self) -> int:
        """D, the number of columns, padding included."""
        return self.shift.shape[-1]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ClassMoments:
    """Moments about the overall mean, as the scores use them.

    Columns that vary by less than rounding of their mean are constant: all their moments are 0.

    Attributes:
      num_samples: `()`, total weight N.
      count: `(C,)`, weight of each class.
      present: `(C,)` bool, classes with any weight.
      prior: `(C,)`, count / N.
      mean: `(D,)`, the overall mean.
      deviation: `(C, D)`, class mean minus overall mean; 0 for absent classes.
      scatter: `(D, D)`, sum of (x - mean)(x - mean)'.
      class_variance: `(C, D)`, biased variance of each class and column.
      quartic: `()`, sum of |x - mean|^4, or None in statistics of moved classes.
      valid_dim: `()`, true number of columns.
      class_gram: `(C, D, D)`, per-class sums of (x - mean)(x - mean)', or None.
    """

    num_samples: jax.Array
    count: jax.Array
    present: jax.Array
    prior: jax.Array
    mean: jax.Array
    deviation: jax.Array
    scatter: jax.Array
    class_variance: jax.Array
    quartic: jax.Array | None
    valid_dim: jax.Array
    class_gram: jax.Array | None

    @property
    def dropped_classes(self) -> jax.Array:
        """Number of classes without a sample; scores leave them out."""
        return jnp.sum(~self.present)


@functools.partial(jax.jit, static_argnames=("num_classes", "per_class_gram"))
def class_statistics(
    features: jax.Array,
    labels: jax.Array,
    num_classes: int,
    *,
    sample_weight: jax.Array | None = None,
    per_class_gram: bool = False,
    shift: jax.Array | None = None,
    valid_dim: jax.Array | int | None = None,
) -> ClassStatistics:
    """Class statistics of a labelled set of features, in one pass.

    Args:
      features: `(N, D)`, floating point, finite. Squares and fourth powers must fit the dtype: in float32 keep
        |x - mean| below 1e9.
      labels: `(N,)` integers in `0 .. num_classes - 1`; a sample with another label is ignored and counted.
      num_classes: C, static.
      sample_weight: `(N,)` non-negative; 0 leaves a sample out (padding). Default 1.
      per_class_gram: also take the Gram matrix of each class, C D^2 numbers, at the cost of one more Gram.
      shift: `(D,)`, what to subtract before summing; default the mean. Set it where parts must share one shift.
      valid_dim: true number of columns if the rest is zero padding; default D.

    Returns:
      ClassStatistics in float32, or float64 for float64 features. N = 0 gives zeros.

    Raises:
      TypeError: features are not floating point, or labels not integers.
      ValueError: shapes do not match, or num_classes < 1.

    Transformations: jit, vmap (over models: features and valid_dim batched, labels shared), jvp, vjp, shard_map with
    `all_reduce`. Memory beyond the input: O(N (D + C) + D^2), with per-class Grams O(N D + C D^2).
    References: Chan, Golub, LeVeque, Am. Stat. 37 (1983), eq. 1.5 for the merge about a shift.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> features = jnp.array([[0.0, 1.0], [2.0, 1.0], [4.0, 4.0]])
      >>> statistics = tf.class_statistics(features, jnp.array([0, 0, 1]), 2)
      >>> statistics.count
      Array([2., 1.], dtype=float32)
      >>> tf.finalise(statistics).mean
      Array([2., 2.], dtype=float32)
    """
    require_at_least("num_classes", num_classes, 1)
    require_floating("features", features)
    require_integer("labels", labels)
    require_shape("features", features, (None, None))
    num_samples, dim = features.shape
    require_shape("labels", labels, (num_samples,))
    dtype = accumulation_dtype(features)
    valid = (labels >= 0) & (labels < num_classes)
    weight = valid.astype(dtype)
    if sample_weight is not None:
        require_shape("sample_weight", sample_weight, (num_samples,))
        weight = weight * sample_weight.astype(dtype)
    if shift is None:
        # A sum, not a product: XLA on a CPU is eight times slower at a batch of matrix-vector products.
        mean = safe_divide(jnp.sum(weight[:, None] * features.astype(dtype), axis=0), jnp.sum(weight))
        # No score depends on the shift, so its derivative is none of theirs.
        shift = jax.lax.stop_gradient(mean)
    else:
        require_shape("shift", shift, (dim,))
        shift = shift.astype(dtype)
    centred = jnp.where(valid[:, None], features.astype(dtype) - shift[None, :], 0.0)
    weighted = centred if sample_weight is None else centred * weight[:, None]
    membership = jax.nn.one_hot(labels, num_classes, dtype=dtype) * weight[:, None]
    squared = centred * centred
    norm = jnp.sum(squared, axis=-1)
    # One more column gives `cubic` in the same product, which also depends on the features then: under vmap over models
    # XLA need not transpose them to bring the shared labels together.
    left = jnp.concatenate([membership, (weight * norm)[:, None]], axis=1)
    sums = contract("nc,nd->cd", left, centred)
    return ClassStatistics(
        shift=shift,
        count=jnp.sum(membership, axis=0),
        total=sums[:-1],
        square=contract("nc,nd->cd", left, squared)[:-1],
        gram=weighted_gram(weighted, centred),
        cubic=sums[-1],
        quartic=jnp.sum(weight * norm * norm),
        ignored=jnp.sum(~valid).astype(dtype),
        valid_dim=jnp.asarray(dim if valid_dim is None else valid_dim, dtype),
        class_gram=class_grams(centred, labels, weight, num_classes) if per_class_gram else None,
    )


def init(
    num_classes: int,
    dim: int,
    *,
    per_class_gram: bool = False,
    valid_dim: jax.Array | int | None = None,
    dtype: DTypeLike = jnp.float32,
) -> ClassStatistics:
    """Statistics of no samples: the neutral element of `merge`, and the start of a stream.

    Args:
      num_classes: C.
      dim: D.
      per_class_gram: whether the stream takes per-class Grams.
      valid_dim: true number of columns if the rest is zero padding; default D.
      dtype: of the sums; float32, or float64 under x64.

    Returns:
      ClassStatistics of zeros.

    Raises:
      ValueError: num_classes or dim below 1.

    Transformations: jit.
    """
    require_at_least("num_classes", num_classes, 1)
    require_at_least("dim", dim, 1)
    zeros = functools.partial(jnp.zeros, dtype=dtype)
    return ClassStatistics(
        shift=zeros(dim),
        count=zeros(num_classes),
        total=zeros((num_classes, dim)),
        square=zeros((num_classes, dim)),
        gram=zeros((dim, dim)),
        cubic=zeros(dim),
        quartic=zeros(()),
        ignored=zeros(()),
        valid_dim=jnp.asarray(dim if valid_dim is None else valid_dim, dtype),
        class_gram=zeros((num_classes, dim, dim)) if per_class_gram else None,
    )


@jax.jit
def update(
    statistics: ClassStatistics,
    features: jax.Array,
    labels: jax.Array,
    *,
    sample_weight: jax.Array | None = None,
) -> ClassStatistics:
    """Statistics of a stream after one more chunk.

    The first chunk with any weight sets the shift to its mean; later chunks are summed about the same shift.

    Args:
      statistics: of the stream so far, from `init` or an earlier `update`.
      features: `(n, D)`, the chunk.
      labels: `(n,)`.
      sample_weight: `(n,)`; 0 for rows that only fill up the chunk.

    Returns:
      ClassStatistics of all samples so far.

    Raises:
      TypeError, ValueError: as `class_statistics`; also if the chunk's width is not the stream's, or its
        classes were moved (`shift_classes`).

    Transformations: jit, vmap, jvp, vjp. Safe to donate `statistics`.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> features, labels = jax.random.normal(jax.random.key(0), (120, 4)), jnp.arange(120) % 3
      >>> stream = tf.init(3, 4)
      >>> for start in range(0, 120, 40):
      ...     stream = tf.update(stream, features[start : start + 40], labels[start : start + 40])
      >>> whole = tf.class_statistics(features, labels, 3)
      >>> bool(abs(tf.h_score(stream).score - tf.h_score(whole).score) < 1e-5)
      True
    """
    require_floating("features", features)
    require_shape("features", features, (None, statistics.dim))
    if statistics.quartic is None:
        raise ValueError("statistics of moved classes (shift_classes) take no more samples")
    dtype = statistics.gram.dtype
    features = features.astype(dtype)
    weight = jnp.ones(labels.shape, dtype) if sample_weight is None else sample_weight.astype(dtype)
    mean = safe_divide(contract("n,nd->d", weight, features), jnp.sum(weight))
    empty = jnp.sum(statistics.count) == 0
    shift = jnp.where(empty, jax.lax.stop_gradient(mean), statistics.shift)
    chunk = class_statistics(
        features,
        labels,
        statistics.num_classes,
        sample_weight=sample_weight,
        per_class_gram=statistics.class_gram is not None,
        shift=shift,
        valid_dim=statistics.valid_dim,
    )
    return _add(dataclasses.replace(statistics, shift=shift), chunk)


@jax.jit
def merge(a: ClassStatistics, b: ClassStatistics) -> ClassStatistics:
    """Statistics of two sets of samples together; associative, commutative up to rounding, `init` is neutral.

    Args:
      a: statistics of the first set; the result keeps its shift (or that of `b`, if `a` is empty).
      b: of the second, with the same C, D and per-class Grams.

    Returns:
      ClassStatistics of all samples.

    Raises:
      ValueError: C, D or the presence of per-class Grams differ, or only one is of moved classes (`shift_classes`).

    Transformations: jit, vmap, jvp, vjp.
    References: Chan, Golub, LeVeque, Am. Stat. 37 (1983).

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> features, labels = jax.random.normal(jax.random.key(0), (120, 4)), jnp.arange(120) % 3
      >>> first, second = (tf.class_statistics(features[half], labels[half], 3) for half in (slice(50), slice(50, 120)))
      >>> tf.merge(first, second).count
      Array([40., 40., 40.], dtype=float32)
    """
    require_shape("b.total", b.total, a.total.shape)
    if (a.class_gram is None) != (b.class_gram is None):
        raise ValueError("a and b must both have per-class Grams, or neither (per_class_gram)")
    if (a.quartic is None) != (b.quartic is None):
        raise ValueError("a and b must both be statistics of moved classes (shift_classes), or neither")
    shift = jnp.where(jnp.sum(a.count) == 0, b.shift, a.shift)
    return _add(recentre(a, shift), recentre(b, shift))


def all_reduce(statistics: ClassStatistics, axis_name: str) -> ClassStatistics:
    """Statistics of the samples of all devices along a mapped axis, inside `jax.shard_map` (or `vmap`).

    Args:
      statistics: of this device's samples.
      axis_name: the mesh axis over which samples are split.

    Returns:
      The same ClassStatistics on every device: one `psum` for the common shift, one for all sums.

    Transformations: jit, vmap, jvp, vjp.
    """
    weight = jnp.sum(statistics.count)
    shift = safe_divide(jax.lax.psum(weight * statistics.shift, axis_name), jax.lax.psum(weight, axis_name))
    local = recentre(statistics, shift)
    summed = jax.lax.psum(dataclasses.replace(local, valid_dim=jnp.zeros_like(weight)), axis_name)
    return dataclasses.replace(summed, shift=shift, valid_dim=statistics.valid_dim)


def recentre(statistics: ClassStatistics, shift: jax.Array) -> ClassStatistics:
    """The same statistics with all sums taken about another shift, exactly in exact arithmetic.

    Args:
      statistics: of any number of samples.
      shift: `(D,)`, in the dtype of the sums. Far from the mean, float32 loses digits.

    Returns:
      ClassStatistics about `shift`.

    Transformations: jit, vmap, jvp, vjp, second order. Cost `O(D^2)`, with per-class Grams `O(C D^2)`.
    """
    step = statistics.shift - shift
    count, total = statistics.count, statistics.total
    weight, first = jnp.sum(count), jnp.sum(total, axis=0)
    trace, length = jnp.sum(statistics.square), jnp.sum(step * step)
    along = contract("de,e->d", statistics.gram, step)
    first_along = jnp.sum(first * step)
    cubic, quartic, class_gram = statistics.cubic, statistics.quartic, statistics.class_gram
    if cubic is not None and quartic is not None:
        quartic = (
            quartic
            + 4 * jnp.sum(step * along)
            + weight * length**2
            + 4 * jnp.sum(step * cubic)
            + 2 * trace * length
            + 4 * length * first_along
        )
        cubic = cubic + (trace + 2 * first_along + weight * length) * step + 2 * along + length * first
    if class_gram is not None:
        cross = total[:, :, None] * step[None, None, :]
        outer = (step[:, None] * step[None, :])[None]
        class_gram = class_gram + cross + jnp.swapaxes(cross, 1, 2) + count[:, None, None] * outer
    cross = first[:, None] * step[None, :]
    return ClassStatistics(
        shift=shift,
        count=count,
        total=total + count[:, None] * step[None, :],
        square=statistics.square + 2 * total * step[None, :] + count[:, None] * (step * step)[None, :],
        gram=statistics.gram + cross + cross.T + weight * step[:, None] * step[None, :],
        cubic=cubic,
        quartic=quartic,
        ignored=statistics.ignored,
        valid_dim=statistics.valid_dim,
        class_gram=class_gram,
    )


def finalise(statistics: ClassStatistics) -> ClassMoments:
    """Moments about the overall mean, from which every statistics score is computed.

    Args:
      statistics: of any number of samples; none gives zeros.

    Returns:
      ClassMoments.

    Transformations: jit, vmap, jvp, vjp.
    """
    count = statistics.count
    num_samples = jnp.sum(count)
    mean = statistics.shift + safe_divide(jnp.sum(statistics.total, axis=0), num_samples)
    centred = recentre(statistics, mean)
    rounding = 4 * float(jnp.finfo(mean.dtype).eps) * jax.lax.stop_gradient(mean)
    # From the squares, not the Gram matrix: where a score does not need that, XLA leaves it out.
    varies = jnp.sum(centred.square, axis=0) > num_samples * rounding**2
    both = varies[:, None] & varies[None, :]
    deviation = jnp.where(varies[None, :], safe_divide(centred.total, count[:, None]), 0.0)
    spread = jnp.where(varies[None, :], safe_divide(centred.square, count[:, None]), 0.0)
    grams = centred.class_gram
    return ClassMoments(
        num_samples=num_samples,
        count=count,
        present=count > 0,
        prior=safe_divide(count, num_samples),
        mean=mean,
        deviation=deviation,
        scatter=jnp.where(both, centred.gram, 0.0),
        class_variance=jnp.maximum(spread - deviation**2, 0.0),
        quartic=None if centred.quartic is None else jnp.maximum(centred.quartic, 0.0),
        valid_dim=statistics.valid_dim,
        class_gram=None if grams is None else jnp.where(both[None], grams, 0.0),
    )


def _add(a: ClassStatistics, b: ClassStatistics) -> ClassStatistics:
    """The sum of statistics about one shift. The smaller `valid_dim` is the one that somebody stated."""
    summed = jax.tree.map(jnp.add, a, b)
    return dataclasses.replace(summed, shift=a.shift, valid_dim=jnp.minimum(a.valid_dim, b.valid_dim))
