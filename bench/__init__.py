"""Microbenchmarks: every kernel beside its peers and the device's limit, in one run (`jaxinv bench`)."""
