"""Who asks: the check of the one header that the gateway puts on each request.

    Loushan-Identity: <token> decision=<id>; number=<number>

The token is signed and says the subject, for this application, for minutes.
The rest belongs to this one request, and is protected by the connection from
the gateway (mutual TLS) alone: an application that others can reach must not
use this check.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from applications.identity.jwks import Keys, KeySetError
from applications.identity.jws import payload_of
from applications.identity.refusal import IdentityRefused, Reason

HEADER = "Loushan-Identity"

#: Clocks of gateway and application may be so far apart.
MOST_LEEWAY_SECONDS = 60

#: The gateway signs for no longer.
MOST_LIFETIME_SECONDS = 300

_MOST_CHARACTERS = 4096
_WORD = r"[A-Za-z0-9_-]+"
_VALUE = re.compile(
    rf"(?P<token>{_WORD}\.{_WORD}\.{_WORD})"
    r" decision=(?P<decision>[a-z0-9][a-z0-9-]{0,62}\.[0-9]{1,16}\.[0-9]{1,19})"
    r"; number=(?P<number>[A-Za-z0-9.-]{0,64})",
    re.ASCII,
)
_NO_LETTER = re.compile(r"[^a-z0-9]")

#: What a token says, and of what type each is; nothing more and nothing less.
_CLAIMS: Mapping[str, type] = {
    "iss": str,
    "aud": str,
    "sub": str,
    "zone": str,
    "title": str,
    "revision": int,
    "iat": int,
    "nbf": int,
    "exp": int,
}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, from where, and which decision let them.

    `subject` is an office, post or system; `number` tells several people of a
    post apart and may be empty.  `revision` is of the signed policy, and
    `decision` is what the gateway's record of this request is called.
    """

    subject: str
    title: str
    zone: str
    revision: int
    decision: str
    number: str


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """What this application takes an identity from.

    `host` is the name by which the application is asked for, `gateway` the
    name of the gateway before it, and `keys` gives the gateway's public keys
    each time it is called, as `KeyFile` does.
    """

    host: str
    gateway: str
    keys: Callable[[], Keys]
    leeway_seconds: int = MOST_LEEWAY_SECONDS
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        """Refuse to be set up so that it would take too much."""
        if not self.host or not self.gateway or not 0 <= self.leeway_seconds <= MOST_LEEWAY_SECONDS:
            message = f"a host, a gateway, and a leeway of at most {MOST_LEEWAY_SECONDS} seconds"
            raise ValueError(message)

    def identify(self, headers: Iterable[tuple[str, str]]) -> Asker:
        """Give who asks, by all headers of a request.

        Raises:
            IdentityRefused: nobody is known; the request must not be served.
        """
        found = _VALUE.fullmatch(_the_one(headers))
        if found is None or len(found.string) > _MOST_CHARACTERS:
            raise IdentityRefused(Reason.FORM)
        try:
            keys = self.keys()
        except KeySetError as fault:
            raise IdentityRefused(Reason.NO_KEYS) from fault
        said = payload_of(found["token"], keys)
        _check_form(said)
        self._check_purpose(said)
        self._check_times(said)
        return Asker(
            subject=said["sub"],
            title=said["title"],
            zone=said["zone"],
            revision=said["revision"],
            decision=found["decision"],
            number=found["number"],
        )

    def _check_purpose(self, said: Mapping[str, Any]) -> None:
        if said["iss"] != self.gateway:
            raise IdentityRefused(Reason.ISSUER)
        if said["aud"] != self.host:
            raise IdentityRefused(Reason.AUDIENCE)

    def _check_times(self, said: Mapping[str, Any]) -> None:
        begin, end, now = said["nbf"], said["exp"], self.clock()
        if not said["iat"] <= begin < end <= begin + MOST_LIFETIME_SECONDS:
            raise IdentityRefused(Reason.LIFETIME)
        if now + self.leeway_seconds < begin:
            raise IdentityRefused(Reason.NOT_YET)
        if now - self.leeway_seconds >= end:
            raise IdentityRefused(Reason.EXPIRED)


def _the_one(headers: Iterable[tuple[str, str]]) -> str:
    """Give the header's value, where there is one and nothing that looks like it.

    A server may hand `Loushan_Identity` to its application under the same
    name; the gateway lets none through, so one that is here was never there.
    """
    alike = [(name, value) for name, value in headers if _skeleton(name) == _skeleton(HEADER)]
    if not alike:
        raise IdentityRefused(Reason.NO_HEADER)
    if any(name.lower() != HEADER.lower() for name, _ in alike):
        raise IdentityRefused(Reason.SPELLING)
    if len(alike) > 1:
        raise IdentityRefused(Reason.SEVERAL_HEADERS)
    return alike[0][1]


def _skeleton(name: str) -> str:
    return _NO_LETTER.sub("", name.lower())


def _check_form(said: Mapping[str, Any]) -> None:
    # `type`, not `isinstance`: to Python `true` is a number too.
    right = set(said) == set(_CLAIMS) and all(
        type(said[name]) is kind for name, kind in _CLAIMS.items()
    )
    if not right or not all((said["sub"], said["zone"], said["revision"] > 0)):
        raise IdentityRefused(Reason.FORM)
