"""Training of networks, many as one batch."""
