"""What mkdocs calls: adds the generated pages, fills in generated tables, and converts formulas."""

from benchmarks import families, family_page, summary_table
from command_line import command_line_page
from executed_notebooks import notebook_pages
from mathematics import with_mathml
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from papers import papers_table
from reference import reference_pages

# Their tables are wider than the room beside a table of contents.
WIDE = ("papers.md", "league.md", "transformations.md", "benchmarks/")
TABLES = {"<!-- papers -->": papers_table, "<!-- benchmarks -->": summary_table}


def on_files(files: Files, *, config) -> Files:
    """Adds generated pages to those of the folder."""
    generated: dict[str, str | bytes] = {**reference_pages(), **notebook_pages()}
    generated |= {f"benchmarks/{name.replace('_', '-')}.md": family_page(name) for name in families()}
    generated["reference/command-line.md"] = command_line_page()
    for path, content in generated.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_) -> str:
    """Puts generated tables where a page asks for them, and gives wide ones their room."""
    if page.file.src_uri.startswith(WIDE):
        page.meta["hide"] = ["toc"]
    for mark, table in TABLES.items():
        if mark in markdown:
            markdown = markdown.replace(mark, table())
    return markdown


def on_page_content(html: str, **_) -> str:
    """Formulas to MathML."""
    return with_mathml(html)
