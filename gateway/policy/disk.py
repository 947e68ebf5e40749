"""Wait until the disk has what was written."""

import os
from pathlib import Path


def settle(folder: Path) -> None:
    """Wait until the disk has a folder's names, too: a file's own sync does not see to them.

    Raises:
        OSError: it does not get there.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
