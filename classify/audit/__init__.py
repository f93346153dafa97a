"""A saved model meets a labelled table from elsewhere: shift, calibration, subgroups, and the page on it."""
