"""Compiled loops, one file per family; wrappers in featurize.blocks check and allocate."""
