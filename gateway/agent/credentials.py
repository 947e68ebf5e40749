"""How long this gateway's certificate and lists of revocations last."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from cryptography import x509

from gateway.load.revocations import CREDENTIALS

_HOUR_SECONDS = 3600

#: From when until when.
Life: TypeAlias = tuple[datetime, datetime]


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


def life_of_certificate(file: Path) -> Life | None:
    """Give from when until when a certificate is good; None where it cannot be read."""
    try:
        own = x509.load_pem_x509_certificates(file.read_bytes())[0]
    except (OSError, ValueError):
        return None
    return own.not_valid_before_utc, own.not_valid_after_utc


def life_of_list(file: Path) -> Life | None:
    """Give from when until when a list of revocations is good; None where it cannot be read."""
    try:
        found = x509.load_pem_x509_crl(file.read_bytes())
    except (OSError, ValueError):
        return None
    return found.last_update_utc, found.next_update_utc or found.last_update_utc


def _lasting(credentials: Path, now: datetime) -> Iterator[Lasting]:
    own = life_of_certificate(credentials / "x509" / "gateway.pem")
    yield _one("certificate", own, now)
    for authority in sorted((credentials / "x509ca").glob("*.pem")):
        life = life_of_list(credentials / "x509crl" / f"{authority.stem}.crl")
        yield _one(f"list of {authority.stem}", life, now)


def _one(name: str, life: Life | None, now: datetime) -> Lasting:
    """Judge one: it is replaced before two thirds of its life are over."""
    if life is None:
        return Lasting(name, Standing.MISSING, "", 0.0)
    begin, end = life
    standing = Standing.GOOD
    if now > end:
        standing = Standing.ENDED
    elif now >= begin + (end - begin) * 2 / 3:
        standing = Standing.LATE
    hours = (end - now).total_seconds() / _HOUR_SECONDS
    return Lasting(name, standing, end.isoformat(), round(hours, 1))
