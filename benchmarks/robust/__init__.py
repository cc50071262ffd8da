"""Hostile tables: how they are drawn, what is fitted on them, and how the answers are judged."""
