"""What Prometheus says on the monitoring host."""

import json
import urllib.parse
from typing import Any

from tests.lab.receiver import HOST
from tests.lab.town import Town


def query(town: Town, expr: str) -> list[dict[str, Any]]:
    """Ask Prometheus on its host, as anybody there may."""
    asked = f"http://127.0.0.1:9090/api/v1/query?query={urllib.parse.quote(expr)}"
    program = (
        "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read().decode())"
    )
    done = town.run(HOST, "python3", "-c", program, asked)
    if done.returncode:
        return []
    found: list[dict[str, Any]] = json.loads(done.stdout)["data"]["result"]
    return found
