"""What the path of a save depends on."""
