"""Many images: chunks, workers, finished chunks on disk."""
