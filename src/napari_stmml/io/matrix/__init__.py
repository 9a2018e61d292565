"""The format of Scienta Omicron MATRIX: its files, how they are read, their settings, and a writer."""
