"""Several findings at once: each is a binary task of its own, on rows that are divided once for all of them."""
