"""`python -m tests.parity`."""

import sys

from tests.parity.program import main

sys.exit(main())
