"""Run the rules over files."""
