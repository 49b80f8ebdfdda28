"""The table of papers: what is claimed, what our last full run of the claim gave, and what is not built yet."""

import pathlib
import re
import tomllib

from jaxinv.claims import CLAIMS

RECORD = pathlib.Path(__file__).parents[1] / "papers.toml"
GUIDES = pathlib.Path(__file__).parents[1] / "guides"


def papers_table() -> str:
    """Markdown of `papers.toml` and the registry of claims, and a sentence that counts them."""
    record = tomllib.loads(RECORD.read_text())
    results, planned = record["results"], record["planned"]
    rows = [_built_row(name, results[name]) for name in sorted(results)]
    rows += [_planned_row(name, planned[name]) for name in sorted(planned)]
    verdicts = [result["verdict"] for result in results.values()]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in ("reproduced", "partly", "not reproduced"))
    papers = len(planned) + sum(not result.get("several_papers", False) for result in results.values())
    head = f"{papers} papers; {len(results)} claims are built ({counts}), {len(planned)} papers are not built yet.\n\n"
    return head + "\n".join(["| claim | paper | measured |", "| --- | --- | --- |", *rows])


def _built_row(name: str, result: dict) -> str:
    claim = CLAIMS[name]
    verdict = f"**{result['verdict']}**, {result['passed']} of {result['checks']} checks"
    paper = f"{claim.title}. {_linked(claim.reference)}<br>*{claim.statement}*"
    return f"| `{name}`<br>{_family(result['family'])}<br>{verdict} | {paper} | {result['measured']} |"


def _planned_row(name: str, paper: dict) -> str:
    title = f"{paper['title']}. {_linked(paper['reference'])}"
    return f"| `{name}`<br>{_family(paper['family'])} | {title} | not built yet |"


def _family(name: str) -> str:
    page = f"{name.replace('_', '-')}.md"
    return f"[{name}](guides/{page})" if (GUIDES / page).exists() else name


def _linked(reference: str) -> str:
    return re.sub(r"arXiv[: ](\d{4}\.\d{4,5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", reference)
