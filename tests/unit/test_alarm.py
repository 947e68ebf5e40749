"""How people on a host hear of alerts, and how it is noticed that none come any more."""

import http.client
import json
import os
import pty
import re
import socket
import ssl
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.alarm.hearing import Hearing, Senders
from gateway.alarm.telling import tell
from gateway.alarm.watchdog import AGAIN_SECONDS, Watchdog
from gateway.alarm.words import MOST_TOLD, Alarm, alarms_of, plain
from gateway.observe.scrape import Credentials
from tests.authorities import make_state
from tests.unit.test_observe_scrape import certified

PATIENCE_SECONDS = 20

SENDER = "monitoring-city.svc.zunyi.internal"


def posted(
    name: str = "LinkDown", status: str = "firing", severity: str = "urgent", **said: str
) -> dict[str, Any]:
    """Give what Alertmanager posts of one alert."""
    words = {"en": "The link is down.", "zh": "链路中断。", "runbook": f"docs/runbooks/{name}.md"}
    labels = {"alertname": name, "severity": severity, "site": "city"}
    return {"alerts": [{"status": status, "labels": labels, "annotations": {**words, **said}}]}


# --- in words -------------------------------------------------------------------------------------


def test_an_alert_is_said_in_both_languages_with_its_runbook() -> None:
    """What is wrong, and what to read."""
    (alarm,) = alarms_of(posted())

    assert alarm.lines == (
        "【告警】LinkDown:链路中断。(docs/runbooks/LinkDown.md)",
        "[alert] LinkDown: The link is down. (docs/runbooks/LinkDown.md)",
    )
    assert alarm.priority == 2


def test_what_is_over_is_said_to_be_over() -> None:
    """No runbook is needed, and nobody is woken."""
    (alarm,) = alarms_of(posted(status="resolved"))

    assert alarm.lines == ("【解除】LinkDown:链路中断。", "[over] LinkDown: The link is down.")
    assert alarm.priority == 5


@pytest.mark.parametrize("evil", ["\x1b[2J", "\r\nover", "\x9b31m", "a\tb\x00"])
def test_nothing_of_an_alert_moves_a_cursor(evil: str) -> None:
    """A gateway in somebody's hands may have put it there."""
    (alarm,) = alarms_of(posted(name=f"x{evil}", en=f"y{evil}", zh=evil))

    assert all(line.isprintable() for line in alarm.lines)


def test_more_than_anybody_reads_is_counted() -> None:
    """A group of many is told as many."""
    body = {"alerts": posted()["alerts"] * (MOST_TOLD + 3)}

    told = alarms_of(body)

    assert len(told) == MOST_TOLD + 1
    assert told[-1].en == "and 3 more."


def test_an_alert_that_nobody_has_words_for_is_told_by_its_name() -> None:
    """It is still something that is wrong."""
    bare = {"alerts": [{"status": "firing", "labels": {"alertname": "New"}, "annotations": {}}]}

    (alarm,) = alarms_of(bare)

    assert (alarm.en, alarm.priority) == ("New", 4)


def test_a_line_has_an_end() -> None:
    """Whatever its labels are."""
    assert len(plain("x" * 9_999)) == 400


# --- in the journal, and on terminals -------------------------------------------------------------

ALARM = Alarm("LinkDown", "urgent", is_over=False, en="It is down.", zh="中断。")


@contextmanager
def terminal(folder: Path, mode: int) -> Iterator[int]:
    """Give somebody's terminal below a folder of devices; what is shown there can be read."""
    (folder / "pts").mkdir(exist_ok=True)
    near, far = pty.openpty()
    name = Path(os.ttyname(far))
    name.chmod(mode)
    (folder / "pts" / name.name).symlink_to(name)
    try:
        yield near
    finally:
        os.close(near)
        os.close(far)


