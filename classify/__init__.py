"""Tables of measurements to calibrated, explained predictions."""
