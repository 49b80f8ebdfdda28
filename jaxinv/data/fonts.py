"""Characters drawn with the typefaces that ship with matplotlib: which letter it is, or which typeface.

White on black; every picture has its own size, place and slant, drawn from a generator that is always seeded alike.
Another release of the drawing library may give other grey values along the edges.
"""

import functools
import io
import itertools
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from jaxinv.data.image_data import ImageData, resize
from jaxinv.data.packaged import MissingPackage, packaged_file
from jaxinv.data.pictures import Part, check_part

_FILES = MappingProxyType(
    {
        "DejaVuSans": "3fdf69cabf06049ea70a00b5919340e2ce1e6d02b0cc3c4b44fb6801bd1e0d22",
        "DejaVuSans-Bold": "b184b89e3c1075f22f6b71575b6fc20d4972b3cfd3b23322ca6fd596dcaef167",
        "DejaVuSans-Oblique": "ccdf74b350f11fd3dd5774de50e5e6346a1a5da1f5b7d5fb83590665e97a5213",
        "DejaVuSans-BoldOblique": "6edf0283160186af451cbee71e7b845f2e4cabf264bb992ce668c83c25465e6f",
        "DejaVuSansMono": "602ec86b8948cfcd956482fe64f94c36c867770149ef2f791d4613f443bcecb3",
        "DejaVuSansMono-Bold": "baada9a5172fe20886251aff0433fc38461912d5daf07287e7bee56620a8da96",
        "DejaVuSansMono-Oblique": "28052813f7a709fc89f52d192dc995ef4f0fdc5c3d7b73a49d6849b1916d0cd0",
        "DejaVuSansMono-BoldOblique": "a69081c15c76c827e0a27a5a7f5c74b6135c843499955495ffa8c20d3a98288b",
        "DejaVuSerif": "107244956e9962b9e96faccdc551825e0ae0898ae13737133e1b921a2fd35ffa",
        "DejaVuSerif-Bold": "c3753f2ed6bc673f15846dc45addbeb3b9c872f32fb18fd53a21f1bef1ed7676",
        "DejaVuSerif-Italic": "3e7994fbc54fa10ce3352a42d548fadd7d9cadb69cb1109bc9d960f6dac57f04",
        "DejaVuSerif-BoldItalic": "d93efec7a9d2e826768d1a2ee95b95870e15e29599a84f3484af1de1cec2e181",
        "STIXGeneral": "167378031e2dddc6216d67819c9260e9a06ffc4c478e4e23cb98a6fd44b183c2",
        "STIXGeneralBol": "e8533dc7083fa346bda1933d60ea4a83b67d0945bceaf1b3541f82b4a0e2c6a0",
        "STIXGeneralItalic": "6cfcb333d22b7c3c623bdfd40174f14c85c3d6731ca6166c1edc80140eae8527",
        "STIXGeneralBolIta": "98788fd4ba48dfbb2bd026c0e20a247a8b06c7372879628b7a6bb0d5bb09736c",
        "cmr10": "4dd9761b058c009db9b2145f55ee6617d093c273dd3d6c5b3e43ff6110fa9bf6",
        "cmb10": "074497b50c43ea57597181591f9893d38fc12a87e95104f5657fc2481f61a23a",
        "cmti10": "f9f1f9f654308ae82f7be4441ae89b080896b34cc220bbea173c5e9adcfe3ef7",
        "cmss10": "7df91a83d05b2e471ec638cb0b435a360a3c792b09fc42a7da67e91f2e79115a",
        "cmtt10": "6211f09ae93599991afda970c24669dad1a77e253d915624fbf212f702f071d7",
    }
)
_LETTERS = "ABCDEFGHIJ"
_TEST_FAMILIES = ("DejaVuSerif", "STIXGeneral")
_TYPEFACES = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "STIXGeneral",
    "STIXGeneralItalic",
    "cmr10",
    "cmtt10",
)
_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_CANVAS = 64  # pixels, drawn on and then averaged down
_FONT_SIZES = (40, 44, 48)
_MOST_SHIFT, _MOST_SLANT = 4.0, 8.0  # pixels of the canvas, degrees


