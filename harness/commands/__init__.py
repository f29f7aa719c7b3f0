"""Commands on runs; some have names that the Python interface has too: `evolve`, `score`, `leaderboard`, `predict`."""
