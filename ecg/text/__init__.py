"""Printed text on a page: glyphs, words, lead names, speed and gain."""
