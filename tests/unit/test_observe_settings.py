"""What the follower is told, by what key it signs, and when it says that it records."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.errors import Refused
from gateway.observe.capacity import Capacity, Seen, Trouble
from gateway.observe.settings import read_settings
from tests.decision_logs import ORIGIN, Site, lines

BOUNDS = Capacity(reserve_bytes=1000, behind_bytes=100)
WELL = Seen(is_open=True, can_write=True, free_bytes=5000, behind_bytes=0)
NONE: frozenset[Trouble] = frozenset()


def test_settings_are_read(tmp_path: Path) -> None:
    """What is not said is as usual."""
    file = tmp_path / "log.toml"
    file.write_text(f'origin = "{ORIGIN}"\nraw = "/run/x"\nawait_seconds = 60\n')

    found = read_settings(file)

    assert (found.origin, found.raw, found.await_seconds) == (ORIGIN, Path("/run/x"), 60)
    assert found.checkpoint_seconds == 10


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("origin = ''", id="no name"),
        pytest.param("origin = 'two words'", id="a name that no checkpoint holds"),
        pytest.param(f"origin = '{ORIGIN}'\nrawfile = '/x'", id="a word that is not known"),
        pytest.param(f"origin = '{ORIGIN}'\nraw = 'x'", id="a place that depends on where"),
        pytest.param(f"origin = '{ORIGIN}'\nraw = 7", id="a number for a place"),
        pytest.param(f"origin = '{ORIGIN}'\nreserve_bytes = 0", id="no reserve"),
        pytest.param(f"origin = '{ORIGIN}'\nreserve_bytes = true", id="a word for a number"),
        pytest.param("origin = ", id="no TOML"),
    ],
)
def test_settings_that_are_not_understood_are_refused(tmp_path: Path, text: str) -> None:
    """None is passed over."""
    file = tmp_path / "log.toml"
    file.write_text(text)

    with pytest.raises(Refused, match="ZG980"):
        read_settings(file)


def test_a_key_is_made_once(tmp_path: Path) -> None:
    """For its owner alone; the next follower has the same."""
    site = Site(tmp_path)
    first = site.follower.store.verifier
    site.again()

    assert site.follower.store.verifier == first
    assert site.settings.key.stat().st_mode & 0o777 == 0o600
    assert (site.log / "key.vkey").read_text() == first.text()


def _another(key: Path) -> None:
    content = generate_private_key(SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    key.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda key: key.unlink(), id="lost"),
        pytest.param(lambda key: key.write_text("x"), id="no key"),
        pytest.param(lambda key: key.chmod(0o644), id="anybody's"),
        pytest.param(_another, id="of another kind"),
    ],
)
def test_a_log_takes_no_other_key(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a lambda of the table
    """Else what was signed before could be signed anew."""
    site = Site(tmp_path)
    site.take(lines(1))
    damage(site.settings.key)

    with pytest.raises(Refused, match="ZG988"):
        site.again()


def test_a_log_that_lost_both_halves_of_its_key_gets_no_new_one(tmp_path: Path) -> None:
    """Nobody could judge its checkpoints by one that signed none of them."""
    site = Site(tmp_path)
    site.take(lines(1))
    site.settings.key.unlink()
    (site.log / "key.vkey").unlink()

    with pytest.raises(Refused, match="ZG988"):
        site.again()


def test_a_log_takes_no_key_of_another_log(tmp_path: Path) -> None:
    """Though it is a good one."""
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other")
    site = Site(tmp_path)
    site.settings.key.write_bytes(other.settings.key.read_bytes())

    with pytest.raises(Refused, match="ZG988"):
        site.again()


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        pytest.param({"free_bytes": 999}, Trouble.DISK_FULL, id="little room"),
        pytest.param({"behind_bytes": 101}, Trouble.BEHIND, id="too far behind"),
        pytest.param({"can_write": False}, Trouble.CANNOT_WRITE, id="a write that failed"),
        pytest.param({"is_open": False}, Trouble.NO_RAW_FILE, id="nothing to read"),
    ],
)
def test_each_trouble_is_said(changes: dict[str, int], trouble: Trouble) -> None:
    """At once, by its name."""
    seen = Seen(**{**_as_words(WELL), **changes})  # type: ignore[arg-type]  # by name

    assert BOUNDS.troubles(seen, NONE) == {trouble}
    assert BOUNDS.troubles(WELL, frozenset({trouble})) == NONE


def _as_words(seen: Seen) -> dict[str, int]:
    return {name: getattr(seen, name) for name in Seen.__slots__}


@pytest.mark.parametrize(
    ("free", "behind", "before", "expected"),
    [
        pytest.param(1000, 0, NONE, NONE, id="at the bound"),
        pytest.param(1249, 0, {Trouble.DISK_FULL}, {Trouble.DISK_FULL}, id="hardly any room again"),
        pytest.param(1250, 0, {Trouble.DISK_FULL}, NONE, id="some room again"),
        pytest.param(5000, 100, NONE, NONE, id="behind by the bound"),
        pytest.param(5000, 51, {Trouble.BEHIND}, {Trouble.BEHIND}, id="nearly caught up"),
        pytest.param(5000, 50, {Trouble.BEHIND}, NONE, id="caught up"),
    ],
)
def test_service_does_not_flicker(
    free: int, behind: int, before: set[Trouble], expected: set[Trouble]
) -> None:
    """A trouble ends well within its bound."""
    seen = Seen(is_open=True, can_write=True, free_bytes=free, behind_bytes=behind)

    assert BOUNDS.troubles(seen, frozenset(before)) == expected
