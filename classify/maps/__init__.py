"""What decided, drawn where it was measured: maps of single predictions, tested by deleting what they show."""
