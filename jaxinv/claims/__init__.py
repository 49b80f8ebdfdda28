"""Claims of papers, each re-run small by one command: `jaxinv claims run NAME`. None is here yet."""

from typing import Any

CLAIMS: dict[str, Any] = {}
