"""How gunicorn serves a page: `gunicorn --config python:gateway.console.server`.

Its socket is handed over by systemd, so the page can open none itself.
"""

import os
import ssl
from collections.abc import Callable
from pathlib import Path

from gateway.console.settings import page_settings
from gateway.observe.scrape import Credentials

_FOLDER = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/etc/loushan-page"))
_CREDENTIALS = Credentials(_FOLDER / "page.pem", _FOLDER / "services.pem")

# gunicorn reads the names below.
if page_settings().readers:
    certfile = str(_CREDENTIALS.identity)
worker_class, workers, threads = "gthread", 1, 8
timeout, graceful_timeout, keepalive = 30, 5, 15
limit_request_line, limit_request_field_size, limit_request_fields = 2048, 4096, 40
header_map = "refuse"
# Nobody in front may say who a client is, or by what scheme it came.
forwarded_allow_ips, forwarder_headers = "", ""
secure_scheme_headers: dict[str, str] = {}
worker_tmp_dir = "/dev/shm"  # noqa: S108 - not for files: a worker's sign of life must not wait for a disk
accesslog = None
errorlog = "-"


def ssl_context(_config: object, _usual: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Give gunicorn ours in place of its own: mutual TLS 1.3, one authority."""
    return _CREDENTIALS.context()
