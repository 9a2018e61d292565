"""Formats of files, in and out; names of a vendor's files and directions stay in this package."""
