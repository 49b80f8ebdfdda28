"""Choosing part of a set: energies of subsets, marginals of their elements, losses."""
