"""Correction of labels, without a window: a model, open scans, strokes, edits of classes, undo, saving."""
