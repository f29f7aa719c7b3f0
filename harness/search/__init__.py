"""The search: candidates, populations, parents, and the order in which laws are offered."""
