"""`python -m harness.predict`; the command itself: `harness/commands/predict.py`."""

import sys

from harness.commands.predict import main

if __name__ == "__main__":
    sys.exit(main())
