"""What a .safetensors file holds, and where, from its header.

The format: a little-endian unsigned 64-bit size, a JSON object of that size that maps names to dtype, shape and the
begin and end of the data, then the data, row by row.
"""

import io
import json
import math
import pathlib
from typing import IO, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxinv.ranking.errors import InputError

MOST_HEADER_BYTES = 100_000_000  # the format's own limit
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": jnp.bfloat16}


class Tensor(NamedTuple):
    """One tensor: its shape, dtype (None where it is no floating-point one), and the place of its bytes in the file."""

    shape: tuple[int, ...]
    dtype: np.dtype | None
    stored_dtype: str
    offset: int
    size: int


def read_safetensors_header(path: pathlib.Path) -> dict[str, Tensor]:
    """All tensors of a file by name.

    Raises:
      InputError: the header is damaged.
    """
    with path.open("rb") as file:
        return _read(file, str(path))


def read_tensors(content: bytes, where: str) -> dict[str, np.ndarray]:
    """The floating-point tensors of a file in memory, which they share.

    Raises:
      InputError: the header is damaged; `where` is what the message calls the file.
    """
    tensors = _read(io.BytesIO(content), where)
    return {
        name: np.frombuffer(content, tensor.dtype, math.prod(tensor.shape), tensor.offset).reshape(tensor.shape)
        for name, tensor in tensors.items()
        if tensor.dtype is not None
    }


def _read(file: IO[bytes], where: str) -> dict[str, Tensor]:
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= MOST_HEADER_BYTES:
        raise InputError(f"{where}: neither .npy nor .npz nor .safetensors (a header of {length} bytes)")
    text = file.read(length)
    try:
        content = json.loads(text)
        content.pop("__metadata__", None)
        return {name: _tensor(8 + length, **entry) for name, entry in content.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: truncated or damaged header ({error}). Write it again") from error


def _tensor(start: int, *, dtype: str, shape: list[int], data_offsets: list[int]) -> Tensor:
    begin, end = data_offsets
    known = np.dtype(_DTYPES[dtype]) if dtype in _DTYPES else None
    if begin < 0 or (known is not None and end - begin != math.prod(shape) * known.itemsize):
        raise ValueError(f"{dtype} {shape} at bytes {begin} to {end}")
    return Tensor(tuple(shape), known, dtype, start + begin, end - begin)
