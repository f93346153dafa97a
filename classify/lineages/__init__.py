"""Branches of classes that ship: which lineages belong together in marrow and in blood."""
