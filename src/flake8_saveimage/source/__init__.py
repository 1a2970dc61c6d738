"""From bytes to the decision whether a file is worth parsing."""
