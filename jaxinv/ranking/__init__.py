"""Ranking pretrained models for a target task: `rank.rank_files` for a person's own feature files.

One topic a file: `feature_files` and `labels` read input, `streaming` turns a file into class statistics in one
resumable pass, `scores` knows every score by name and scores a pool, `results` holds and writes what came out.
"""

from jaxinv.ranking.errors import InputError
from jaxinv.ranking.results import RankingResult

__all__ = ["InputError", "RankingResult"]
