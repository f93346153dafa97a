"""A saved model over HTTP and in a browser."""
