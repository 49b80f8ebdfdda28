"""Time series that ship inside packages."""

import importlib.util

import numpy as np
import pytest

from jaxinv.data import MissingPackage, us_employment


def test_employment_is_that_of_the_package():
    pytest.importorskip("vega_datasets")
    found = us_employment()
    assert found.values.shape == (120, len(found.series_names)) == (120, 23)
    assert found.values.dtype == np.float32
    # Sums of sectors, and the change by month.
    column = dict(zip(found.series_names, found.values.T, strict=True))
    parts = column["mining_and_logging"] + column["construction"] + column["manufacturing"]
    np.testing.assert_allclose(column["goods_producing"], parts, atol=1)
    np.testing.assert_array_equal(column["nonfarm_change"][1:], np.diff(column["nonfarm"]))


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"vega-datasets is not installed.*pip install 'jaxinv\[series\]'"):
        us_employment()
