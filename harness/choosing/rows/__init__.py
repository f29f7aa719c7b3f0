"""Forecasts that know no law: what the rows near the edge say by themselves."""
