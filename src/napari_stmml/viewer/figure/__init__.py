"""The Figure panel: a figure for a paper of what is open, with a preview, its record and its methods."""
