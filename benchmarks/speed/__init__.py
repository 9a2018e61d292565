"""How fast, and in how much memory; each number from a process of its own."""
