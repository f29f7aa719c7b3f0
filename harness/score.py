"""`python -m harness.score`; the command itself: `harness/commands/score.py`."""

import sys

from harness.commands.score import main

if __name__ == "__main__":
    sys.exit(main())
