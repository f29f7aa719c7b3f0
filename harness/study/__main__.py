"""`harness study`."""

import sys

from harness.study import main

sys.exit(main())
