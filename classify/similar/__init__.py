"""The nearest measured images of one image."""
