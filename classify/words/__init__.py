"""Words that experts gave to images: one small model a word, and what a class looks like in words."""
