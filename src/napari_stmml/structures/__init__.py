"""Objects on a surface: find them, describe them, sort them into types, average and count them."""
