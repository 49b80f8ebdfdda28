"""The radial basis beside its published formula."""

import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.radial_basis import radial_basis
from tests.duties import FEATURES, BadInput, Case

CUTOFF = 2.5


def bessel(lengths, num, cutoff=CUTOFF):
    """The definition, for lengths above 0."""
    lengths = np.asarray(lengths, float)[..., None]
    return np.sqrt(2 / cutoff) * np.sin(np.arange(1, num + 1) * np.pi * lengths / cutoff) / lengths


def published_envelope(lengths, order, cutoff=CUTOFF):
    u, p = np.asarray(lengths, float)[..., None] / cutoff, order
    value = 1 - (p + 1) * (p + 2) / 2 * u**p + p * (p + 2) * u ** (p + 1) - p * (p + 1) / 2 * u ** (p + 2)
    return np.where(u < 1, value, 0.0)


CASES = [
    Case(
        name="harmonics.radial_basis",
        function=lambda r: radial_basis(r, 5, cutoff=CUTOFF),
        arguments=lambda generator: (generator.uniform(0.1, 3.0, size=(2, 4)),),
        reference=lambda r: bessel(r, 5) * published_envelope(r, 6),
        empty=lambda: (np.zeros((0,)),),
        bad_input=(
            BadInput(call=lambda: radial_basis(jnp.ones(3), 4, cutoff=0.0), error=ValueError, message="cutoff must be"),
            BadInput(
                call=lambda: radial_basis(jnp.ones(3), 4, cutoff=-1.0), error=ValueError, message="cutoff must be"
            ),
            BadInput(call=lambda: radial_basis(jnp.ones(3), 0, cutoff=1.0), error=ValueError, message="num must be"),
            BadInput(
                call=lambda: radial_basis(jnp.ones(3), 4, cutoff=1.0, order=0),
                error=ValueError,
                message="order must be",
            ),
            BadInput(
                call=lambda: radial_basis(jnp.ones(3, int), 4, cutoff=1.0), error=TypeError, message="lengths must be"
            ),
        ),
        **FEATURES,
    )
]
