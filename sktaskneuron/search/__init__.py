"""How a formula is found."""
