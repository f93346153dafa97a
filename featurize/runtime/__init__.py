"""Files, folders, processes and progress bars."""
