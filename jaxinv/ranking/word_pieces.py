"""Text as word pieces: what BERT's uncased networks read."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

LONGEST_WORD = 100  # a longer one is unknown


def word_pieces(text: str, vocabulary: Mapping[str, int]) -> list[int]:
    """Numbers of the pieces of a text, without the marks at its ends.

    Lower case without accents; words end at white space and around each punctuation mark or Chinese character; from the
    left, a word is cut into the longest pieces that the vocabulary has, those behind the first with "##" before them.

    References: Devlin et al. (2019), arXiv:1810.04805; Wu et al. (2016), arXiv:1609.08144, section 4.1.
    """
    unknown = vocabulary["[UNK]"]
    return [piece for word in _words(text) for piece in _pieces(word, vocabulary, unknown)]


def padded_pieces(texts: Sequence[str], vocabulary: Mapping[str, int], *, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of N texts between their marks, (N, length) int32, cut or padded, and (N, length) bool: what is there."""
    pieces = np.full((len(texts), length), vocabulary["[PAD]"], np.int32)
    there = np.zeros(pieces.shape, bool)
    for i, text in enumerate(texts):
        row = [vocabulary["[CLS]"], *word_pieces(text, vocabulary)[: length - 2], vocabulary["[SEP]"]]
        pieces[i, : len(row)] = row
        there[i, : len(row)] = True
    return pieces, there


def _words(text: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFD", text.lower())
    word = ""
    for character in plain:
        kind = unicodedata.category(character)
        alone = _is_punctuation(character, kind) or _is_chinese(character)
        if (alone or character.isspace()) and word:
            yield word
            word = ""
        if alone:
            yield character
        elif not character.isspace() and kind not in ("Mn", "Cc", "Cf"):
            word += character
    if word:
        yield word


def _is_punctuation(character: str, kind: str) -> bool:
    """Also signs like $ and ^, of the keyboard."""
    return kind.startswith("P") or (character.isascii() and kind.startswith("S"))


def _is_chinese(character: str) -> bool:
    code = ord(character)
    return (
        0x3400 <= code <= 0x4DBF or 0x4E00 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x2CEAF
    )


def _pieces(word: str, vocabulary: Mapping[str, int], unknown: int) -> list[int]:
    if len(word) > LONGEST_WORD:
        return [unknown]
    found, start = [], 0
    while start < len(word):
        before = "##" if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if before + word[start:end] in vocabulary), None)
        if end is None:
            return [unknown]
        found.append(vocabulary[before + word[start:end]])
        start = end
    return found
