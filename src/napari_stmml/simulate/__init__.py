"""Surfaces with a known label per pixel, what a microscope adds to them, and files of them."""
