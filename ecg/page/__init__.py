"""A page's paper, grid, bending, ink and pen."""
