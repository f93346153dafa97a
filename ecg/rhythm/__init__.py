"""One row of named numbers for each record."""
