"""Links of the Markdown files at the top lead somewhere; those of the site are mkdocs' own business (strict)."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FILES = sorted(ROOT.glob("*.md"))


def anchors(text: str) -> set[str]:
    """Of headings, as Markdown viewers make them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: pathlib.Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        there = ROOT / name if name else path
        assert there.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in anchors(there.read_text()), f"{path.name}: {target}"


def test_there_are_links():
    assert len(re.findall(r"\]\(docs/", (ROOT / "README.md").read_text())) > 10
