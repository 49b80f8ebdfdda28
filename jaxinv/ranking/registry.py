"""Every transferability score by name: what it needs, what it says, and its kernel."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels import transferability as kernels
from jaxinv.kernels.transferability.prediction_scores.leep import leep
from jaxinv.kernels.transferability.prediction_scores.nce import nce
from jaxinv.kernels.transferability.sample_scores.nearest_neighbours import knn
from jaxinv.kernels.transferability.sample_scores.ridge_leave_one_out import ridge_leave_one_out
from jaxinv.kernels.transferability.sample_scores.tmi import tmi
from jaxinv.ranking.errors import InputError

CLASS_GRAM_BYTES = 256 << 20  # per-class Grams up to this size are taken unasked
PARC_SAMPLES = 500  # as in its paper; it sorts half their square
PACTRAN_SAMPLES = 300  # it fits a regression, in many steps
Needs = Literal["statistics", "class Grams", "samples", "source probabilities"]


class Inputs(NamedTuple):
    """What a score may use of one model; `labels` `(n,)` belong to the sampled rows."""

    statistics: kernels.ClassStatistics
    spectrum: kernels.Spectrum
    features: jax.Array
    source_probabilities: Any
    labels: jax.Array

    @property
    def num_classes(self) -> int:
        """C."""
        return self.statistics.num_classes

    @property
    def valid_dim(self) -> jax.Array:
        """The model's true width, where its features are padded."""
        return self.statistics.valid_dim.astype(jnp.int32)

    @property
    def truth(self) -> jax.Array:
        """One-hot labels `(n, C)`; zeros where a label is outside `0 .. C-1`."""
        return jax.nn.one_hot(self.labels, self.num_classes, dtype=self.features.dtype)

    def every_few(self, most: int) -> tuple[jax.Array, jax.Array]:
        """Features and labels of at most `most` samples that have a class, at even distances.

        Where fewer have one, rows without fill up.
        """
        size = len(self.labels)
        has_class = (self.labels >= 0) & (self.labels < self.num_classes)
        first = jnp.argsort(~has_class, stable=True)
        count = jnp.sum(has_class)
        place = jnp.arange(min(most, size))
        rows = first[jnp.where(count > most, place * count // most, place)]
        return self.features[rows], self.labels[rows]


class Score(NamedTuple):
    """A score in the registry.

    Attributes:
      needs: what of a model it takes.
      meaning: what it says.
      compute: its kernel, for one model; the result has a field `score`.
      over_pool: for a score that is relative to the pool: from the fields of `compute`, `(M,)` each, the scores `(M,)`.
    """

    needs: Needs
    meaning: str
    compute: Callable[[Inputs], Any]
    over_pool: Callable[[Mapping[str, Any]], jax.Array] | None = None


SCORES: Mapping[str, Score] = {
    "logme": Score(
        "statistics",
        "log evidence of a Bayesian linear fit, per sample",
        lambda x: kernels.logme(x.statistics, spectrum=x.spectrum),
    ),
    "h_score": Score(
        "statistics",
        "sum of squared canonical correlations of features and labels",
        lambda x: kernels.h_score(x.statistics),
    ),
    "shrinkage_h_score": Score(
        "statistics", "H-score with Ledoit-Wolf covariance", lambda x: kernels.shrinkage_h_score(x.statistics)
    ),
    "lfc": Score(
        "statistics", "correlation of feature and label similarity (linear CKA)", lambda x: kernels.lfc(x.statistics)
    ),
    "lda": Score("statistics", "Fisher's criterion of shrunk LDA", lambda x: kernels.lda(x.statistics)),
    "nearest_mean": Score(
        "statistics", "share of variance between class means", lambda x: kernels.nearest_mean(x.statistics)
    ),
    "ridge_gcv": Score(
        "statistics",
        "minus the cross-validated error of ridge regression (GCV)",
        lambda x: kernels.ridge_gcv(x.statistics, spectrum=x.spectrum),
    ),
    "intra_class_variance": Score(
        "statistics", "variance within the classes", lambda x: kernels.intra_class_variance(x.statistics)
    ),
    "gbc": Score("statistics", "minus the overlap of spherical class Gaussians", lambda x: kernels.gbc(x.statistics)),
    "gbc_diagonal": Score(
        "statistics",
        "minus the overlap of diagonal class Gaussians",
        lambda x: kernels.gbc(x.statistics, covariance="diagonal"),
    ),
    "ped_logme": Score(
        "statistics",
        "LogME after the classes have pushed each other apart (PED)",
        lambda x: kernels.with_ped(kernels.logme)(x.statistics),
    ),
    "gbc_full": Score(
        "class Grams",
        "minus the overlap of full class Gaussians",
        lambda x: kernels.gbc(x.statistics, covariance="full"),
    ),
    "transrate": Score(
        "class Grams",
        "coding rate of all features minus that of the classes",
        lambda x: kernels.transrate(x.statistics),
    ),
    "tmi_gaussian": Score(
        "class Grams", "Gaussian entropy within the classes", lambda x: kernels.tmi_gaussian(x.statistics)
    ),
    "tmi": Score(
        "samples",
        "entropy within the classes, by nearest neighbours",
        lambda x: tmi(x.features, x.labels, num_classes=x.num_classes, valid_dim=x.valid_dim),
    ),
    "knn": Score(
        "samples",
        "leave-one-out accuracy of the nearest neighbour",
        lambda x: knn(x.features, x.labels, num_classes=x.num_classes),
    ),
    "ridge_leave_one_out": Score(
        "samples",
        "minus the leave-one-out error of ridge regression",
        lambda x: ridge_leave_one_out(x.features, x.labels, num_classes=x.num_classes),
    ),
    "lda_probability": Score(
        "samples",
        "probability of the true class under LDA",
        lambda x: kernels.discriminant_score(x.features, x.labels, kernels.lda(x.statistics)),
    ),
    "nearest_mean_probability": Score(
        "samples",
        "probability of the true class by nearest class mean",
        lambda x: kernels.discriminant_score(x.features, x.labels, kernels.nearest_mean(x.statistics)),
    ),
    "sfda": Score(
        "samples",
        "probability of the true class under LDA, the samples moved by what it confuses",
        lambda x: kernels.sfda(x.features, x.labels, num_classes=x.num_classes, valid_dim=x.valid_dim),
    ),
    "ped_sfda": Score(
        "samples",
        "SFDA after the classes have pushed each other apart (PED)",
        lambda x: kernels.with_ped_samples(kernels.sfda)(
            x.features, x.labels, num_classes=x.num_classes, valid_dim=x.valid_dim
        ),
    ),
    "n_leep": Score(
        "samples",
        "LEEP through the clusters of the features",
        lambda x: kernels.n_leep(
            jax.random.key(0), x.features, x.labels, num_classes=x.num_classes, num_restarts=2, max_dim=64
        ),
    ),
    "parc": Score(
        "samples",
        "rank correlation of the distances of features and of labels",
        lambda x: kernels.parc(*x.every_few(PARC_SAMPLES), num_classes=x.num_classes),
    ),
    "ncti": Score(
        "samples",
        "nearness to neural collapse, relative to the pool",
        lambda x: kernels.ncti(x.features, x.labels, num_classes=x.num_classes, valid_dim=x.valid_dim),
        lambda x: kernels.ncti_pool(x["score"], x["feature_nuclear_norm"], x["log_class_nuclear_norm"]),
    ),
    "etran": Score(
        "samples",
        "probability of the true class under LDA and energy, relative to the pool",
        lambda x: kernels.etran(x.features, x.labels, num_classes=x.num_classes, valid_dim=x.valid_dim),
        lambda x: kernels.etran_pool(x["energy"], x["score"]),
    ),
    "pactran_gaussian": Score(
        "samples",
        "PAC-Bayes bound of logistic regression, its sign changed",
        # Of the prior scales of its paper the one that is quickest to fit.
        lambda x: kernels.pactran_gaussian(
            *x.every_few(PACTRAN_SAMPLES), num_classes=x.num_classes, prior_scale=0.1, valid_dim=x.valid_dim
        ),
    ),
    "emms": Score(
        "samples",
        "minus the residual of a least-squares fit of the labels (EMMS with the classes as its only label embedding)",
        lambda x: kernels.emms(x.features, x.truth[..., None], sample_weight=jnp.sum(x.truth, axis=-1)),
    ),
    "leep": Score(
        "source probabilities",
        "log likelihood of the labels through the source classes",
        lambda x: leep(x.source_probabilities, x.labels, num_classes=x.num_classes),
    ),
    "nce": Score(
        "source probabilities",
        "minus the entropy of the labels given the predicted source class",
        lambda x: nce(x.source_probabilities, x.labels, num_classes=x.num_classes),
    ),
    "pactran_dirichlet": Score(
        "source probabilities",
        "PAC-Bayes bound of the labels given the source class, Dirichlet prior, its sign changed",
        lambda x: kernels.pactran_dirichlet(x.source_probabilities, x.labels, num_classes=x.num_classes),
    ),
    "pactran_gamma": Score(
        "source probabilities",
        "the same with Gamma priors",
        lambda x: kernels.pactran_gamma(x.source_probabilities, x.labels, num_classes=x.num_classes),
    ),
}


def choose_scores(names: Sequence[str] | None, *, source_probabilities: bool) -> tuple[str, ...]:
    """Checked score names, in the order of the registry.

    Args:
      names: of the wanted scores; None for all that the input allows.
      source_probabilities: whether the models' own class probabilities are there.

    Raises:
      InputError: a name is unknown, or its input is missing.
    """
    if names is None:
        return tuple(n for n, s in SCORES.items() if source_probabilities or s.needs != "source probabilities")
    for name in names:
        if name not in SCORES:
            near = difflib.get_close_matches(name, SCORES, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InputError(f"scores: there is no score {name!r}.{hint} The scores are: {', '.join(SCORES)}")
        if SCORES[name].needs == "source probabilities" and not source_probabilities:
            raise InputError(f"scores: {name} needs the models' own class probabilities: give --source-probabilities")
    if not names:
        raise InputError(f"scores: none given. The scores are: {', '.join(SCORES)}")
    return tuple(name for name in SCORES if name in names)


def takes_class_gram(names: Sequence[str], *, num_classes: int, width: int, asked: bool) -> bool:
    """Whether per-class Grams are taken of features of this width: a score needs them, and asks for them or is small.

    Args:
      names: of the scores.
      num_classes: C.
      width: D.
      asked: whether the scores were asked for by name.
    """
    needed = any(SCORES[name].needs == "class Grams" for name in names)
    return needed and (asked or 4 * num_classes * width**2 <= CLASS_GRAM_BYTES)
