"""Rows that come with the package, made by code: no data file."""
