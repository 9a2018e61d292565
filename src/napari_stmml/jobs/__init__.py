"""Long work as requests to a process of its own, and events from it."""
