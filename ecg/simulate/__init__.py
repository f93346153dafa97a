"""Pages and records with known signals."""
