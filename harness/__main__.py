"""`python -m harness COMMAND` is the console script."""

import sys

from harness.cli import main

sys.exit(main())
