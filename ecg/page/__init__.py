"""A page's paper, grid, displacement, ink and pen."""
