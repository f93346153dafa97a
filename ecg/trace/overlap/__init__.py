"""QRS complexes of several leads that run through each other."""
