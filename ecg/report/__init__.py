"""The page that `ecg` writes: every page digitized, with its leads drawn over it."""
