"""What a person types and sees: options, live screen, tables."""
