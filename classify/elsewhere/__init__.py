"""A model on the images of another laboratory."""
