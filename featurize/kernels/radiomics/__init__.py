"""Compiled loops of the radiomics families: quantized gray levels, matrices, and what is counted in them."""
