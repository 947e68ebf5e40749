"""A real HAProxy is reloaded: another process takes over, and each decision keeps its one name."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.compile.proxy import waiting_configuration
from gateway.haproxy import Haproxy
from gateway.observe.content import DecisionId, Kind
from lab import namespace
from tests.decision_logs import Site, records
from tests.proxies import (
    CASE,
    CLERK,
    DESK,
    HOST,
    Stand,
    city,
    reload,
    standing,
    started,
    status,
    text,
    until,
)

pytestmark = pytest.mark.kernel


@pytest.fixture(name="stand")
def _stand(tmp_path: Path) -> Iterator[Stand]:
    with standing(city(), tmp_path) as stand:
        yield stand


@pytest.fixture(name="clerk")
def _clerk(stand: Stand) -> Path:
    return stand.shown("person", CLERK)


def test_no_decision_is_called_as_another_after_a_reload(stand: Stand, clerk: Path) -> None:
    """The process before writes its last lines beside the new one's; none is missing or doubled."""
    half = text("PUT", CASE, HOST, "Content-Length: 4") + b"no"
    asked = [status(stand, clerk, text("GET", CASE)) for _ in range(3)]
    with stand.connect(DESK, stand.context(clerk), HOST) as opened:
        opened.sendall(half)
        until(lambda: waits(stand))
        reload(stand)
        asked += [status(stand, clerk, text("GET", CASE)) for _ in range(3)]
        late = stand.ask(opened, b"ne").status
    until(lambda: len(stand.decisions) == 7)
    log = Site(stand.folder, changes={"raw": stand.folder / "decisions"})
    log.go()

    names = [DecisionId.read(line["id"]) for line in stand.decisions]
    assert [*asked, late] == [200] * 7
    assert len({name.start for name in names}) == 2
    assert len({str(name) for name in names}) == 7
    assert sorted(name.counter for name in names) == [1, 1, 2, 2, 3, 3, 4]
    kinds = [record.kind for record in records(log.log)]
    assert kinds.count(Kind.DECISION) == 7
    assert not {Kind.REPEATED, Kind.GAP} & set(kinds)
    assert log.chain.numbers.awaited_count == 0


def waits(stand: Stand) -> bool:
    """Tell whether a request is being passed on: to whom it leads has one."""
    return "to:city.applications:approval" in stand.proxy.haproxy.ask("show sess")


def test_the_process_before_ends_soon(stand: Stand, clerk: Path) -> None:
    """Nobody tells it who is revoked; what it still serves is cut, and written down."""
    with stand.connect(DESK, stand.context(clerk), HOST) as opened:
        opened.sendall(text("PUT", CASE, HOST, "Content-Length: 4") + b"no")
        until(lambda: waits(stand))
        reload(stand)
        rest = opened.recv(1)
    until(lambda: len(stand.decisions) == 1)

    assert rest in {b"", b"H"}
    assert stand.decisions[0]["method"] == "PUT"
    assert stand.decisions[0]["status"] != 200


def test_who_has_no_policy_yet_waits_for_one(tmp_path: Path) -> None:
    """It can be asked and says what it is; it listens nowhere."""
    where = f"lst-proxy-{os.getpid()}-waits"
    (tmp_path / "haproxy.cfg").write_text(waiting_configuration(str(tmp_path / "control.sock")))
    namespace.add([where])
    try:
        process = started(tmp_path, where)
        haproxy = Haproxy(tmp_path / "control.sock")
        try:
            named = haproxy.info()["description"]
            proxies = haproxy.ask("show stat").splitlines()
        finally:
            process.terminate()
            process.wait(20)
    finally:
        namespace.remove([where])

    assert named in waiting_configuration(str(tmp_path / "control.sock"))
    assert not [line for line in proxies if "FRONTEND" in line]
