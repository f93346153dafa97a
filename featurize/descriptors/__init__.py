"""Texture and shape descriptors, of use from Python without a table."""
