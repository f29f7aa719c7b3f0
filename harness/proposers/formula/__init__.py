"""The offline proposer: laws as one line, changed by grammar."""
