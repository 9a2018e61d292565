"""A job on a folder of scans, from one file, step by step."""
