"""Whole fields: every white cell named, and differentials."""
