"""Facts about other people's libraries, as data. Standard library only."""
