"""What an object can be in place of a type; no type can have these names."""

UNLIKE = "unlike any other"
NO_OBJECT = "no object"
