"""How methods of fitting scaling laws compare: thirteen experiments, a quality-control pipeline and a design tool.

Definitions follow arXiv 2603.22339 and its published code; where text and code of the source disagree, the code is
followed and the page of the experiment says so.
"""
