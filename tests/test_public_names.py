"""Public names and signatures are those of the committed list; `python -m tests.public_names` writes it anew."""

from tests.public_names import LISTED, public_names


def test_public_names_are_the_listed_ones():
    listed, found = LISTED.read_text().splitlines(), public_names()
    gone, new = sorted(set(listed) - set(found)), sorted(set(found) - set(listed))
    assert (gone, new) == ([], []), "no longer there, and not listed"
