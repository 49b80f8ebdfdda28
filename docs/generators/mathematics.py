"""Formulas as MathML, which browsers draw by themselves: no script, no font, nothing to load."""

import html
import re

from latex2mathml.converter import convert

INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
DISPLAY = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)


def with_mathml(page: str) -> str:
    """The page with every formula that `pymdownx.arithmatex` has marked (option `generic`) converted.

    Raises:
      Exception: latex2mathml's, where a formula is wrong.
    """
    page = INLINE.sub(lambda match: convert(html.unescape(match[1])), page)
    return DISPLAY.sub(lambda match: convert(html.unescape(match[1]), display="block"), page)
