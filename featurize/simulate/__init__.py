"""Pictures with known truth."""
