"""Losses of two views, maps made from latents, and retrieval of poses: each beside its definition in float64 numpy."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.spatial.transform import Rotation

from jaxinv.kernels import representations as kernels
from tests.duties import FEATURES, BadInput, Case
from tests.lie_groups.quaternion_cases import unit

NUM, WIDTH = 6, 3
LOSS: dict[str, Any] = {"value": lambda result: result, "second_order": True, "tolerance": (1e-4, 1e-10)}
GROUPS, VIEWS = np.array([0, 1, 1, 0]), np.array([2, 0, 1, 1])


def two_views(generator: np.random.Generator, num: int = NUM, width: int = WIDTH) -> tuple[np.ndarray, np.ndarray]:
    """A sample and the same moved, off the origin, of a variance below 1."""
    x = 0.6 * generator.normal(size=(num, width)) + 1.0
    return x, x + 0.3 * generator.normal(size=x.shape)


def variance(x: np.ndarray) -> float:
    """By columns, one by one."""
    return float(np.mean([max(0.0, 1 - np.sqrt(np.var(column, ddof=1) + 1e-4)) for column in x.T]) / 2)


def covariance(x: np.ndarray) -> float:
    """Of the matrix of covariances, as numpy has it."""
    matrix = np.cov(x, rowvar=False)
    return float((np.sum(matrix**2) - np.sum(np.diag(matrix) ** 2)) / x.shape[1])


def _five(generator):
    (first, second), (third, fourth) = two_views(generator), two_views(generator, width=5)
    return first, second, third, fourth, 0.5 * fourth + 0.1 * generator.normal(size=fourth.shape)


def _sie(x_inv, y_inv, x_eq, y_eq, predicted):
    views = np.concatenate([x_inv, x_eq], axis=1), np.concatenate([y_inv, y_eq], axis=1)
    terms = 10 * np.mean((x_inv - y_inv) ** 2) + 4.5 * np.mean((predicted - y_eq) ** 2)
    return terms + 10 * (sum(map(variance, views)) + variance(predicted)) + sum(map(covariance, views))


def _info_nce(x, y):
    rows = [row / np.linalg.norm(row) for row in (*x, *y)]
    total = 0.0
    for i, row in enumerate(rows):
        scores = {j: np.exp(row @ other / 0.1) for j, other in enumerate(rows) if j != i}
        total -= np.log(scores[(i + len(x)) % len(rows)] / sum(scores.values()))
    return total / len(rows)


def _maps(generator):
    return generator.normal(size=(2, 3, 4)), generator.normal(size=(5, 2)), generator.normal(size=(5, 3))


def _hyper_linear(weights, z, x):
    matrices = [np.tensordot(row, weights, 1) for row in z]
    return np.stack([matrix.T @ row for matrix, row in zip(matrices, x, strict=True)])


def _latent(first, second):
    found = (Rotation.from_quat(first).inv() * Rotation.from_quat(second)).as_quat()
    return np.where(found[..., 3:] < 0, -found, found)


def _retrieval(generator):
    gallery = generator.normal(size=(2, 3, 4))
    return gallery[GROUPS, VIEWS] + generator.normal(size=(4, 4)), gallery


def _ranks(predicted, gallery):
    found = []
    for row, group, view in zip(predicted, GROUPS, VIEWS, strict=True):
        cosines = [row @ other / np.linalg.norm(row) / np.linalg.norm(other) for other in gallery[group]]
        found.append(1 + np.argsort(np.argsort(-np.array(cosines)))[view])
    return np.array(found)


def _ranked(predicted, gallery):
    return kernels.retrieval_ranks(predicted, gallery, jnp.asarray(GROUPS), jnp.asarray(VIEWS))


def _pre_arguments(generator):
    return generator.normal(size=(4, 3)), unit(generator, 4), generator.normal(size=(6, 3)), unit(generator, 6)


def _pre(predicted, targets, gallery, poses):
    nearest = np.argmax(predicted @ (gallery / np.linalg.norm(gallery, axis=1, keepdims=True)).T, axis=1)
    return 1 - np.sum(poses[nearest] * targets, axis=1) ** 2


def _r2_flat(predicted, target):
    return 1 - np.sum((predicted - target) ** 2) / np.sum((target - target.mean()) ** 2)


def _r2_columns(predicted, target):
    return np.mean([_r2_flat(p, t) for p, t in zip(predicted.T, target.T, strict=True)])


def _bad(call: Any, message: str, error: type[Exception] = ValueError) -> BadInput:
    return BadInput(call=call, error=error, message=message)


def _one_view(generator):
    return (two_views(generator)[0],)


ONES, WHOLE, QUATERNIONS = jnp.ones((NUM, WIDTH)), jnp.ones((NUM, WIDTH), jnp.int32), jnp.ones((2, 4))
NUMBERS = jnp.zeros(4, jnp.int32)
_NOT_FLOAT = "x must be floating"

CASES = [
    Case(
        name="representations.vicreg_invariance",
        function=kernels.vicreg_invariance,
        arguments=two_views,
        reference=lambda x, y: np.mean((x - y) ** 2),
        differentiable=(0, 1),
        **LOSS,
        bad_input=(
            _bad(lambda: kernels.vicreg_invariance(ONES, ONES[:2]), r"y must have shape \(6, 3\), got \(2, 3\)"),
            _bad(lambda: kernels.vicreg_invariance(ONES[:0], ONES[:0]), "x must have at least one entry"),
            _bad(lambda: kernels.vicreg_invariance(WHOLE, ONES), _NOT_FLOAT, TypeError),
        ),
    ),
    Case(
        name="representations.vicreg_variance",
        function=kernels.vicreg_variance,
        arguments=_one_view,
        reference=variance,
        **LOSS,
        bad_input=(
            _bad(lambda: kernels.vicreg_variance(ONES[:1]), "x must have at least 2 samples"),
            _bad(lambda: kernels.vicreg_variance(WHOLE), _NOT_FLOAT, TypeError),
        ),
    ),
    Case(
        name="representations.vicreg_covariance",
        function=kernels.vicreg_covariance,
        arguments=_one_view,
        reference=covariance,
        **LOSS,
        bad_input=(
            _bad(lambda: kernels.vicreg_covariance(ONES[:1]), "x must have at least 2 samples"),
            _bad(lambda: kernels.vicreg_covariance(ONES[0]), r"x must have shape \(any, any\)"),
        ),
    ),
    Case(
        name="representations.sie_loss",
        function=kernels.sie_loss,
        # 8 columns side by side and 6 samples: covariances on the samples' side.
        arguments=_five,
        reference=_sie,
        differentiable=(0, 1, 2, 3, 4),
        **{**LOSS, "value": lambda result: result.loss},
        bad_input=(
            _bad(lambda: kernels.sie_loss(ONES, ONES, ONES, ONES, ONES[1:]), r"y_predicted must have shape \(6, 3"),
            _bad(lambda: kernels.sie_loss(ONES, ONES[:2], ONES, ONES, ONES), r"y_invariant must have shape \(6, 3\)"),
            _bad(lambda: kernels.sie_loss(WHOLE, ONES, ONES, ONES, ONES), "x_invariant must be floating", TypeError),
        ),
    ),
    Case(
        name="representations.info_nce",
        function=kernels.info_nce,
        arguments=two_views,
        reference=_info_nce,
        differentiable=(0, 1),
        **LOSS,
        bad_input=(
            _bad(lambda: kernels.info_nce(ONES, ONES[:, :2]), r"y must have shape \(6, 3\)"),
            _bad(lambda: kernels.info_nce(ONES[:0], ONES[:0]), "x must have at least one row"),
        ),
    ),
    Case(
        name="representations.hyper_linear_apply",
        function=kernels.hyper_linear_apply,
        arguments=_maps,
        reference=_hyper_linear,
        differentiable=(0, 1, 2),
        empty=lambda: (np.zeros((2, 3, 4)), np.zeros((0, 2)), np.zeros((0, 3))),
        **FEATURES,
        bad_input=(
            _bad(
                lambda: kernels.hyper_linear_apply(jnp.ones((2, 3, 4)), jnp.ones((5, 3)), jnp.ones((5, 3))),
                r"z must have shape \(5, 2\), got \(5, 3\)",
            ),
            _bad(
                lambda: kernels.hyper_linear_apply(jnp.ones((2, 3, 4)), jnp.ones((5, 2)), jnp.ones((4, 3))),
                r"x must have shape \(5, 3\), got \(4, 3\)",
            ),
        ),
    ),
    Case(
        name="representations.pose_latent",
        function=kernels.pose_latent,
        arguments=lambda generator: (unit(generator, 3), unit(generator, 3)),
        reference=_latent,
        differentiable=(0, 1),
        **{**FEATURES, "low_precision": 1e-2},
        bad_input=(
            _bad(lambda: kernels.pose_latent(QUATERNIONS, QUATERNIONS, relation="left"), "relation must be one of"),
            _bad(lambda: kernels.pose_latent(QUATERNIONS, QUATERNIONS, latent="euler"), "latent must be one of"),
        ),
    ),
    Case(
        name="representations.retrieval_ranks",
        function=lambda predicted, gallery: _ranked(predicted, gallery).astype(predicted.dtype),
        arguments=_retrieval,
        reference=_ranks,
        differentiable=(),
        **FEATURES,
        bad_input=(
            _bad(
                lambda: kernels.retrieval_ranks(jnp.ones((4, 3)), jnp.ones((2, 3, 4)), NUMBERS, NUMBERS),
                r"gallery must have shape \(any, any, 3\)",
            ),
            _bad(
                lambda: kernels.retrieval_ranks(jnp.ones((4, 3)), jnp.ones((2, 3, 3)), NUMBERS * 1.0, NUMBERS),
                "group must hold integers",
                TypeError,
            ),
        ),
    ),
    Case(
        name="representations.mean_reciprocal_rank",
        function=lambda *arguments: kernels.mean_reciprocal_rank(_ranked(*arguments)).astype(arguments[0].dtype),
        arguments=_retrieval,
        reference=lambda *arguments: np.mean(1 / _ranks(*arguments)),
        differentiable=(),
        **FEATURES,
        bad_input=(_bad(lambda: kernels.mean_reciprocal_rank(jnp.ones(3)), "ranks must hold integers", TypeError),),
    ),
    Case(
        name="representations.hit_at",
        function=lambda *arguments: kernels.hit_at(_ranked(*arguments), k=2).astype(arguments[0].dtype),
        arguments=_retrieval,
        reference=lambda *arguments: np.mean(_ranks(*arguments) <= 2),
        differentiable=(),
        **FEATURES,
        bad_input=(
            _bad(lambda: kernels.hit_at(NUMBERS, k=0), "k must be >= 1, got 0"),
            _bad(lambda: kernels.hit_at(NUMBERS[None]), r"ranks must have shape \(any\)"),
        ),
    ),
    Case(
        name="representations.pre_error",
        function=kernels.pre_error,
        arguments=_pre_arguments,
        reference=_pre,
        differentiable=(1, 3),
        **{**FEATURES, "low_precision": 1e-2},
        bad_input=(
            _bad(
                lambda: kernels.pre_error(jnp.ones((4, 3)), jnp.ones((4, 4)), jnp.ones((6, 3)), jnp.ones((5, 4))),
                r"gallery_poses must have shape \(6, 4\), got \(5, 4\)",
            ),
            _bad(
                lambda: kernels.pre_error(jnp.ones((4, 3)), jnp.ones((4, 3)), jnp.ones((6, 3)), jnp.ones((6, 4))),
                r"target_poses must have shape \(4, 4\), got \(4, 3\)",
            ),
        ),
    ),
    *(
        Case(
            name=f"representations.{name}",
            function=function,
            arguments=two_views,
            reference=reference,
            differentiable=(0, 1),
            empty=lambda: (np.zeros((0, WIDTH)), np.zeros((0, WIDTH))),
            **LOSS,
            bad_input=(_bad(lambda function=function: function(ONES, ONES[:, :2]), r"y must have shape \(6, 3\)"),),
        )
        for name, function, reference in (
            ("r2_score_flat", kernels.r2_score_flat, _r2_flat),
            ("r2_score_columns", kernels.r2_score_columns, _r2_columns),
        )
    ),
]
