"""Scores and selection of sets of source models, and the optimal transport that some of them measure."""
