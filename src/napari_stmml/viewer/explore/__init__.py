"""The Explore widget and its parts."""
