"""`harness curves`."""

import sys

from harness.curves import main

sys.exit(main())
