"""Thousands of scans as thumbnails: to see, to sort, to filter, and to open one after the other."""
