"""On what a result was computed: versions and devices."""

import os
import platform

import jax
import jax.numpy as jnp
import numpy as np

import jaxinv


def environment() -> dict[str, str]:
    """Versions of jaxinv, Python, JAX and numpy; the precision, devices and operating system."""
    devices = jax.devices()
    return {
        "jaxinv": jaxinv.__version__,
        "python": platform.python_version(),
        "jax": jax.__version__,
        "numpy": np.__version__,
        "precision": str(jnp.result_type(float)),
        "devices": f"{len(devices)} x {devices[0].device_kind}",
        "cpu cores": str(os.cpu_count()),
        "system": platform.platform(),
    }
