"""Print on a page: letters, lead names, speed and gain."""
