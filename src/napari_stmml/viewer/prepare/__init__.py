"""The Prepare widget and its parts."""
