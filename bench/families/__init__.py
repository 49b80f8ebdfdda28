"""The cases of every family."""

from jaxinv.bench.case import Case
from jaxinv.bench.families.channel_products import CASES as CHANNEL_PRODUCTS
from jaxinv.bench.families.harmonics import CASES as HARMONICS
from jaxinv.bench.families.tensor_products import CASES as TENSOR_PRODUCTS
from jaxinv.bench.families.transferability import CASES as TRANSFERABILITY

FAMILIES: dict[str, tuple[Case, ...]] = {
    "harmonics": HARMONICS,
    "tensor_products": (*TENSOR_PRODUCTS, *CHANNEL_PRODUCTS),
    "transferability": TRANSFERABILITY,
}
