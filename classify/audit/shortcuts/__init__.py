"""Shortcuts that convict or acquit: what the properties of the picture, or parts of it, tell of the label alone."""
