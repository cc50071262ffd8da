"""Trees of functions, columns and numbers: built, read, brought to one form, evaluated."""
