"""Vectors and scalars of the limbs of a body, in a world whose gravity and goal are vectors too.

All maps are equivariant if those external vectors move along. As gravity stays, what is left is the group that fixes
it: turns about the vertical and reflections in vertical planes.
"""
