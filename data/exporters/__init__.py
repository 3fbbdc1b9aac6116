"""Writing what leaves the house: release bundles."""
