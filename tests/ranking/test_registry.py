"""The registry of scores: which are chosen, and what they need."""

import pytest

from jaxinv.ranking.errors import InputError
from jaxinv.ranking.registry import SCORES, choose_scores, takes_class_gram


def test_choice_of_scores():
    every = choose_scores(None, source_probabilities=True)
    assert every == tuple(SCORES)
    without = choose_scores(None, source_probabilities=False)
    assert "logme" in without
    assert set(without) == {name for name, score in SCORES.items() if score.needs != "source probabilities"}
    assert choose_scores(["tmi", "logme", "tmi"], source_probabilities=False) == ("logme", "tmi")
    with pytest.raises(InputError, match=r"no score 'logmee'\. Did you mean 'logme'\? The scores are: logme, h_score"):
        choose_scores(["logmee"], source_probabilities=False)
    with pytest.raises(InputError, match=r"no score 'zzz'\. The scores"):
        choose_scores(["zzz"], source_probabilities=False)
    with pytest.raises(InputError, match=r"leep needs .* --source-probabilities"):
        choose_scores(["leep"], source_probabilities=False)
    with pytest.raises(InputError, match="none given"):
        choose_scores([], source_probabilities=False)


def test_class_grams_are_taken_if_needed_and_small_or_asked_for():
    size = {"num_classes": 1000, "width": 2048}
    assert takes_class_gram(["transrate"], **size, asked=True)
    assert not takes_class_gram(["transrate"], **size, asked=False)
    assert takes_class_gram(["transrate"], num_classes=10, width=512, asked=False)
    assert not takes_class_gram(["logme", "tmi"], num_classes=10, width=512, asked=True)
