"""What is gathered for the metrics is what is there; what cannot be asked is told as unknown."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.agent.gather import Marks, Places, gathered, is_active, main
from gateway.agent.links import LinkState
from gateway.errors import Refused, problem
from gateway.observe.samples import of_gatherer
from gateway.observe.told import Source, told_by
from gateway.policy.reasons import GATEWAY_REFUSALS
from tests.authorities import certify, make_state

UP = LinkState("city", "city-gw.gw.lab.internal", is_up=True, seconds=60, packets_in=1,
               packets_out=2, bytes_in=10, bytes_out=20)  # fmt: skip
COUNTERS = [
    {"counter": {"name": f"refused_{reason}", "packets": number, "bytes": 60 * number}}
    for number, reason in enumerate(GATEWAY_REFUSALS)
]

#: As the kernel writes it: our link's end, and an address of the pair's.
ALONE = "fe80000000000000021122fffe334455 02 40 20 80     eth0\n"
ACTIVE = "fe800000000000000000000000000001 03 40 20 80   office\n"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Give a gateway that has nothing yet."""
    names = (
        "vici",
        "swanctl",
        "own.pem",
        "proxy",
        "pair",
        "addresses",
        "forward",
        "state",
        "files",
        "kept",
        "installed",
    )
    return Places(*(tmp_path / name for name in names))


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have the kernel say what was refused, and strongSwan that a link stands."""
    monkeypatch.setattr("gateway.load.nft.list_json", lambda *_words: COUNTERS)
    monkeypatch.setattr("gateway.agent.gather.link_states", lambda _daemon: [UP])
    return monkeypatch


def test_what_is_there_is_told(places: Places) -> None:
    """In the form that metrics are made of."""
    body = gathered(places, 1000.0)

    told = {(each.name, each.labels): each.value for each in of_gatherer(body, "city")}
    assert told["loushan_link_established_timestamp_seconds", ("city",)] == 940
    assert told["loushan_link_sent_bytes_total", ("city",)] == 20
    assert told["loushan_refused_packets_total", ("wrong_exit",)] == 5


def test_each_certificate_and_list_has_its_times(places: Places, tmp_path: Path) -> None:
    """Of links and of gates; one that is missing or damaged has ended long ago."""
    state = make_state(tmp_path / "pki")
    for folder in ("swanctl/x509", "swanctl/x509ca", "swanctl/x509crl", "proxy/shown"):
        (tmp_path / folder).mkdir(parents=True)
    certificate = certify(state).chain()
    (places.credentials / "x509/gateway.pem").write_bytes(certificate)
    (places.proxy / "shown/gateway.pem").write_text("?")
    authority = state.folder / "links"
    (places.credentials / "x509ca/links.pem").write_bytes(
        (authority / "authority.pem").read_bytes()
    )
    (places.credentials / "x509crl/links.crl").write_bytes((authority / "crl.pem").read_bytes())
    body: dict[str, Any] = gathered(places, 1000.0)

    lives = {each["name"]: each["life"] for each in body["certificates"]}
    assert lives["gateway"][1] - lives["gateway"][0] == pytest.approx(30 * 86400, abs=3600)
    assert lives["proxy"] == lives["metrics"] == (0.0, 0.0)
    lists = {(each["authority"], each["of"]): each["life"] for each in body["revocations"]}
    assert lists["links", "links"][1] - lists["links", "links"][0] == pytest.approx(7 * 86400, 0.01)
    assert lists["people", "gates"] == (0.0, 0.0)


@pytest.mark.parametrize(
    ("prepare", "when"),
    [
        pytest.param([], None, id="no log host is to have it"),
        pytest.param(["forward"], 0.0, id="it never had it"),
        pytest.param(["forward", "state"], 1000.0, id="it had it"),
        pytest.param(["state"], None, id="it is not to have it any more"),
    ],
)
def test_when_the_log_host_had_the_journal_is_told(
    places: Places, prepare: list[str], when: float | None
) -> None:
    """By when the sender noted it; what is not known is not 0."""
    for name in prepare:
        file = places.pair.with_name(name)
        file.touch()
        os.utime(file, (1000, 1000))

    told = {each.name: each.value for each in of_gatherer(gathered(places, 1.0), "city")}

    assert told.get("loushan_journal_forwarded_timestamp_seconds") == when


@pytest.mark.parametrize(
    ("said", "checked", "changed"),
    [
        pytest.param('{"checked": 7.5, "changed": 2, "database": ""}', 7.5, 2.0, id="two differ"),
        pytest.param('{"checked": 7.5, "changed": 0, "database": ""}', 7.5, 0.0, id="none does"),
        pytest.param(None, 0.0, None, id="nobody looked"),
        pytest.param("{", 0.0, None, id="damaged"),
        pytest.param("[]", 0.0, None, id="of another form"),
        pytest.param('{"checked": null, "changed": 0}', 0.0, None, id="without a time"),
    ],
)
def test_whether_files_have_changed_is_told_where_somebody_looked(
    places: Places, said: str | None, checked: float, changed: float | None
) -> None:
    """What cannot be read is no word that nothing has changed."""
    if said is not None:
        places.files.write_text(said)

    told = {each.name: each.value for each in of_gatherer(gathered(places, 1.0), "city")}

    assert told["loushan_files_checked_timestamp_seconds"] == checked
    assert told.get("loushan_files_changed") == changed


def test_something_is_said_each_minute_where_the_journal_is_sent(
    places: Places, kernel: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So the log host always has something to take; elsewhere nothing is said."""
    clock = iter([0.0, 0.0, 59.0, 61.0, 61.0])
    kernel.setattr("gateway.agent.gather.time.monotonic", lambda: next(clock))
    said = []
    marks = Marks(places)
    marks.say()
    said.append(capsys.readouterr().err)
    places.forward.touch()
    for _ in range(3):
        marks.say()
        said.append(capsys.readouterr().err)

    assert [bool(each) for each in said] == [False, True, False, True]
    assert '"mark"' in said[1]


