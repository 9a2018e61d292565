"""The Batch widget and its parts."""
