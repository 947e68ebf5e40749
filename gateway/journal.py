"""What a service of ours writes down for the host's journal, one line of JSON each."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress


def journal(body: Mapping[str, object]) -> None:
    """Write it, as notable (syslog's level 5); a journal that is full stops nothing."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"<5>{json.dumps(body, ensure_ascii=False)}\n")
        sys.stderr.flush()
