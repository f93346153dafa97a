"""P, QRS and T waves of signals."""
