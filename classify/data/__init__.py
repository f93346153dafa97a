"""What a table offers to a model: tasks, columns, splits."""
