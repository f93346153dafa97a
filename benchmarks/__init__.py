"""Scripts that measure; their results are JSON files from which RESULTS.md is written."""
