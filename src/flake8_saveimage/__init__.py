"""Saved images and checkpoints never silently overwrite each other, and never change colour."""

__version__ = "0.1.0"
