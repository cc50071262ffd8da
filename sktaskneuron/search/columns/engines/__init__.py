"""Engines by other packages, in processes of their own."""
