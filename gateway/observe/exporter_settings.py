"""What the administrator told the exporter of metrics: `/etc/loushan/metrics.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.settings import read_settings_file

EXPORTER_SETTINGS_FILE = Path("/etc/loushan/metrics.toml")

#: Where the gateway's metrics are asked for, and its machine's.
GATEWAY_PORT, MACHINE_PORT = 9633, 9100

#: The exporter's own certificate with its key, and who certifies those that may ask.
IDENTITY_FILE = Path("/etc/loushan/metrics/metrics.pem")
AUTHORITY_FILE = Path("/etc/loushan/metrics/services.pem")

#: The same certificate without its key, for who says how long it lasts.
CERTIFICATE_FILE = Path("/etc/loushan/metrics/certificate.pem")


@dataclass(frozen=True, slots=True)
class ExporterSettings:
    """Who may read the metrics, by the names in their certificates.

    `hub` is the site that this one is linked through; empty where it is linked through none.
    """

    readers: frozenset[str]
    hub: str = ""


def read_exporter_settings(file: Path = EXPORTER_SETTINGS_FILE) -> ExporterSettings:
    """Read the settings; a word that is not known is refused, not passed over.

    Raises:
        Refused: ZG990, the file cannot be read or understood.
    """
    return read_settings_file(file, "ZG990", ExporterSettings, _settings)


def _settings(data: Mapping[str, object]) -> ExporterSettings:
    readers, hub = data["readers"], data.get("hub", "")
    if not isinstance(readers, list) or not readers or not isinstance(hub, str):
        message = "readers: [NAME ...], hub: SITE"
        raise ValueError(message)
    if not all(isinstance(name, str) and name for name in readers):
        raise ValueError(readers)
    return ExporterSettings(frozenset(readers), hub)
