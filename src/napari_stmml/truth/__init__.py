"""What a person painted on a scan: its file, its labels over predictions, and what a model learns from it."""
