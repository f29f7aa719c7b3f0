"""The harness from Python: what `from harness import evolve, load_run, ...` gives, loaded when first asked for."""
