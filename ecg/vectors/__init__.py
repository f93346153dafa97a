"""Pages of PDFs whose traces are drawn as paths: read from the paths' own numbers."""