@pytest.mark.parametrize(
    ("addresses", "active"),
    [
        pytest.param(ALONE + ACTIVE, True, id="it has the addresses"),
        pytest.param(ALONE, False, id="the other one has"),
        pytest.param("", False, id="it has none at all"),
    ],
)
def test_who_of_a_pair_is_active_has_its_addresses(
    places: Places,
    addresses: str,
    active: bool,  # noqa: FBT001 - a table's column
) -> None:
    """A gateway that is alone is neither."""
    places.addresses.write_text(addresses)
    alone = is_active(places)
    places.pair.touch()

    assert alone is None
    assert is_active(places) is active


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(None, id="no ruleset of ours"),
        pytest.param(COUNTERS[1:], id="a counter less"),
    ],
)
def test_a_ruleset_that_is_not_ours_is_unknown(
    places: Places, kernel: pytest.MonkeyPatch, told: list[dict[str, Any]] | None
) -> None:
    """Nothing is made up of what is left of it."""
    kernel.setattr("gateway.load.nft.list_json", lambda *_words: told)

    assert gathered(places, 0.0)["refused"] is None


def test_new_programs_are_taken_up(
    places: Places, kernel: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It writes what there is, and ends where the programs are others than it began with."""
    written = tmp_path / "told.json"
    found = iter([True, True, False])
    kernel.setattr("gateway.agent.gather.programs", lambda: lambda: next(found))
    kernel.setattr("gateway.agent.gather.Places", lambda: places)
    kernel.setattr("gateway.agent.gather.GATHERED_FILE", written)
    kernel.setattr("gateway.agent.gather.GATHER_SECONDS", 0)

    main()

    assert told_by(Source("gatherer", written, 5)).body is not None
    assert list(found) == []


def test_strongswan_that_does_not_answer_is_unknown(places: Places) -> None:
    """Its links are neither up nor down; the rest is told."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.agent.gather.link_states", _silent)
        body = gathered(replace(places, daemon=places.pair), 0.0)

    assert body["links"] is None
    assert body["refused"] is not None


def _silent(_daemon: Path) -> list[LinkState]:
    raise Refused(problem("ZG516", error="silent"))


@pytest.mark.parametrize(
    ("said", "when"),
    [
        pytest.param('{"kept": 2000.5, "sha256": ""}', 2000.5, id="it was"),
        pytest.param(None, 1000.0, id="it never was, since it was installed"),
        pytest.param("{", 1000.0, id="nobody can say"),
    ],
)
def test_when_it_was_kept_elsewhere_is_told(places: Places, said: str | None, when: float) -> None:
    """Else who forgets a host would hear nothing of it."""
    places.installed.touch()
    os.utime(places.installed, (1000, 1000))
    if said is not None:
        places.kept.write_text(said)

    told = {each.name: each.value for each in of_gatherer(gathered(places, 1.0), "city")}

    assert told["loushan_backup_timestamp_seconds"] == when
