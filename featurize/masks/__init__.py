"""What was segmented, as label images and outlines for other programs."""
