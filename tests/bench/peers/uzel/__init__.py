"""The hub itself, one more peer."""
