"""The best constants of a law for given rows: linear ones projected out on a grid, then Newton on all."""
