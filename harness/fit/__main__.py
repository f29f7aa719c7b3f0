"""`harness fit`."""

import sys

from harness.fit import main

sys.exit(main())
