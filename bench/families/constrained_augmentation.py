"""Random transformations of a batch of pictures beside a loop over pictures and one branch a transformation."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import constrained_augmentation_peers as peers
from jaxinv.kernels import symmetrization as kernels

FAMILY = "symmetrization"
CIFAR = {"pictures": 128, "side": 32}
CLASSES, CHANNELS, STATES = 10, 3, 2


def _pictures(generator: np.random.Generator, sizes: Sizes) -> np.ndarray:
    return generator.random((sizes["pictures"], sizes["side"], sizes["side"], CHANNELS), np.float32)


def _pixels(sizes: Sizes) -> float:
    """Of all pictures and channels."""
    return float(sizes["pictures"] * sizes["side"] ** 2 * CHANNELS)


def _work(sizes: Sizes) -> Work:
    """Three mixtures of two numbers a pixel and channel; pictures read and written once."""
    return Work(flops=9 * _pixels(sizes), bytes=8 * _pixels(sizes))


# --- The warp.


def _warp_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    angle = generator.uniform(-np.pi, np.pi, sizes["pictures"])
    shift = generator.uniform(-3, 3, (2, sizes["pictures"]))
    c, s = np.cos(angle), np.sin(angle)
    theta = np.stack([np.stack([c, s, shift[0]], -1), np.stack([-s, c, shift[1]], -1)], axis=1)
    return _pictures(generator, sizes), theta.astype(np.float32)


def _scipy_warps(images: np.ndarray, thetas: np.ndarray) -> np.ndarray:
    return np.stack([peers.warp(image, theta) for image, theta in zip(images, thetas, strict=True)])


@jax.vmap
def _map_coordinates(image, theta):
    """A look-up a channel."""
    centre = (image.shape[0] - 1) / 2
    y, x = jnp.mgrid[: image.shape[0], : image.shape[1]] - centre
    column, row = (part[0] * x + part[1] * y + part[2] + centre for part in theta)
    look_up = functools.partial(jax.scipy.ndimage.map_coordinates, order=1, mode="constant")
    return jnp.stack([look_up(image[..., i], [row, column]) for i in range(CHANNELS)], axis=-1)


# --- The bank.


def _bank_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Pictures, and what is drawn for each."""
    count = sizes["pictures"]
    index = generator.permutation(np.arange(count) % len(kernels.TRANSFORMS)).astype(np.int32)
    sign = generator.choice(np.array([-1, 1], np.float32), count)
    return _pictures(generator, sizes), index, generator.integers(1, 30, count).astype(np.float32) / 30, sign


def _bank(images, *drawn):
    return jax.vmap(lambda image, *one: kernels.apply_transform(image, kernels.Transform(*one)))(images, *drawn)


def _bank_in_numpy(images: np.ndarray, index: np.ndarray, magnitude: np.ndarray, sign: np.ndarray) -> np.ndarray:
    names = (kernels.TRANSFORMS[i] for i in index)
    found = [peers.transform(*one) for one in zip(images, names, magnitude, sign, strict=True)]
    return np.stack(found).astype(np.float32)


@jax.vmap
def _bank_by_switch(image, index, magnitude, sign):
    def branch(which, image, magnitude, sign):
        return kernels.apply_transform(image, kernels.Transform(jnp.asarray(which), magnitude, sign))

    branches = [functools.partial(branch, which) for which in range(len(kernels.TRANSFORMS))]
    return jax.lax.switch(index, branches, image, magnitude, sign)


# --- The sampler.


def _sampler_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Pictures, labels, and the weights of a linear classifier."""
    labels = generator.integers(0, CLASSES, sizes["pictures"]).astype(np.int32)
    weight = generator.normal(size=(sizes["side"] ** 2 * CHANNELS, CLASSES)) / sizes["side"]
    return _pictures(generator, sizes), labels, weight.astype(np.float32)


def _sampler(images, labels, weight):
    def propose(key, images):
        weights = kernels.transform_weights(kernels.WIDE_TRANSFORMS)
        drawn = jax.vmap(lambda key: kernels.sample_transform(key, weights))(jax.random.split(key, len(images)))
        return jax.vmap(kernels.apply_transform)(images, drawn), drawn

    def loss(images, labels):
        log_probabilities = jax.nn.log_softmax(images.reshape(len(images), -1) @ weight)
        return -jnp.take_along_axis(log_probabilities, labels[:, None], axis=1)[:, 0]

    return kernels.independence_mh(jax.random.key(0), propose, loss, images, labels, steps=STATES)


def _sampler_in_numpy(images: np.ndarray, labels: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The same law by other draws."""
    generator = np.random.default_rng(0)

    def draw():
        count = len(images)
        names = generator.choice(kernels.WIDE_TRANSFORMS, count)
        drawn = zip(
            images, names, generator.integers(31, size=count) / 30, generator.choice([-1, 1], count), strict=True
        )
        new = np.stack([peers.transform(*one) for one in drawn])
        logits = new.reshape(count, -1) @ weight
        shifted = logits - logits.max(axis=1, keepdims=True)
        return new, np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(count), labels]

    state, loss = draw()
    for _ in range(STATES - 1):
        new, new_loss = draw()
        accepted = generator.random(len(images)) <= np.maximum(new_loss, 1e-12) / np.maximum(loss, 1e-12)
        state, loss = np.where(accepted[:, None, None, None], new, state), np.where(accepted, new_loss, loss)
    return state


CASES = (
    Case(
        family=FAMILY,
        name="warp_affine",
        kernel=jax.vmap(kernels.warp_affine),
        arguments=_warp_arguments,
        sizes=(CIFAR,),
        small={"pictures": 3, "side": 6},
        work=_work,
        peers=(
            Peer(name="scipy, a picture at a time", kind="library", call=_scipy_warps, tolerance=1e-4),
            Peer(name="map_coordinates", kind="library", call=_map_coordinates, compiled=True, tolerance=1e-4),
        ),
        differentiable=(0, 1),
        sweep={"pictures": (512, 2048)},
    ),
    Case(
        family=FAMILY,
        name="apply_transform",
        kernel=_bank,
        arguments=_bank_arguments,
        sizes=(CIFAR,),
        small={"pictures": 17, "side": 6},
        work=_work,
        peers=(
            Peer(name="numpy and scipy, a picture at a time", kind="dense", call=_bank_in_numpy, tolerance=1e-4),
            Peer(name="a branch each", kind="dense", call=_bank_by_switch, compiled=True, tolerance=1e-4),
        ),
    ),
    Case(
        family=FAMILY,
        name="independence_mh",
        kernel=_sampler,
        arguments=_sampler_arguments,
        sizes=(CIFAR,),
        small={"pictures": 5, "side": 6},
        work=lambda sizes: Work(
            flops=STATES * (_work(sizes).flops + 2 * _pixels(sizes) * CLASSES), bytes=STATES * _work(sizes).bytes
        ),
        value=lambda chain: chain.loss,
        peers=(Peer(name="numpy and scipy, a picture at a time", kind="another map", call=_sampler_in_numpy),),
    ),
)
