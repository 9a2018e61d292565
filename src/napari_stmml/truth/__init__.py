"""What a person painted on a scan: kept, undone, laid over predictions."""
