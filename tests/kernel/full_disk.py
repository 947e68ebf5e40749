"""Follow decisions on a disk of one mebibyte until it is full, and make room again.

Run as a command: a folder on that disk, and one elsewhere for the status, as
on a gateway.  Prints what the follower said, and what was recorded.
"""

import errno
import json
import os
import sys
from pathlib import Path

from gateway.observe.verify import verify_log
from tests.decision_logs import Site, lines, recorded

_WRITTEN = 700


def _fill(file: Path) -> None:
    """Take every block that is left."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except OSError as fault:
        if fault.errno != errno.ENOSPC:
            raise
    finally:
        os.close(descriptor)


def main(disk: str, elsewhere: str) -> None:
    """Fill it, and say what happened."""
    status = Path(elsewhere, "status.json")
    site = Site(Path(disk), changes={"reserve_bytes": 128 * 1024, "status": status})
    said: list[object] = []

    def note() -> None:
        site.go()
        body = json.loads(status.read_text("utf-8"))
        said.append([body["recording"], body["why"], len(recorded(site.log))])

    site.write(lines(*range(1, 101)))
    note()
    site.write(lines(*range(101, _WRITTEN + 1)))
    _fill(Path(disk, "filler"))
    note()
    Path(disk, "filler").unlink()
    site.write(lines(_WRITTEN + 1))
    note()
    site.sign()
    whole = recorded(site.log) == list(range(1, _WRITTEN + 2))
    holds = verify_log(site.log, site.follower.store.verifier).holds
    sys.stdout.write(json.dumps({"said": said, "whole": whole, "holds": holds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
