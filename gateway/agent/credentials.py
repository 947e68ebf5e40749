"""How long this gateway's certificate and lists of revocations last."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from cryptography import x509

from gateway.load.revocations import CREDENTIALS

_HOUR_SECONDS = 3600


class Standing(StrEnum):
    """How far something is in its life; what is late should have been replaced by itself."""

    GOOD = "good"
    LATE = "late"
    ENDED = "ended"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Lasting:
    """The certificate, or an authority's list; `ends_at` is empty where it is missing."""

    name: str
    standing: Standing
    ends_at: str
    hours_left: float

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        return asdict(self)


def lasting(credentials: Path = CREDENTIALS) -> list[Lasting]:
    """Give the certificate first, then each authority's list, as they lie on the disk."""
    return list(_lasting(credentials, datetime.now(UTC)))


def _lasting(credentials: Path, now: datetime) -> Iterator[Lasting]:
    try:
        text = (credentials / "x509" / "gateway.pem").read_bytes()
        own = x509.load_pem_x509_certificate(text)
        yield _one("certificate", own.not_valid_before_utc, own.not_valid_after_utc, now)
    except (OSError, ValueError):
        yield Lasting("certificate", Standing.MISSING, "", 0.0)
    for authority in sorted((credentials / "x509ca").glob("*.pem")):
        name = f"list of {authority.stem}"
        try:
            text = (credentials / "x509crl" / f"{authority.stem}.crl").read_bytes()
            found = x509.load_pem_x509_crl(text)
            end = found.next_update_utc or found.last_update_utc
            yield _one(name, found.last_update_utc, end, now)
        except (OSError, ValueError):
            yield Lasting(name, Standing.MISSING, "", 0.0)


def _one(name: str, begin: datetime, end: datetime, now: datetime) -> Lasting:
    """Judge one: it is replaced before two thirds of its life are over."""
    standing = Standing.GOOD
    if now > end:
        standing = Standing.ENDED
    elif now >= begin + (end - begin) * 2 / 3:
        standing = Standing.LATE
    hours = (end - now).total_seconds() / _HOUR_SECONDS
    return Lasting(name, standing, end.isoformat(), round(hours, 1))
