"""Figures for a paper, in mm, with the record of how each was made and a paragraph of methods."""
