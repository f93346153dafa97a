"""Families that describe gray-level texture inside a region."""
