"""What the files of a model folder may say: schemas, sizes and ranges, checked before anything is made of them."""
