"""The benchmark of requests: its arithmetic, ways and rights are what they are said to be."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from benchmarks import rights
from benchmarks.asking import Asked
from benchmarks.controls import Controls, Numbers, Switching, serial
from benchmarks.gate import BARE, Way, configuration
from benchmarks.others import Other, policy
from benchmarks.others_policy import Asked as OtherAsked
from benchmarks.others_policy import Rights
from benchmarks.request_bars import (
    LARGE,
    REVOKED,
    SMALL,
    USUAL,
    Pair,
    Pairs,
    Results,
    against,
    as_json,
    judged,
    ratios,
    told,
)
from benchmarks.requests import main
from gateway.artefacts import Generation
from gateway.compile.proxy import Layout, compile_proxy

FOLDER = Path("/somewhere")


def pairs(*ratio: float) -> list[Pair]:
    """Give measurements that took so many times what bare HAProxy took."""
    return [
        Pair(Asked(each * (1 + n), 10, 0.1), Asked(1.0 + n, 20, 0.05))
        for n, each in enumerate(ratio)
    ]


def results(recorded: float = 1.9, cut: float = 0.004, missing: int = 0) -> Results:
    """Give what meets every bar, but for what is said."""
    kept: Pairs = {
        (way, size): pairs(most, most, most)
        for way, most in (
            (Way.DECISION, 1.1),
            (Way.POLICY, 1.4),
            (Way.RECORDED, recorded),
        )
        for size in (SMALL, USUAL, LARGE)
    }
    kept |= {(Other.GRANIAN, USUAL): pairs(6, 6, 6), (Other.GUNICORN, USUAL): pairs(10, 10, 10)}
    return Results(
        kept=kept,
        anew={(Way.POLICY, USUAL): pairs(1, 1.1)},
        hybrid=pairs(1.05, 1.0, 1.2),
        controls=Controls({REVOKED: [0.001, cut]}, Switching(3, 100), Numbers(50, missing)),
    )


def verdicts(given: Results) -> dict[str, str]:
    """Give what was said of each bar."""
    return {f"{bar.what} {bar.bar}": bar.verdict for bar in judged(given)}


def test_a_ratio_is_between_neighbours_and_its_median_is_given() -> None:
    """Not between medians: what else the machine does changes from one to the next."""
    assert ratios(pairs(1, 3, 2)).middle == pytest.approx(2)
    assert against(pairs(2, 4, 9), pairs(1, 4, 3)).middle == pytest.approx(2)


def test_what_meets_the_bars_is_said_so() -> None:
    """Each of them."""
    assert set(verdicts(results()).values()) == {"met"}


@pytest.mark.parametrize(
    ("given", "missed"),
    [
        pytest.param(
            results(recorded=2.1),
            {
                "full policy + decision log, 10000 entries ≤ 2.0 × bare HAProxy",
                f"full policy + decision log, 10000 entries ≤ 1/3 × {Other.GRANIAN}",
                f"full policy + decision log, 10000 entries ≤ 1/5 × {Other.GUNICORN}",
            },
            id="a log that costs too much",
        ),
        pytest.param(
            results(cut=0.011),
            {"revoked on an open connection, beside 1000 others, until refused ≤ 10 ms"},
            id="one revocation that came late",
        ),
        pytest.param(
            results(missing=1),
            {"numbers of decisions missing in the log, or twice 0"},
            id="one decision without a record",
        ),
    ],
)
def test_what_does_not_is_said_too(given: Results, missed: set[str]) -> None:
    """And nothing else is."""
    assert {what for what, verdict in verdicts(given).items() if verdict == "NOT MET"} == missed


def test_what_was_not_measured_meets_no_bar() -> None:
    """Nor does it miss one."""
    nothing = Results(absent={"nginx": "cannot be had"})

    assert set(verdicts(nothing).values()) == {"not measured"}
    assert "not measured: nginx: cannot be had" in told(nothing, judged(nothing))


def test_what_was_measured_is_told_to_people_and_to_machines() -> None:
    """With each ratio."""
    given = results()
    text, document = told(given, judged(given)), json.loads(as_json(given, judged(given)))

    assert re.search(r"\| 10000 \| full policy \| .* \| 1\.4 \(1\.4–1\.4\) \|", text)
    assert document["controls"]["numbers"]["made"] == 50
    assert len(document["kept"][f"{Way.RECORDED} {LARGE}"]) == 3


def test_each_way_is_the_compiled_one_with_lines_left_out() -> None:
    """Whoever judges has every step; whoever records has all of it."""
    whole = compile_proxy(rights.plan(), rights.SITE, Layout.of(str(FOLDER))).text
    ways = {way: configuration(way, FOLDER) for way in Way}
    steps = [line for line in whole.splitlines() if "set-var(txn.reason)" in line]

    assert ways[Way.RECORDED] == whole
    assert set(ways[Way.POLICY].splitlines()) < set(whole.splitlines())
    for way in (Way.DECISION, Way.POLICY):
        assert [line for line in ways[way].splitlines() if "set-var(txn.reason)" in line] == steps
        assert "log stdout" not in ways[way]
    for way in BARE:
        assert "set-var" not in ways[way]
        assert "verify required" in ways[way]


def test_a_line_that_is_not_there_to_be_left_out_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else what is measured would be something else than what is said."""
    monkeypatch.setattr("benchmarks.gate._OF_THE_LOG", ("log nowhere",))

    with pytest.raises(LookupError):
        configuration(Way.POLICY, FOLDER)


@pytest.mark.parametrize("size", [SMALL, 1_000])
def test_each_entry_is_asked_for_by_who_may(size: int) -> None:
    """And by nobody else; beside them the maps have what the plan has."""
    held = rights.maps(size, Generation.A).maps
    judging = Rights(policy(size))

    def reason(number: int, path: str) -> str:
        place = rights.place()
        name, host = rights.asker(number), place.gate.host
        asked = OtherAsked("people", name, "0A", place.source, host, rights.METHOD, path)
        return judging.decide(asked).reason

    for number in range(size):
        assert reason(number % rights.ASKERS, rights.path(number)) == "grant"
    assert reason(1, rights.path(0)) == "no_grant"
    assert reason(0, rights.REFUSED_PATH) == "unknown_resource"
    assert reason(0, "/made/../x") == "not_canonical"
    assert all(len(held[name]) >= size for name in ("subjects", "ways", "routes", "grants"))
    assert len(rights.revoked(size)) == size


@pytest.mark.parametrize(
    ("number", "written"),
    [(0x7F, "7F"), (0x80, "0080"), (0x0A0B, "0A0B"), (0xFF << 8, "00FF00")],
)
def test_a_serial_number_is_written_as_in_the_certificate(
    tmp_path: Path, number: int, written: str
) -> None:
    """DER puts a zero before what would be negative, and HAProxy gives its bytes."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "asker-0")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), number, now, now + timedelta(days=1)
    ).sign(key, hashes.SHA256())
    file = tmp_path / "one.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))

    assert serial(file) == written


def test_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Without measuring anything."""
    with pytest.raises(SystemExit) as left:
        main(["--help"])

    assert left.value.code == 0
    assert {"--quick", "--json", "--strict"} <= set(capsys.readouterr().out.split())
