"""What the dock widgets share."""
