"""How gunicorn serves an application: `gunicorn --config python:applications.web.server`.

Its socket is handed over by systemd, so the application can open none itself.
"""

import ssl
from collections.abc import Callable
from pathlib import Path

from applications.web.hop import server_context
from applications.web.settings import Settings

_SETTINGS = Settings.of_environment()

# gunicorn reads the names below.
certfile, keyfile, ca_certs = _SETTINGS.certificate, _SETTINGS.key, _SETTINGS.authority
worker_class, workers, threads = "gthread", 2, 4
timeout, graceful_timeout, keepalive = 30, 20, 30
limit_request_line, limit_request_field_size, limit_request_fields = 4094, 8190, 60
# A header with an underscore reads like one of ours to an application.
header_map = "refuse"
# Nobody in front may say who a client is, or by what scheme it came.
forwarded_allow_ips, forwarder_headers = "", ""
secure_scheme_headers: dict[str, str] = {}
worker_tmp_dir = "/dev/shm"  # noqa: S108 - not for files: a worker's sign of life must not wait for a disk
accesslog = None
errorlog = "-"


def ssl_context(_config: object, _usual: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Give gunicorn ours in place of its own."""
    return server_context(
        Path(_SETTINGS.authority), Path(_SETTINGS.certificate), Path(_SETTINGS.key)
    )
