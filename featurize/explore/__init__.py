"""The page on a folder: what is in it, and what will go wrong with it."""
