"""Microbenchmarks: our kernels beside their peers, in one run."""
