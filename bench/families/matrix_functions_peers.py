"""Peers of matrix functions that run on the host."""

import numpy as np
import scipy.linalg


def scipy_expm(a: np.ndarray) -> np.ndarray:
    """A batch at once."""
    return scipy.linalg.expm(a)


def scipy_logm(g: np.ndarray) -> np.ndarray:
    """Matrix by matrix, which is what scipy has; entries row by row."""
    logs = [np.real(scipy.linalg.logm(one)).ravel() for one in g.reshape(-1, *g.shape[-2:])]
    return np.array(logs).reshape(*g.shape[:-2], -1)


def torch_expm(a: np.ndarray) -> np.ndarray:
    """On the device that torch has."""
    import torch  # pyright: ignore[reportMissingImports]

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.linalg.matrix_exp(torch.as_tensor(a, device=device)).cpu().numpy()
