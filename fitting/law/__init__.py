"""A law is one line of text: its grammar, derivatives, canonical form and names."""
