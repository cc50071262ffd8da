"""The studies of learned_diversity.py."""
