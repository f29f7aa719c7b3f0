"""What to do with a fit: best N and D for a budget, and the three classical approaches to it."""
