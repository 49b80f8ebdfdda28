"""Many time series that were taken together."""

import csv
from typing import NamedTuple

import numpy as np

from jaxinv.data.packaged import packaged_file


class TimeSeries(NamedTuple):
    """Series at equal distances in time.

    Attributes:
      name: of the set.
      values: `(T, N)` float32.
      series_names: N.
    """

    name: str
    values: np.ndarray
    series_names: tuple[str, ...]


def us_employment() -> TimeSeries:
    """120 months from January 2006 of 23 sectors, in thousands of people, as vega_datasets ships them.

    Some sectors are sums of others; the last series is the monthly change of the first.

    References: U.S. Bureau of Labor Statistics, Current Employment Statistics.
    """
    content = packaged_file(
        "vega_datasets",
        "_data/us-employment.csv",
        distribution="vega-datasets",
        known_version="0.9.0",
        sha256="0fa5366929bf738ac420509b84ed120155f740b0fa9c265ca309dad4057d1b1b",
        extra="series",
    )
    header, *rows = csv.reader(content.decode().splitlines())
    return TimeSeries("us_employment", np.array([row[1:] for row in rows], np.float32), tuple(header[1:]))
