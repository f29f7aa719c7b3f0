"""Proposers: who makes the next program."""
