"""Masks: cells, nuclei of tissue, lung fields."""
