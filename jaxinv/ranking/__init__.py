"""Ranking pretrained models for a target task: `rank.rank_files` for a person's own feature files.

`arrays.rank_arrays` takes arrays in memory, and `extraction.extract_features` makes feature files. `league` says how
well every score orders a pool with known truth; `built_in_pool` and `pretrained_pool` are such pools.

One topic a file: `feature_files` and `labels` read input, `streaming` turns a file into class statistics in one
resumable pass, `registry` knows every score by name, `pool_scores` scores a pool with them, `results` holds and writes
what came out.
"""

from jaxinv.ranking.errors import InputError
from jaxinv.ranking.results import RankingResult

__all__ = ["InputError", "RankingResult"]
