"""`harness tasks` is the tasks command."""

import sys

from tasks.cli import main

sys.exit(main())
