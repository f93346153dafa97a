"""Calibration, prediction sets and the out-of-distribution score."""
