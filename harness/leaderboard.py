"""`python -m harness.leaderboard`; the command itself: `harness/commands/leaderboard.py`."""

import sys

from harness.commands.leaderboard import main

if __name__ == "__main__":
    sys.exit(main())
