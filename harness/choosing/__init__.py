"""Choosing among the laws of a search: evidence, orders, votes, the forecast and its interval.

Every rule here is a function of stored evidence and training rows. Nothing sees a held-out target.
"""
