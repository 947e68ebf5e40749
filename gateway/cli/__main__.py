"""Run the command line as `python -m gateway.cli`."""

import sys

from gateway.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
