"""Scores of programs outside a search, and standings over all runs."""
