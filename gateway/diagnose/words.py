"""What strongSwan's words mean: one table, pure.

The words are those of strongSwan 6.0.1 (Debian 13) at its usual level of logging, each
taken from a link that was broken in that way; `tests/lab/county/test_lab_link_test.py` breaks
them again.  Another version may say it otherwise, and then that test says so.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum, auto
from typing import NamedTuple

#: The version whose words these are.
STRONGSWAN = "6.0.1"


class Sign(StrEnum):
    """What was said of a link, by the end that says it; the first that was said counts most."""

    # This end has nothing to show.
    NO_KEY = auto()
    # This end judges what the peer shows.
    REVOKED = auto()
    LIST_AHEAD = auto()
    LIST_ENDED = auto()
    LIST_MISSING = auto()
    OUT_OF_TIME = auto()
    NOT_ITS_KEY = auto()
    ANOTHER_NAME = auto()
    NOT_TRUSTED = auto()
    # The two ends want different things.
    NO_SUCH_LINK = auto()
    OTHER_ALGORITHMS = auto()
    OTHER_ADDRESSES = auto()
    # Too much at once.
    CROWDED = auto()
    # The peer judges, and does not say why.
    REFUSED = auto()
    NO_ANSWER = auto()


class Meaning(NamedTuple):
    """Words, and what they are a sign of; `words` are searched for in a line."""

    sign: Sign
    words: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a conversation comes to; `said` is the line that shows it, `found` what stands in it."""

    sign: Sign
    said: str
    found: Mapping[str, str] = field(default_factory=dict)


def _means(sign: Sign, words: str) -> Meaning:
    return Meaning(sign, re.compile(words))


TABLE = (
    _means(Sign.NO_KEY, r"^no private key found for "),
    _means(Sign.REVOKED, r"^certificate was revoked on (?P<since>.+?), reason"),
    _means(Sign.LIST_AHEAD, r"^ *crl is not valid: until (?P<until>.+)$"),
    _means(Sign.LIST_ENDED, r"^ *crl is stale: since (?P<until>.+)$"),
    _means(Sign.LIST_ENDED, r"^certificate status is unknown, crl is stale"),
    _means(Sign.LIST_MISSING, r"^certificate status is not available"),
    _means(
        Sign.OUT_OF_TIME,
        r"^\w+ certificate invalid \(valid from (?P<since>.+) to (?P<until>.+)\)",
    ),
    _means(Sign.NOT_ITS_KEY, r"^signature validation failed"),
    _means(Sign.ANOTHER_NAME, r"^no matching peer config found"),
    _means(Sign.ANOTHER_NAME, r"^received IDr .*, but require "),
    _means(Sign.ANOTHER_NAME, r"^constraint check failed: identity "),
    _means(Sign.NOT_TRUSTED, r"^constraint check failed: "),
    _means(Sign.NOT_TRUSTED, r"^no issuer certificate found for "),
    _means(Sign.NOT_TRUSTED, r"^no trusted .+ public key found for "),
    _means(Sign.NO_SUCH_LINK, r"^no IKE config found for "),
    _means(Sign.OTHER_ALGORITHMS, r"^received proposals unacceptable"),
    _means(Sign.OTHER_ALGORITHMS, r"^no acceptable proposal found"),
    _means(Sign.OTHER_ALGORITHMS, r"^received NO_PROPOSAL_CHOSEN notify"),
    _means(Sign.OTHER_ALGORITHMS, r"^received INVALID_KE_PAYLOAD notify error"),
    _means(Sign.OTHER_ADDRESSES, r"^traffic selectors .* unacceptable"),
    _means(Sign.OTHER_ADDRESSES, r"^received TS_UNACCEPTABLE notify"),
    _means(Sign.CROWDED, r"^ignoring IKE_SA setup from .*(?:half-open|job load)"),
    _means(Sign.CROWDED, r"^abort IKE_SA initiation, half open"),
    _means(Sign.REFUSED, r"^received AUTHENTICATION_FAILED notify error"),
    _means(Sign.REFUSED, r"^parsed INFORMATIONAL request \d+ \[ N\(AUTH_FAILED\) \]"),
    _means(Sign.NO_ANSWER, r"^retransmit \d+ of request with message ID "),
    _means(Sign.NO_ANSWER, r"^giving up after \d+ retransmits"),
)

#: What shows that the peer has this link too, and answers.
_LIFE = re.compile(r"^parsed INFORMATIONAL (?:request|response) \d+ \[ \]")

#: Signs that say it all; after the others somebody may still say more.
_WEAK = frozenset({Sign.NO_ANSWER})

#: strongSwan says this of a list and goes on to the next, if there is one.
_STATUS = re.compile(r'^checking certificate status of "(?P<subject>.+)"$')


def read(lines: Iterable[str]) -> Reading | None:
    """Give what lines about one link come to, or None where they say nothing of a fault.

    Where several things were said, the one that is nearest to the cause counts: who finds a
    certificate revoked says afterwards that there is no key to trust.
    """
    subject, readings = "", []
    for line in lines:
        if status := _STATUS.match(line):
            subject = status["subject"]
        for meaning in TABLE:
            if match := meaning.words.search(line):
                found = {k: v for k, v in match.groupdict().items() if v}
                readings.append(Reading(meaning.sign, line.strip(), {**found, "subject": subject}))
                break
    order = list(Sign)
    return min(readings, key=lambda reading: order.index(reading.sign), default=None)


def is_decided(reading: Reading | None) -> bool:
    """Tell whether nothing more has to be waited for."""
    return reading is not None and reading.sign not in _WEAK


def is_life(line: str) -> bool:
    """Tell whether a line shows that a link that stands is answered."""
    return _LIFE.match(line) is not None


#: How strongSwan writes a time: in the host's own zone, or in UTC where it says so.
_LOCAL_TIME, _UTC_TIME = "%b %d %H:%M:%S %Y", "%b %d %H:%M:%S UTC %Y"


def time_of(text: str) -> datetime | None:
    """Read a time as strongSwan writes it; None where it is none."""
    try:
        if " UTC " in text:
            return datetime.strptime(text, _UTC_TIME).replace(tzinfo=UTC)
        return datetime.strptime(text, _LOCAL_TIME).astimezone(UTC)
    except ValueError:
        return None
