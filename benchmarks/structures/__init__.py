"""How well objects are found and typed: surfaces with known objects, metrics, contenders, one command."""
