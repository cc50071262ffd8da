"""The studies of activation_search.py."""
