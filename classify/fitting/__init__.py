"""Trees and baselines: fitted, cross-fitted, and trained on perturbed copies."""
