"""Which lead is drawn where on a page, at which speed and gain."""
