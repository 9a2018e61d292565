"""Feature vectors to clusters."""
