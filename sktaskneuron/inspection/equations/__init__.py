"""Pictures of equations, and what their terms are worth."""
