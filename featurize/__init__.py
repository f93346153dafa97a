"""Images to named, physical measurements: index, read, normalize, segment, measure, table."""
