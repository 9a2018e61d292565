"""Regions and classes measured in nm."""
