"""Networks multiply in the device's own precision; where two ways are compared, in full precision."""

import jax
import pytest


@pytest.fixture(autouse=True)
def full_precision():
    with jax.default_matmul_precision("highest"):
        yield
