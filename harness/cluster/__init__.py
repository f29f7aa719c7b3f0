"""Evaluations on the machines of a Dask cluster; the journal stays with the one who searches."""
