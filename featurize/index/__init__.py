"""What is in a folder, archive or npz: files, labels, groups, splits, copies."""
