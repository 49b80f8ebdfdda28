"""Sums over the samples of each class: one pass, mergeable, shardable; and what is made of them."""
