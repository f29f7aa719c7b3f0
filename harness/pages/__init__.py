"""What a person looks at: pages and figures of runs, fits and report cards, all drawn by one library."""
