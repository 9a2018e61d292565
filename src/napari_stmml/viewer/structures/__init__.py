"""The Structures widget and its parts."""
