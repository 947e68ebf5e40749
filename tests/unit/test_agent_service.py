"""The service between operators and the loader: nobody who asks keeps it from its work."""

import json
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from gateway.agent import service
from gateway.agent.requests import LARGEST_DELIVERY_BYTES, Ask, Request, json_line, problems_json
from gateway.agent.service import Agent
from gateway.agent.settings import Settings
from gateway.agent.status import read_status
from gateway.errors import problem

PATIENCE_SECONDS = 20
STAMP = {"plan": "lab", "revision": 2, "digest": "0123456789abcdef"}
HOLDS = {
    "result": {"stamp": STAMP, "in_force": "lab revision 2", "forwarding": True, "findings": []}
}
DRIFT = {"result": {**HOLDS["result"], "findings": problems_json((problem("ZG801", stamp="x"),))}}
DELIVERY = (("a.yml", LARGEST_DELIVERY_BYTES // 2 + 1),)


@dataclass
class Line:
    """One end of a connection, in lines."""

    connection: socket.socket
    lines: Any = field(init=False)

    def __post_init__(self) -> None:
        """Wait for nothing for ever."""
        self.connection.settimeout(PATIENCE_SECONDS)
        self.lines = self.connection.makefile("rb")

    def says(self, body: Mapping[str, object]) -> None:
        """Say something."""
        self.connection.sendall(json_line(body))

    def hears(self) -> dict[str, Any]:
        """Hear the next line; nothing where the other end left."""
        return dict(json.loads(self.lines.readline() or b"{}"))

    def leaves(self) -> None:
        """End the connection."""
        self.lines.close()
        self.connection.close()


@dataclass
class Gateway:
    """A service at work; the test is its loader and its operators."""

    agent: Agent
    loader: socket.socket
    door: Path
    opened: list[Line] = field(default_factory=list)

    def asked_of_the_loader(self) -> tuple[str, Line]:
        """Be the loader that is called next."""
        line = Line(self.loader.accept()[0])
        self.opened.append(line)
        return line.hears()["request"], line

    def asks(self, request: Request) -> Line:
        """Be an operator."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self.door))
        connection.sendall(request.line())
        self.opened.append(Line(connection))
        return self.opened[-1]

    def on_probation(self) -> Line:
        """Bring it to where a policy waits to be confirmed."""
        operator = self.asks(Request(Ask.LOAD, (("a.yml", 1),), 60))
        operator.connection.sendall(b"x")
        asked, loader = self.asked_of_the_loader()
        assert asked == "load"
        loader.says({"probation": {**STAMP, "within_seconds": 60}})
        assert "probation" in operator.hears()
        operator.leaves()
        assert loader.lines.read(1) == b"x"
        return loader


@pytest.fixture(name="gateway")
def _gateway(tmp_path: Path) -> Iterator[Gateway]:
    loader, door = _listening(tmp_path / "loader.sock"), _listening(tmp_path / "agent.sock")
    agent = Agent(
        Settings("lab", prove_every_seconds=3600),
        [door],
        loader=tmp_path / "loader.sock",
        status_file=tmp_path / "status.json",
    )
    thread = Thread(target=agent.run)
    thread.start()
    gateway = Gateway(agent, loader, tmp_path / "agent.sock")
    try:
        yield gateway
    finally:
        agent.ending = True
        gateway.asks(Request(Ask.CONFIRM))  # wakes it
        thread.join(PATIENCE_SECONDS)
        for line in gateway.opened:
            line.leaves()
        for client in agent.clients.values():
            client.talk.connection.close()
        agent.selector.close()
        loader.close()
        door.close()


@pytest.fixture(name="at_rest")
def _at_rest(gateway: Gateway) -> Gateway:
    asked, loader = gateway.asked_of_the_loader()
    assert asked == "restore"
    loader.says(HOLDS)
    loader.leaves()
    return gateway


def _listening(path: Path) -> socket.socket:
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    found.bind(str(path))
    found.listen()
    found.settimeout(PATIENCE_SECONDS)
    return found


@pytest.mark.parametrize(
    ("answer", "next_ask", "repairs"),
    [pytest.param(HOLDS, "prove", 1, id="it holds"), pytest.param(DRIFT, "close", 0, id="in vain")],
)
def test_a_repair_counts_where_it_holds(
    at_rest: Gateway, answer: dict[str, Any], next_ask: str, repairs: int
) -> None:
    """And the policy's last moment is told, also where the next answer does not say it."""
    until = "2027-01-01T00:00:00+00:00"
    first = at_rest.asks(Request(Ask.PROVE))
    at_rest.asked_of_the_loader()[1].says(DRIFT)
    first.hears()
    asked, loader = at_rest.asked_of_the_loader()
    loader.says({"result": {**answer["result"], "until": until}})
    second = at_rest.asks(Request(Ask.PROVE))
    then, loader = at_rest.asked_of_the_loader()
    loader.says(HOLDS)
    if then != "prove":
        at_rest.asked_of_the_loader()[1].says(HOLDS)
    second.hears()
    status = at_rest.agent.status.as_json()

    assert (asked, then) == ("repair", next_ask)
    assert status["repairs"] == repairs
    assert status["until"] == (until if repairs else None)


@pytest.mark.parametrize("ask", [Ask.PROVE, Ask.CHECK])
def test_who_asks_without_end_does_not_put_off_a_repair(at_rest: Gateway, ask: Ask) -> None:
    """Drift is put right before the next one who waits has a turn."""
    files = (("a.yml", 0),) if ask is Ask.CHECK else ()
    first = at_rest.asks(Request(Ask.PROVE))
    _, loader = at_rest.asked_of_the_loader()
    for _ in range(3):
        at_rest.asks(Request(ask, files))
    assert "ZG810" in str(at_rest.asks(Request(Ask.CONFIRM)).hears())  # all are heard by now
    loader.says(DRIFT)
    assert "result" in first.hears()

    assert at_rest.asked_of_the_loader()[0] == "repair"


def test_who_asks_without_end_does_not_put_off_a_proof(at_rest: Gateway) -> None:
    """Operators and what changed take turns; somebody always waits here."""
    check = Request(Ask.CHECK, (("a.yml", 0),))
    waiting = [at_rest.asks(check), at_rest.asks(check)]
    asked, loader = at_rest.asked_of_the_loader()
    at_rest.agent.course.changed(0.0)
    end = time.monotonic() + PATIENCE_SECONDS

    while asked == "check" and time.monotonic() < end:
        waiting.append(at_rest.asks(check))
        loader.says(HOLDS)
        waiting.pop(0).hears()
        asked, loader = at_rest.asked_of_the_loader()
        time.sleep(0.05)

    assert asked == "prove"


def test_who_is_busy_without_end_gives_signs_of_life(
    at_rest: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else systemd would end it for the work that it does."""
    monkeypatch.setattr(service, "WRITE_SECONDS", 0.5)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        end = time.monotonic() + 2
        while time.monotonic() < end:
            operator = at_rest.asks(Request(Ask.PROVE))
            _, loader = at_rest.asked_of_the_loader()
            loader.says(HOLDS)
            assert "result" in operator.hears()
            loader.leaves()
        assert systemd.recv(64) == b"WATCHDOG=1"


def test_what_is_on_probation_is_proven_whatever_else_is_to_be_done(gateway: Gateway) -> None:
    """An operator's load may come while the loader was lost and is to be called again."""
    for _ in range(3):
        _, loader = gateway.asked_of_the_loader()
        loader.leaves()
    loader = gateway.on_probation()

    gateway.agent.course.changed(0.0)
    operator = gateway.asks(Request(Ask.LOAD, (("a.yml", 0),)))  # wakes it

    assert "ZG809" in str(operator.hears())
    assert loader.hears()["request"] == "prove"


@pytest.mark.parametrize(
    ("how", "asks", "hears"),
    [
        pytest.param(("ZG804", "ZG512"), Ask.ROLLBACK, "taken_back", id="who took it back"),
        pytest.param(("ZG804", "ZG512"), Ask.CONFIRM, "ZG804", id="who confirmed too late"),
        pytest.param(("ZG804", "ZG510"), Ask.ROLLBACK, "ZG510", id="it could not be taken back"),
    ],
)
def test_each_is_told_what_became_of_what_they_asked(
    at_rest: Gateway, how: tuple[str, ...], asks: Ask, hears: str
) -> None:
    """Taken back is no confirmation, and stuck is not taken back."""
    loader = at_rest.on_probation()
    at_rest.asks(Request(Ask.ROLLBACK))
    assert loader.hears()["request"] == "rollback"
    operator = at_rest.asks(Request(asks))
    assert loader.hears()["request"] == asks.value

    told = tuple(problem(code, stamp="x", table="y") for code in how)
    loader.says({"refused": problems_json(told)})

    answer = operator.hears()
    assert hears in str(answer)
    assert ("result" in answer) is (hears == "taken_back")


def test_who_is_answered_finds_the_status_of_the_same_mind(
    at_rest: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found is told to all before it is told to who asked."""
    counted: list[int] = []

    def noted(body: Mapping[str, object]) -> bytes:
        counted.append(read_status(at_rest.agent.status_file)["drift"]["count"])
        return json_line(body)

    monkeypatch.setattr(service, "json_line", noted)
    operator = at_rest.asks(Request(Ask.PROVE))
    at_rest.asked_of_the_loader()[1].says(DRIFT)

    assert "result" in operator.hears()
    assert counted == [1]


def test_an_agent_that_reaches_no_loader_lives_and_says_so(
    at_rest: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its unit lets it have sockets of this host alone, and it needs no other."""
    begin = socket.socket.__init__

    def of_this_host(
        self: socket.socket,
        family: int = -1,
        kind: int = -1,
        protocol: int = -1,
        fileno: int | None = None,
    ) -> None:
        assert family == socket.AF_UNIX, "RestrictAddressFamilies"
        begin(self, family, kind, protocol, fileno)

    monkeypatch.setattr(socket.socket, "__init__", of_this_host)
    at_rest.agent.loader.unlink()

    for _ in range(2):
        answer = at_rest.asks(Request(Ask.PROVE)).hears()
        assert [each["code"] for each in answer["refused"]] == ["ZG812"]
    status = read_status(at_rest.agent.status_file)
    assert status is not None
    assert not status["proven"]


def test_deliveries_are_held_one_at_a_time(at_rest: Gateway) -> None:
    """What several send together is more than the service may hold."""
    first = at_rest.asks(Request(Ask.CHECK, DELIVERY))
    first.connection.sendall(b"x")
    assert "ZG810" in str(at_rest.asks(Request(Ask.CONFIRM)).hears())  # the first is heard by now

    assert "ZG808" in str(at_rest.asks(Request(Ask.CHECK, DELIVERY)).hears())
    assert "ZG808" in str(at_rest.asks(Request(Ask.LOAD, DELIVERY)).hears())
    first.leaves()
    assert "ZG810" in str(at_rest.asks(Request(Ask.CONFIRM)).hears())
    second = at_rest.asks(Request(Ask.CHECK, DELIVERY))
    second.connection.sendall(b"x" * DELIVERY[0][1])
    assert at_rest.asked_of_the_loader()[0] == "check"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        pytest.param(Request(Ask.CLOSE), "ZG806", id="what is not for operators"),
        pytest.param(Request(Ask.CONFIRM), "ZG810", id="what cannot be done now"),
    ],
)
def test_who_is_refused_is_recorded(
    at_rest: Gateway, capsys: pytest.CaptureFixture[str], request_: Request, code: str
) -> None:
    """With the reason, and who it was."""
    assert code in str(at_rest.asks(request_).hears())

    journal = capsys.readouterr().err
    assert code in journal
    assert "by_user" in journal
