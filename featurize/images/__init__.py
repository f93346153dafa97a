"""Any image file becomes one upright 8-bit sRGB picture."""
