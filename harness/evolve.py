"""`python -m harness.evolve`; the command itself: `harness/commands/evolve.py`."""

import sys

from harness.commands.evolve import main

if __name__ == "__main__":
    sys.exit(main())
