"""Scans and label maps to layers of napari and back."""
