"""Language models as proposers: endpoints, replies, edits, budgets. Nothing here runs a program."""
