"""Named settings, one TOML file each."""
