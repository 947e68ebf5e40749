"""The lists by which requests are judged: one that is missing, foreign or older stops all."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import Refused
from gateway.load.gate_lists import AUTHORITIES, as_shown, put_newer, read_lists, remember
from pki.state import State
from tests.proxies import authorities, authority_pem

GRACE_HOURS = 72


@pytest.fixture(name="state", scope="module")
def _state(tmp_path_factory: pytest.TempPathFactory) -> State:
    return authorities(tmp_path_factory.mktemp("gate-lists") / "authorities")


@pytest.fixture(name="folder")
def _folder(state: State, tmp_path: Path) -> Path:
    """Lay out what a gateway is given."""
    (tmp_path / "lists").mkdir()
    for name in AUTHORITIES:
        (tmp_path / "lists" / f"{name}.crl").write_bytes(list_of(state, name))
    trusted = b"".join(authority_pem(state, name) for name in AUTHORITIES)
    (tmp_path / "clients.pem").write_bytes(trusted)
    return tmp_path


def list_of(state: State, name: str) -> bytes:
    """Give an authority's list, in PEM."""
    return (state.folder / name / "crl.pem").read_bytes()


def read(folder: Path) -> object:
    """Read what a gateway was given."""
    return read_lists(folder / "lists", folder / "clients.pem", GRACE_HOURS, folder / "seen")


def refusals(folder: Path) -> list[str]:
    """Give why it is not taken."""
    with pytest.raises(Refused) as refused:
        read(folder)
    return [each.code for each in refused.value.problems]


def test_good_lists_are_taken_until_their_grace_is_over(folder: Path) -> None:
    """The first of them that ends, and the plan's grace."""
    lists = read_lists(folder / "lists", folder / "clients.pem", GRACE_HOURS, folder / "seen")

    assert lists.revoked == {}
    assert set(lists.numbers) == set(AUTHORITIES)
    ends = [
        x509.load_pem_x509_crl(file.read_bytes()).next_update_utc
        for file in (folder / "lists").iterdir()
    ]
    first = min(end for end in ends if end is not None)
    assert lists.until == first + timedelta(hours=GRACE_HOURS)
    assert lists.until > datetime.now(UTC)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda folder: (folder / "lists/people.crl").unlink(), id="missing"),
        pytest.param(lambda folder: (folder / "lists/people.crl").write_text("?"), id="no list"),
        pytest.param(
            lambda folder: (folder / "lists/people.crl").write_bytes(
                (folder / "lists/services.crl").read_bytes()
            ),
            id="another authority's",
        ),
        pytest.param(lambda folder: (folder / "clients.pem").unlink(), id="nobody is trusted"),
    ],
)
def test_what_is_not_in_order_is_refused(folder: Path, damage: Callable[[Path], None]) -> None:
    """Each is for all of them: who is on the list that is missing, is not known."""
    damage(folder)

    assert refusals(folder) == ["ZG517"]


def test_a_strangers_list_is_refused(folder: Path, tmp_path: Path) -> None:
    """It has the authority's name and not its signature."""
    other = authorities(tmp_path / "others")
    (folder / "lists/people.crl").write_bytes(list_of(other, "people"))

    assert refusals(folder) == ["ZG517"]


def test_an_older_list_than_was_seen_is_refused(folder: Path) -> None:
    """Who kept one from before a revocation cannot bring it back."""
    lists = read_lists(folder / "lists", folder / "clients.pem", GRACE_HOURS, folder / "seen")
    newer = {name: number + (name == "people") for name, number in lists.numbers.items()}
    (folder / "seen").write_text(str(newer).replace("'", '"'), "ascii")

    assert refusals(folder) == ["ZG518"]


def test_what_was_seen_is_kept(folder: Path) -> None:
    """The same lists are taken again; what is kept and cannot be read is not overlooked."""
    lists = read_lists(folder / "lists", folder / "clients.pem", GRACE_HOURS, folder / "seen")
    remember(folder / "seen", lists)
    again = read_lists(folder / "lists", folder / "clients.pem", GRACE_HOURS, folder / "seen")
    (folder / "seen").write_text("[]", "ascii")

    assert again.numbers == lists.numbers
    assert refusals(folder) == ["ZG517"]


def test_a_list_that_came_takes_an_older_ones_place_alone(state: State, folder: Path) -> None:
    """The one that is there is as new; a damaged one is replaced; a foreign one is refused."""
    found = x509.load_pem_x509_crl(list_of(state, "people")).public_bytes(Encoding.DER)
    lists, trusted = folder / "lists", folder / "clients.pem"

    assert not put_newer(lists, trusted, "people", found)
    (lists / "people.crl").write_text("?", "ascii")
    assert put_newer(lists, trusted, "people", found)
    with pytest.raises(Refused):
        put_newer(lists, trusted, "services", found)
    with pytest.raises(Refused):
        put_newer(lists, trusted, "people", found[:-1] + bytes([found[-1] ^ 1]))


@pytest.mark.parametrize(
    ("serial", "shown"), [(0x7F, "7F"), (0x80, "80"), (0x3A0F, "3A0F"), (0x0FFF, "0FFF")]
)
def test_a_serial_number_is_written_as_the_proxy_writes_it(serial: int, shown: str) -> None:
    """Whole bytes, and no zero before them (`kernel/test_gates.py` asks the proxy itself)."""
    assert as_shown(serial) == shown
