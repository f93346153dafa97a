"""Feature families, one file each; featurize.registry finds every module of this package by itself."""
