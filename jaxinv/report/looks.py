"""How a model looks in every picture: colour by one attribute, marker by another."""

import dataclasses
from collections.abc import Mapping, Sequence

# Okabe and Ito's colours that stand out from a white and from a dark page.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
OTHER = "#8b939c"
ACCENT = COLOURS[0]


@dataclasses.dataclass(frozen=True)
class Key:
    """One entry of the legend."""

    attribute: str
    text: str
    colour: str
    marker: str


@dataclasses.dataclass(frozen=True)
class Looks:
    """Colour and marker of each of M models, and the legend that explains them."""

    colours: tuple[str, ...]
    markers: tuple[str, ...]
    legend: tuple[Key, ...] = ()


def looks_of(attributes: Mapping[str, Sequence[str]], count: int, *, colour_by: str = "source") -> Looks:
    """Colours by the attribute `colour_by`, markers by "architecture".

    Where these attributes are not known, the first known ones take their place. An attribute of one value says nothing
    and is left out. Values past the last colour or marker share one grey or the last marker.

    Args:
      attributes: (M,) values each.
      count: M.
      colour_by: the attribute that the colour shows, if it is known.
    """
    telling = [name for name, values in attributes.items() if len(set(values)) > 1]
    colour = _first(telling, (colour_by, *(name for name in telling if name != "architecture"), "architecture"))
    rest = [name for name in telling if name != colour]
    marker = _first(rest, ("architecture", *rest))
    colours, colour_keys = _assign(attributes.get(colour), count, ACCENT, COLOURS, OTHER)
    markers, marker_keys = _assign(attributes.get(marker), count, MARKERS[0], MARKERS[:-1], MARKERS[-1])
    legend = [Key(colour, text, look, MARKERS[0]) for text, look in colour_keys.items()]
    legend += [Key(marker, text, OTHER, look) for text, look in marker_keys.items()]
    return Looks(colours, markers, tuple(legend))


def _first(known: Sequence[str], wanted: Sequence[str]) -> str:
    return next((name for name in wanted if name in known), "")


def _assign(
    values: Sequence[str] | None, count: int, default: str, looks: Sequence[str], other: str
) -> tuple[tuple[str, ...], dict[str, str]]:
    """A look for each value, in order of first appearance, and the value of each look."""
    if values is None:
        return (default,) * count, {}
    keys = {}
    for value in values:
        keys.setdefault(value, looks[len(keys)] if len(keys) < len(looks) else other)
    return tuple(keys[value] for value in values), keys
