"""Our docstrings as mkdocstrings likes them: an entry for each argument, and for each field of a named tuple."""

import re

import griffe

SHARED = re.compile(r"^( +)((?:\*{0,2}\w+, )+\*{0,2}\w+): (.*(?:\n\1 +.*)*)", re.MULTILINE)


PARAGRAPHS = re.compile(r"\n(?=(?:Transformations|References?): )")


class Docstrings(griffe.Extension):
    """What mkdocstrings runs on every object that it has read."""

    def on_function(self, *, func: griffe.Function, **_) -> None:
        """Splits what arguments share (`mask, weights: as in ...`), and lines that are paragraphs."""
        _split(func)

    def on_class(self, *, cls: griffe.Class, **_) -> None:
        """The same for constructors; the fields of a named tuple become a list instead of sections."""
        _split(cls)
        if any(str(base).endswith("NamedTuple") for base in cls.bases):
            _list_fields(cls)


def _split(read: griffe.Object) -> None:
    if read.docstring is not None:
        read.docstring.value = PARAGRAPHS.sub("\n\n", SHARED.sub(_entries, read.docstring.value))


def _entries(match: re.Match[str]) -> str:
    indent, names, text = match.groups()
    return "\n".join(f"{indent}{name}: {text}" for name in names.split(", "))


def _list_fields(cls: griffe.Class) -> None:
    fields = list(cls.attributes.values())
    text = cls.docstring.value if cls.docstring else ""
    if "Attributes:" not in text:
        entries = (f"  {one.name} ({one.annotation}): {_one_line(one)}" for one in fields)
        cls.docstring = griffe.Docstring("\n".join([text, "", "Attributes:", *entries]), parent=cls)
    for field in fields:
        del cls.members[field.name]


def _one_line(field: griffe.Attribute) -> str:
    return " ".join(field.docstring.value.split()) if field.docstring else ""
