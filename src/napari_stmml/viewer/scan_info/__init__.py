"""The Scan info widget and what it shows of a layer."""
