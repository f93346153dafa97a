"""The center lines of the leads on a page."""
