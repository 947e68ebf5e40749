"""One round: fetch the lists, renew the certificate where it is due, have strongSwan take both.

It runs by a timer.  A gateway that was cut off does what it has missed with the
first round after its return.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import Refused, Where, problem
from gateway.load.revocations import CREDENTIALS, number_of, take_up
from gateway.renewal.certificate import Identity, is_due, read_certificate, renew, settle, write
from gateway.renewal.server import Server, list_of

#: One at a time.
LOCK = Path("/run/loushan/renewal.lock")

_LOOK_SECONDS = 0.1

#: By these a link is judged.
AUTHORITIES = ("root", "links")

#: Certificates are valid from so long before they were made; a clock may be off by as much.
MOST_SECONDS_OFF = 300


@dataclass(frozen=True, slots=True)
class Round:
    """What came of it: new lists, a new certificate, links ended; and how our clock stands."""

    lists: tuple[str, ...]
    renewed: bool
    ends_at: str
    revoked: int
    ended: tuple[str, ...]
    clock_ahead_seconds: float

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        return asdict(self)


def go_round(
    name: str,
    daemon: Path,
    *,
    anyway: bool = False,
    credentials: Path = CREDENTIALS,
    lock: Path = LOCK,
) -> Round:
    """Do one round.

    Args:
        name: where the enrolment server is, `host:port`.
        daemon: strongSwan's socket.
        anyway: whether the certificate is renewed also where it is not due.
        credentials: what the gateway was given.
        lock: held meanwhile.

    Raises:
        Refused: ZG519 to ZG523, or as `take_up` does; what worked before works on.
    """
    identity = Identity(credentials)
    server = Server.named(name, identity.authority("root"))
    with alone(lock):
        settle(identity)
        answers = {authority: list_of(server, authority) for authority in AUTHORITIES}
        ahead = max((each.ahead_seconds for each in answers.values()), key=abs)
        check_clock(ahead)
        new = tuple(a for a in AUTHORITIES if install(identity, a, answers[a].content))
        is_renewed = anyway or is_due(read_certificate(identity), datetime.now(UTC))
        if is_renewed:
            renew(identity, server)
        taken = take_up(daemon, credentials) if new or is_renewed else None
        return Round(
            lists=new,
            renewed=is_renewed,
            ends_at=read_certificate(identity).not_valid_after_utc.isoformat(),
            revoked=taken.revoked if taken else 0,
            ended=taken.ended if taken else (),
            clock_ahead_seconds=round(ahead, 1),
        )


def check_clock(ahead_seconds: float) -> None:
    """Return nothing, or raise: who is far off takes new for old, and old for new.

    Raises:
        Refused: ZG523, our clock is too far from the server's.
    """
    if abs(ahead_seconds) > MOST_SECONDS_OFF:
        raise Refused(problem("ZG523", seconds=round(ahead_seconds), most=MOST_SECONDS_OFF))


@contextmanager
def alone(lock: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold a lock.

    Raises:
        Refused: ZG519, somebody else does, and did so for as long as we waited.
    """
    end = time.monotonic() + wait_seconds
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _holds(descriptor):
            if time.monotonic() >= end:
                raise Refused(problem("ZG519", file=lock))
            time.sleep(_LOOK_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _holds(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def install(identity: Identity, authority: str, content: bytes) -> bool:
    """Write a list where it is newer than the one that is there; tell whether it was.

    Raises:
        Refused: ZG517, it is none, or not this authority's.
    """
    file = identity.revocations(authority)
    try:
        found = x509.load_der_x509_crl(content)
        issuer = x509.load_pem_x509_certificate(identity.authority(authority).read_bytes())
        if found.issuer != issuer.subject or not found.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]  # an authority's key is one that signs
            raise Refused(problem("ZG517", Where(str(file)), error="signature"))
        if number_of(found) <= number_there(file):
            return False
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound) as fault:
        raise Refused(problem("ZG517", Where(str(file)), error=fault)) from fault
    write(file, found.public_bytes(Encoding.PEM))
    return True


def number_there(file: Path) -> int:
    """Give the number of the list that is there; 0 where there is none that can be read."""
    try:
        return number_of(x509.load_pem_x509_crl(file.read_bytes()))
    except (OSError, ValueError, x509.ExtensionNotFound):
        return 0
