"""Run the command line: ``python -m actscore_sk``, or the program ``actscore``."""

import sys

from actscore_sk.utils.interrupts import ended_at_once

with ended_at_once():
    from actscore_sk.cli import main

if __name__ == "__main__":
    sys.exit(main())
