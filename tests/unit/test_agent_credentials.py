"""What a gateway says of its certificate and lists: good, late, ended, or not there."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.agent.credentials import Standing, lasting
from tests.authorities import certify, make_state


def given(folder: Path, days: float) -> Path:
    """Give a gateway what was made for it so many days ago."""
    made = datetime.now(UTC) - timedelta(days=days)
    state = make_state(folder / "pki", made)
    credentials = folder / "swanctl"
    for kind in ("x509", "x509ca", "x509crl"):
        (credentials / kind).mkdir(parents=True)
    for name in ("links", "root"):
        own = state.folder / name
        shutil.copy(own / "authority.pem", credentials / "x509ca" / f"{name}.pem")
        shutil.copy(own / "crl.pem", credentials / "x509crl" / f"{name}.crl")
    certificate = certify(state, now=made).record.certificate
    (credentials / "x509" / "gateway.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    return credentials


@pytest.mark.parametrize(
    ("days", "standings"),
    [
        pytest.param(0, ["good", "good", "good"], id="fresh"),
        pytest.param(5, ["good", "late", "good"], id="nobody renews lists"),
        pytest.param(8, ["good", "ended", "good"], id="a list has run out"),
        pytest.param(21, ["late", "ended", "good"], id="nobody renews the certificate"),
        pytest.param(31, ["ended", "ended", "good"], id="everything but the root's has ended"),
    ],
)
def test_each_is_judged_by_its_own_life(tmp_path: Path, days: float, standings: list[str]) -> None:
    """The certificate has 30 days, the list of links 7, the root's 180."""
    found = lasting(given(tmp_path, days))

    assert [each.name for each in found] == ["certificate", "list of links", "list of root"]
    assert [each.standing.value for each in found] == standings
    assert [each.hours_left > 0 for each in found] == [s != "ended" for s in standings]


def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    """Each by its name."""
    credentials = given(tmp_path, 0)
    (credentials / "x509" / "gateway.pem").write_text("")
    (credentials / "x509crl" / "root.crl").unlink()

    found = {each.name: each.standing for each in lasting(credentials)}

    assert found == {
        "certificate": Standing.MISSING,
        "list of links": Standing.GOOD,
        "list of root": Standing.MISSING,
    }
