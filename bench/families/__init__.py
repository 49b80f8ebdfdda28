"""The cases of every family."""

from jaxinv.bench.case import Case
from jaxinv.bench.families.transferability import CASES as TRANSFERABILITY

FAMILIES: dict[str, tuple[Case, ...]] = {"transferability": TRANSFERABILITY}
