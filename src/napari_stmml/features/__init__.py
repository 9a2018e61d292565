"""Prepared heights to feature vectors."""
