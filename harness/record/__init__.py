"""What a run leaves behind: its folder, journal and summary."""
