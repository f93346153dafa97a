"""Compiled loops of the ECG code."""
