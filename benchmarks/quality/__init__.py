"""How well classifiers find what is on surfaces whose true label is known at every pixel."""
