"""One small file a trainer; `tables/logs/registry.py` lists them."""
