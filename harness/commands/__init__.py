"""Commands whose names the Python interface has too: `evolve`, `score`, `leaderboard`, `predict`."""
