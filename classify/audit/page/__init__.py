"""The page of an audit: there beside home. It places numbers that the audit has computed."""
