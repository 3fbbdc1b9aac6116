"""What happened: the store, importers and exporters."""