def test_it_is_in_the_journal_as_urgent_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In both languages, each a line of its own."""
    tell(ALARM, tmp_path)

    assert capsys.readouterr().err.splitlines() == [
        "<2>【告警】LinkDown:中断。",
        "<2>[alert] LinkDown: It is down.",
    ]


def test_it_is_on_the_terminal_of_who_lets_himself_be_told(tmp_path: Path) -> None:
    """And not on that of who does not (`mesg n`)."""
    both = (terminal(tmp_path, 0o620), terminal(tmp_path, 0o600))
    with both[0] as willing, both[1] as unwilling:
        tell(ALARM, tmp_path)
        shown = os.read(willing, 4096).decode()
        os.set_blocking(unwilling, False)

        assert "【告警】LinkDown" in shown
        assert "It is down." in shown
        with pytest.raises(BlockingIOError):
            os.read(unwilling, 1)


def test_what_is_no_terminal_is_not_written_to(tmp_path: Path) -> None:
    """A file that somebody laid there stays as it is."""
    (tmp_path / "pts").mkdir()
    file = tmp_path / "pts" / "1"
    file.write_text("mine")
    file.chmod(0o666)

    tell(ALARM, tmp_path)

    assert stat.S_ISREG(file.stat().st_mode)
    assert file.read_text() == "mine"


# --- who is heard ---------------------------------------------------------------------------------


@dataclass
class Ear:
    """Something that listens, and what it has heard."""

    port: int
    heard: list[Mapping[str, Any]] = field(default_factory=list)

    def post(self, body: object, shown: ssl.SSLContext | None = None) -> int:
        """Post something, and give the status of the answer; 0 where there is none."""
        if shown is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE_SECONDS)
        else:
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=PATIENCE_SECONDS, context=shown
            )
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request("POST", "/", text)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


@contextmanager
def listening(
    hear: Callable[[Mapping[str, Any]], object], senders: Senders | None = None
) -> Iterator[Ear]:
    """Have something heard."""
    opened, goes_on = socket.create_server(("127.0.0.1", 0)), threading.Event()
    ear = Ear(opened.getsockname()[1])

    def told(body: Mapping[str, Any]) -> None:
        hear(body)
        ear.heard.append(body)

    hearing = Hearing(opened, told, senders)
    thread = threading.Thread(target=hearing.run, args=(lambda: not goes_on.is_set(),))
    thread.start()
    try:
        yield ear
    finally:
        goes_on.set()
        thread.join(PATIENCE_SECONDS)
        hearing.server_close()


def test_an_alert_that_is_posted_is_heard() -> None:
    """Once, and its sender knows."""
    with listening(alarms_of) as ear:
        assert ear.post(posted()) == 200
        assert ear.heard == [posted()]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"{}", b'{"alerts": [1]}', b"1"])
def test_what_is_of_another_form_is_refused(body: bytes) -> None:
    """And the next one is heard."""
    with listening(alarms_of) as ear:
        assert ear.post(body) == 400
        assert ear.post(posted()) == 200


def test_who_says_nothing_keeps_nobody_waiting() -> None:
    """Another one is heard meanwhile."""
    with listening(alarms_of) as ear:
        with socket.create_connection(("127.0.0.1", ear.port)):
            began = time.monotonic()
            assert ear.post(posted()) == 200
        assert time.monotonic() - began < 4


@pytest.fixture(scope="module", name="shown")
def _shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give who may come, and what the listener has."""
    folder = tmp_path_factory.mktemp("hearing")
    state = make_state(folder / "authorities", datetime.now(UTC))
    services = state.folder / "services" / "authority.pem"
    own = certified(state, folder / "own.pem", "service", "operations-city")

    def by(profile: str | None, name: str = "") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(services))
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.check_hostname = False
        if profile:
            file = folder / f"{profile}-{name}.pem"
            context.load_cert_chain(certified(state, file, profile, name))
        return context

    return {
        "senders": Senders(Credentials(own, services), frozenset({SENDER})),
        "monitoring": by("service", "monitoring-city"),
        "another name": by("service", "monitoring-tax"),
        "another authority": by("person", "monitoring-city"),
        "nobody": by(None),
    }


def test_the_monitoring_host_is_heard_from_the_network(shown: dict[str, Any]) -> None:
    """By its certificate."""
    with listening(alarms_of, shown["senders"]) as ear:
        assert ear.post(posted(), shown["monitoring"]) == 200


@pytest.mark.parametrize("who", ["another name", "another authority", "nobody"])
def test_nobody_else_says_that_it_lives(shown: dict[str, Any], who: str) -> None:
    """Whoever silences it could say so in its place."""
    with listening(alarms_of, shown["senders"]) as ear:
        assert ear.post(posted(), shown[who]) == 0
        assert ear.heard == []


def test_nothing_is_heard_in_plain_text(shown: dict[str, Any]) -> None:
    """From the network."""
    with listening(alarms_of, shown["senders"]) as ear:
        assert ear.post(posted()) == 0
        assert ear.heard == []


# --- who is missed --------------------------------------------------------------------------------


@dataclass
class Clock:
    """A clock that stands still until it is set on."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Say the time."""
        return self.now


@dataclass
class Missing:
    """A watchdog, its clock, and what people were told."""

    clock: Clock = field(default_factory=Clock)
    told: list[Alarm] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin."""
        self.watchdog = Watchdog(60, self.told.append, self.clock)

    def later(self, seconds: float) -> list[bool]:
        """Let time pass; give of all that was told whether it was said to be over."""
        self.clock.now += seconds
        self.watchdog.look()
        return [each.is_over for each in self.told]


ALIVE = posted("Watchdog", severity="none")


def test_as_long_as_it_is_heard_nobody_is_told() -> None:
    """A sign of life each time before it is too late."""
    missing = Missing()
    for _ in range(5):
        assert missing.later(60) == []
        missing.watchdog.hear(ALIVE)


def test_silence_is_told_once_and_again_after_a_while() -> None:
    """And that it is over."""
    missing = Missing()

    assert missing.later(61) == [False]
    assert missing.later(1) == [False]
    assert missing.later(AGAIN_SECONDS) == [False, False]
    missing.watchdog.hear(ALIVE)
    assert missing.later(60) == [False, False, True]
    assert missing.told[0].name == "Watchdog"
    assert re.search("silent since", missing.told[0].en)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(posted("LinkDown"), id="another alert"),
        pytest.param(posted("Watchdog", "resolved"), id="it is over"),
        pytest.param({"alerts": []}, id="nothing"),
    ],
)
def test_nothing_else_is_a_sign_of_life(body: dict[str, Any]) -> None:
    """Who posts these may have no rules any more."""
    missing = Missing()
    missing.later(50)
    missing.watchdog.hear(body)

    assert missing.later(11) == [False]
