"""Trains small language models and writes down how they scale: the rows that ship with the package."""
