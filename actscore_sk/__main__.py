"""Run the command line as ``python -m actscore_sk``."""

import sys

from actscore_sk.cli import main

if __name__ == "__main__":
    sys.exit(main())
