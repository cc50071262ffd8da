"""Search of equations of named columns."""
