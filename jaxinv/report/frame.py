"""The frame of every HTML page that we write: one file, complete in itself."""

import os
import pathlib
from html import escape
from string import Template

from jaxinv.ranking.atomic import atomic_write

_FRAME = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$style
</style>
</head>
<body>
<header>
<h1>$title</h1>
<p class="lead">$lead</p>$nav
</header>
<main>
$body
<footer>Written by jaxinv $version. This page is one file, complete in itself.</footer>
</main>
</body>
</html>
""")


def html_page(*, title: str, lead: str, body: str, style: str, links: str = "") -> str:
    """A whole page.

    Args:
      title: plain text.
      lead: plain text under the title.
      body: HTML sections.
      style: sheet.
      links: HTML of the navigation; none by default.
    """
    import jaxinv

    return _FRAME.substitute(
        title=escape(title),
        lead=escape(lead),
        body=body,
        style=style,
        nav=f"\n<nav>{links}</nav>" if links else "",
        version=escape(jaxinv.__version__),
    )


def write_page(page: str, path: str | os.PathLike[str]) -> pathlib.Path:
    """Moves the page into place once it is complete; returns its path."""
    with atomic_write(path) as file:
        file.write(page.encode())
    return pathlib.Path(path)
