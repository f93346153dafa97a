"""How good a run is and why: metrics, their summary, Shapley values, shortcuts, warnings."""
