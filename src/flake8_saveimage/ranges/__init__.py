"""What interval and dtype reach a save call: abstract interpretation over tensor expressions."""