def letters(part: Part, *, size: int = 16) -> ImageData:
    """The letters A to J, capital or small, each in every typeface of the part.

    Args:
      part: "train", Sans and Sans Mono of DejaVu and Computer Modern (13 typefaces), or "test", the Serif of DejaVu and
        STIX (8): no typeface is in both.
      size: height and width in pixels, 8 to 64.

    Returns:
      Of every class, 78 ("train", three pictures of each letter in each typeface and case) or 112 ("test", seven).
    """
    check_part(part)
    fonts = [name for name in _FILES if name.startswith(_TEST_FAMILIES) == (part == "test")]
    drawn = [(letter, font, case) for letter in _LETTERS for font in fonts for case in (letter, letter.lower())]
    repeats = 7 if part == "test" else 3
    labels = [_LETTERS.index(letter) for letter, _, _ in drawn]
    return _draw("letters", [(font, case) for _, font, case in drawn], labels, _LETTERS, repeats, part, size)


def typefaces(part: Part, *, size: int = 16) -> ImageData:
    """Ten typefaces, each with the 62 Latin letters and digits.

    Args:
      part: "train", two of every three characters, or "test", the third: no character is in both.
      size: height and width in pixels, 8 to 64.

    Returns:
      Of every class, 82 ("train", two pictures of each of 41 characters) or 105 ("test", five of each of 21).
    """
    check_part(part)
    characters = [c for i, c in enumerate(_CHARACTERS) if (i % 3 == 0) == (part == "test")]
    drawn = list(itertools.product(_TYPEFACES, characters))
    labels = [_TYPEFACES.index(font) for font, _ in drawn]
    return _draw("typefaces", drawn, labels, _TYPEFACES, 5 if part == "test" else 2, part, size)


def _draw(
    name: str,
    drawn: Sequence[tuple[str, str]],
    labels: list[int],
    class_names: Sequence[str],
    repeats: int,
    part: Part,
    size: int,
) -> ImageData:
    """Every (typeface, character), `repeats` times."""
    if not 8 <= size <= _CANVAS:
        raise ValueError(f"size must be between 8 and {_CANVAS}, got {size}")
    rng = np.random.default_rng([ord(name[0]), ord(part[1])])
    images = [_picture(font, character, rng) for font, character in drawn for _ in range(repeats)]
    small = resize(np.stack(images), (size, size))
    return ImageData(name, small, np.repeat(np.array(labels, np.int32), repeats), tuple(class_names))


def _picture(font: str, character: str, rng: np.random.Generator) -> np.ndarray:
    """(64, 64) in [0, 1], the character's box about the middle."""
    from PIL import Image, ImageDraw

    face = _font(font, int(rng.choice(_FONT_SIZES)))
    left, top, right, bottom = face.getbbox(character)
    dx, dy = rng.uniform(-_MOST_SHIFT, _MOST_SHIFT, 2)
    canvas = Image.new("L", (_CANVAS, _CANVAS))
    corner = ((_CANVAS - left - right) / 2 + dx, (_CANVAS - top - bottom) / 2 + dy)
    ImageDraw.Draw(canvas).text(corner, character, fill=255, font=face)
    turned = canvas.rotate(rng.uniform(-_MOST_SLANT, _MOST_SLANT), Image.Resampling.BILINEAR)
    return np.asarray(turned, np.float32) / np.float32(255)


@functools.lru_cache(maxsize=len(_FILES) * len(_FONT_SIZES))
def _font(name: str, size: int):
    content = packaged_file(
        "matplotlib",
        f"mpl-data/fonts/ttf/{name}.ttf",
        distribution="matplotlib",
        known_version="3.11.2",
        sha256=_FILES[name],
    )
    try:
        from PIL import ImageFont
    except ImportError as error:
        raise MissingPackage("Pillow is not installed: install it with pip install 'jaxinv[images]'") from error
    return ImageFont.truetype(io.BytesIO(content), size)
