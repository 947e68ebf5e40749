"""Has links begun that do not stand, and hears what strongSwan says of them and of those that do.

A link that stands is only listened to.  The lower site's end begins at once; a hub's end
first listens whether the other one begins, so that no link is made twice, and where one
was all the same, the one that we began is ended.  All links are heard at the same time.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final

from gateway.agent.links import LinkState
from gateway.diagnose import words
from gateway.load.links import end_association
from gateway.vici import Section, Vici, ViciRefused

#: A peer that is alive is heard within this: both ends ask each other every five seconds, and
#: once more where the answer was lost.
LIFE_SECONDS: Final = 9.0

#: Who retransmits does so within 3.8 seconds (strongswan.conf of the role `link`).
_WAIT_FOR_PEER_SECONDS: Final = 4.0

#: After words that say what is wrong, more may follow that say it better.
_SETTLE_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.5

_LOG: Final = "log"
_ADDRESSES = re.compile(r"[0-9a-f:]{4,}")
_ESTABLISHED, _INSTALLED = "ESTABLISHED", "INSTALLED"


@dataclass(slots=True)
class Heard:
    """One link, and all that was said of it.

    `begins` tells whether this end is the one that begins; `stood` whether it stood before.
    """

    name: str
    far: IPv6Address
    begins: bool
    before: LinkState | None
    lines: list[str] = field(default_factory=list)
    is_alive: bool = False
    is_up: bool = False
    begun_at: float | None = None
    last_at: float = 0.0

    @property
    def stood(self) -> bool:
        """Whether it stood before anything was done."""
        return self.before is not None and self.before.is_up

    def hear(self, line: str, now: float) -> None:
        """Take a line."""
        self.lines.append(line)
        self.last_at = now
        self.is_alive = self.is_alive or words.is_life(line)

    def is_done(self, now: float) -> bool:
        """Tell whether nothing more has to be waited for."""
        if self.stood:
            return self.is_alive
        if now < self.last_at + _SETTLE_SECONDS:
            return False
        return self.is_up or words.is_decided(words.read(self.lines))


def hear(daemon: Path, links: Sequence[Heard]) -> None:
    """Listen until of each link is known what there is to know, or the time is over.

    Raises:
        ViciRefused: strongSwan cannot be asked, or went away meanwhile.
    """
    with Vici(daemon) as ear, Vici(daemon) as mouth:
        ear.listen(_LOG)
        began = time.monotonic()
        standing = _associations(mouth)
        for link in links:
            if not link.stood and (link.begins or _has(standing, link.name, _ESTABLISHED)):
                _begin(mouth, link, standing)
        sorter = Sorter(links)
        end, look_at = began + LIFE_SECONDS, began
        while (now := time.monotonic()) < end and not all(link.is_done(now) for link in links):
            event = ear.heard(min(end, look_at) - now)
            if event is not None:
                sorter.take(event, time.monotonic())
                continue
            if now >= look_at:
                standing = _associations(mouth)
                _look(links, standing)
                look_at = now + _LOOK_SECONDS
            for link in links:
                waited = now >= began + _WAIT_FOR_PEER_SECONDS
                if waited and not (link.stood or link.lines or link.begun_at or link.is_up):
                    _begin(mouth, link, standing)
                    end = now + LIFE_SECONDS
        standing = _associations(mouth)
        _look(links, standing)
        for link in links:
            if link.begun_at is not None and not link.begins:
                _keep_one(mouth, link.name, standing)


class Sorter:
    """Finds out of which link a line is: by the name that is said, or the peer's address."""

    def __init__(self, links: Iterable[Heard]) -> None:
        """Know the links by their names and their peers' addresses."""
        self._by_name = {link.name: link for link in links}
        self._by_address = {str(link.far): link for link in self._by_name.values()}
        self._by_number: dict[str, Heard] = {}
        self._waiting: dict[str, list[str]] = {}

    def take(self, event: Section, now: float) -> None:
        """Give a line to its link; what is of none that we know is not ours to judge."""
        line, number = str(event.get("msg", "")), str(event.get("ikesa-uniqueid", ""))
        link = (
            self._by_name.get(str(event.get("ikesa-name", "")))
            or self._by_number.get(number)
            or self._addressed(line)
        )
        if link is None:
            if number:
                self._waiting.setdefault(number, []).append(line)
            return
        if number:
            self._by_number[number] = link
        for each in [*self._waiting.pop(number, ()), line]:
            link.hear(each, now)

    def _addressed(self, line: str) -> Heard | None:
        found = (self._by_address.get(word) for word in _ADDRESSES.findall(line))
        return next((link for link in found if link is not None), None)


def _begin(mouth: Vici, link: Heard, standing: Sequence[tuple[str, Section]]) -> None:
    """Have a link begun, unless strongSwan is at it already."""
    link.begun_at = time.monotonic()
    if _has(standing, link.name, "CONNECTING"):
        return
    try:
        mouth.ask("initiate", {"child": link.name, "ike": link.name, "timeout": "-1"})
    except ViciRefused as refused:
        link.hear(str(refused), time.monotonic())


def _look(links: Iterable[Heard], standing: Sequence[tuple[str, Section]]) -> None:
    for link in links:
        children = [child for _, child in _children(standing, link.name)]
        link.is_up = any(child.get("state") == _INSTALLED for child in children)
        packets = sum(int(str(child.get("packets-in", 0))) for child in children)
        if link.before is not None and link.stood and packets > link.before.packets_in:
            link.is_alive = True


def _keep_one(mouth: Vici, name: str, standing: Sequence[tuple[str, Section]]) -> None:
    """End what we began, where the peer began too."""
    whole = [each for n, each in standing if n == name and each.get("state") == _ESTABLISHED]
    ours = [each for each in whole if each.get("initiator") == "yes"]
    if ours and len(whole) > len(ours):
        for each in ours:
            with suppress(ViciRefused):
                end_association(mouth, each)


def _associations(mouth: Vici) -> list[tuple[str, Section]]:
    told = mouth.stream("list-sas", "list-sa")
    return [(n, each) for section in told for n, each in section.items() if isinstance(each, dict)]


def _has(standing: Iterable[tuple[str, Section]], name: str, state: str) -> bool:
    return any(n == name and each.get("state") == state for n, each in standing)


def _children(standing: Iterable[tuple[str, Section]], name: str) -> Iterator[tuple[str, Section]]:
    for n, each in standing:
        inside = each.get("child-sas")
        if n == name and isinstance(inside, dict):
            yield from ((k, child) for k, child in inside.items() if isinstance(child, dict))
