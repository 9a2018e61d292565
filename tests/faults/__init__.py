"""Mutated files of every format that is read: each gives a value or one sentence, soon, within limits.

``python -m tests.faults 10000`` reads so many of each format and prints what came of them.
"""
