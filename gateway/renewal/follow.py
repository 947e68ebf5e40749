"""Takes up lists of revocations the moment they are signed: the enrolment server says so.

It waits for the server's answer, which comes when there is something newer than
what lies here.  The gates have theirs first, for whoever asks there waits for
nothing; then strongSwan has its own, and links end.  Who cannot be heard is
asked again soon, and the timer's round is there besides.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Problem, Refused, problem, refuse_any
from gateway.journal import journal
from gateway.load.gate_lists import AUTHORITIES as OF_GATES
from gateway.load.gate_lists import put_newer
from gateway.load.revocations import CREDENTIALS, take_up
from gateway.renewal.certificate import Identity
from gateway.renewal.course import AUTHORITIES as OF_LINKS
from gateway.renewal.course import LOCK, alone, check_clock, install, number_there
from gateway.renewal.server import News, Server, news_of

#: After these it is asked again, the last for ever; with some chance, so that a city does not
#: come all at once to a server that is back.
_AGAIN_SECONDS = (0.5, 1.0, 2.0, 5.0, 15.0)
_CHANCE = 0.5

#: Another round's answers may take so long.
_LOCK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class AtGates:
    """The lists of this gateway's gates, and the certificates of their authorities."""

    folder: Path
    trusted: Path


@dataclass(frozen=True, slots=True)
class Follower:
    """Who takes up lists on one gateway; `gates` is None where there are none."""

    server: Server
    daemon: Path
    gates: AtGates | None = None
    credentials: Path = CREDENTIALS
    lock: Path = LOCK

    def once(self) -> tuple[str, ...]:
        """Wait for news and take it; give the authorities whose lists are new here.

        Raises:
            Refused: the server cannot be heard, or what it says is not in order; what
                was good in it is taken.
        """
        held = self.held()
        news = news_of(self.server, held)
        if not news.lists:
            return ()
        check_clock(news.ahead_seconds)
        taken: list[str] = []
        problems: list[Problem] = []
        for take in (self._at_gates, self._at_links):
            try:
                taken += take(news)
            except Refused as refused:
                problems += refused.problems
        if not taken and not problems and self.held() == held:
            # Nobody else has taken it either: the same would be said at once, and without end.
            problems = [problem("ZG520", server=self.server.url, error=", ".join(news.lists))]
        refuse_any(problems)
        return tuple(dict.fromkeys(taken))

    def held(self) -> Mapping[str, int]:
        """Give the numbers of the lists that lie here, by their authorities; the older of two."""
        identity = Identity(self.credentials)
        files = [(name, identity.revocations(name)) for name in OF_LINKS]
        if self.gates is not None:
            files += [(name, self.gates.folder / f"{name}.crl") for name in OF_GATES]
        numbers: dict[str, int] = {}
        for name, file in files:
            number = number_there(file)
            numbers[name] = min(number, numbers.get(name, number))
        return numbers

    def _at_gates(self, news: News) -> list[str]:
        """Lay lists down where the service that watches the gates finds them within a moment."""
        if self.gates is None:
            return []
        folder, trusted = self.gates.folder, self.gates.trusted
        return [
            name
            for name in OF_GATES
            if name in news.lists and put_newer(folder, trusted, name, news.lists[name])
        ]

    def _at_links(self, news: News) -> list[str]:
        identity = Identity(self.credentials)
        with alone(self.lock, _LOCK_SECONDS):
            new = [
                name
                for name in OF_LINKS
                if name in news.lists and install(identity, name, news.lists[name])
            ]
            if new:
                taken = take_up(self.daemon, self.credentials)
                journal({"revoked": taken.revoked, "links_ended": list(taken.ended)})
        return new


def follow(follower: Follower, goes_on: Callable[[], bool]) -> None:
    """Take up what comes, as long as it is to go on."""
    failures = 0
    while goes_on():
        try:
            if new := follower.once():
                journal({"new_lists": new})
            failures = 0
        except Refused as refused:
            if not failures:
                journal({"not_heard": [each.as_json() for each in refused.problems]})
            failures += 1
            pause = _AGAIN_SECONDS[min(failures, len(_AGAIN_SECONDS)) - 1]
            time.sleep(pause * (1 + random.random() * _CHANCE))  # noqa: S311 - no secret hangs on it
