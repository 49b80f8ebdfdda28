"""Peers of rotations and rigid motions: jaxlie, between matrices and vectors as ours are."""

from jaxinv.bench.families.full_precision import in_full_precision


@in_full_precision
def rotation_of(x):
    """Exponential by its quaternion, to the matrix."""
    import jaxlie

    return jaxlie.SO3.exp(x).as_matrix()


@in_full_precision
def rotation_vector_of(g):
    """Quaternion of the matrix, and its logarithm."""
    import jaxlie

    return jaxlie.SO3.from_matrix(g).log()


@in_full_precision
def motion_of(x):
    """Exponential by its quaternion, to the matrix."""
    import jaxlie

    return jaxlie.SE3.exp(x).as_matrix()


@in_full_precision
def twist_of(g):
    """Quaternion of the matrix's block, and the logarithm."""
    import jaxlie

    return jaxlie.SE3.from_matrix(g).log()
