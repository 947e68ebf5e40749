"""What is revoked is on the next list, at once and for good; and what is due is said."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from pki.errors import Code, PkiRefused
from pki.issue import renew
from pki.revoke import renew_list, revoke
from pki.state import State, open_state
from pki.status import Standing, certificate_lines, list_lines
from tests.authorities import (
    GATEWAY,
    NO_SECRETS,
    NOW,
    REALM,
    ROOT_SECRETS,
    certify,
    make_state,
    request,
)


def day(number: float) -> datetime:
    """Give a moment after the beginning."""
    return NOW + timedelta(days=number)


def listed(state: State, authority: str = "links") -> set[int]:
    """Give the serials on an authority's list, from its file for fetching."""
    found = x509.load_der_x509_crl((state.folder / authority / "crl.der").read_bytes())
    return {entry.serial_number for entry in found}


def standing(state: State, name: str, now: datetime) -> list[Standing]:
    """Say how the certificates of a name stand, the oldest first."""
    return [line.standing for line in certificate_lines(state, now) if line.name == name]


def test_a_name_loses_all_that_it_has(tmp_path: Path) -> None:
    """The one before the renewal too, also while it could only renew itself; others stay."""
    state = make_state(tmp_path)
    first = certify(state).record
    other = certify(state, name="city-gw").record
    second = renew(state, first, request(), NO_SECRETS, day(20)).record

    done = revoke(state, GATEWAY, "keyCompromise", NO_SECRETS, day(40))

    assert set(done.serials) == {first.serial, second.serial} == listed(state)
    assert other.serial not in listed(state)
    assert done.list_number == 2


def test_what_has_long_ended_is_left_off_the_list(tmp_path: Path) -> None:
    """It counts for nothing, and lists stay short."""
    state = make_state(tmp_path)
    first = certify(state).record
    second = renew(state, first, request(), NO_SECRETS, day(29)).record

    revoke(state, GATEWAY, "unspecified", NO_SECRETS, day(45))

    assert listed(state) == {second.serial}


@pytest.mark.parametrize("written", ["{:x}", "{:X}", "0{:x}"])
def test_a_serial_is_revoked_alone(tmp_path: Path, written: str) -> None:
    """Where one key of two was lost; as we write it, or as OpenSSL does."""
    state = make_state(tmp_path)
    first = certify(state).record
    renew(state, first, request(), NO_SECRETS, day(1))

    revoke(state, written.format(first.serial), "superseded", NO_SECRETS, day(2))

    assert listed(state) == {first.serial}


@pytest.mark.parametrize(
    ("reason", "flag"),
    [
        ("keyCompromise", x509.ReasonFlags.key_compromise),
        ("cessationOfOperation", x509.ReasonFlags.cessation_of_operation),
    ],
)
def test_the_list_says_why_and_when(tmp_path: Path, reason: str, flag: x509.ReasonFlags) -> None:
    """As RFC 5280 has it."""
    state = make_state(tmp_path)
    certify(state)

    revoke(state, GATEWAY, reason, NO_SECRETS, day(1))

    (entry,) = state.revocations("links")
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is flag
    assert entry.revocation_date_utc == day(1)


def test_an_authority_is_revoked_by_the_root(tmp_path: Path) -> None:
    """With the root's passphrase, and not without."""
    state = make_state(tmp_path)
    serial = state.certificate("links").serial_number

    with pytest.raises(PkiRefused) as refused:
        revoke(state, "links", "cACompromise", NO_SECRETS, NOW)
    revoke(state, "links", "cACompromise", ROOT_SECRETS, NOW)

    assert refused.value.code is Code.ZP003
    assert listed(state, "root") == {serial}


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        pytest.param("nobody", Code.ZP004, id="nobody"),
        pytest.param("root", Code.ZP004, id="the root itself"),
        pytest.param("city-gw", Code.ZP005, id="who is revoked already"),
        pytest.param("portal", Code.ZP027, id="a name that stands for two things"),
    ],
)
def test_nobody_else_is_revoked(tmp_path: Path, wanted: str, code: Code) -> None:
    """A slip of the pen is said, not done."""
    state = make_state(tmp_path)
    for name in (GATEWAY, "city-gw", "portal"):
        certify(state, name=name)
    certify(state, "service", "portal")
    revoke(state, "city-gw", "unspecified", NO_SECRETS, NOW)
    before = (tmp_path / "links" / "crl.pem").read_bytes()

    with pytest.raises(PkiRefused) as refused:
        revoke(state, wanted, "unspecified", NO_SECRETS, NOW)

    assert refused.value.code is code
    assert (tmp_path / "links" / "crl.pem").read_bytes() == before


def test_each_list_keeps_what_was_revoked_and_counts_on(tmp_path: Path) -> None:
    """And is good for a week from when it was written."""
    state = make_state(tmp_path)
    serial = certify(state).record.serial
    revoke(state, GATEWAY, "unspecified", NO_SECRETS, day(1))

    number = renew_list(state, "links", NO_SECRETS, day(5))

    found = state.revocations("links")
    assert number == 3
    assert listed(state) == {serial}
    assert found.next_update_utc == day(12) - timedelta(minutes=5)
    assert state.list_days("links") == 7
    found.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(0.0, Standing.GOOD, id="new"),
        pytest.param(14.9, Standing.GOOD, id="before half"),
        pytest.param(15.1, Standing.DUE, id="from half"),
        pytest.param(19.9, Standing.DUE, id="before two thirds"),
        pytest.param(20.1, Standing.OVERDUE, id="from two thirds"),
        pytest.param(29.9, Standing.OVERDUE, id="to the end"),
        pytest.param(30.1, Standing.EXPIRED, id="after the end"),
    ],
)
def test_what_is_due_is_said(tmp_path: Path, at: float, expected: Standing) -> None:
    """From half of its life, and louder from two thirds."""
    state = make_state(tmp_path)
    certify(state)

    assert standing(state, GATEWAY, day(at)) == [expected]


def test_what_was_replaced_or_revoked_alarms_nobody(tmp_path: Path) -> None:
    """Only the last one of a name matters."""
    state = make_state(tmp_path)
    renew(state, certify(state).record, request(), NO_SECRETS, day(20))

    assert standing(state, GATEWAY, day(25)) == [Standing.REPLACED, Standing.GOOD]
    revoke(state, GATEWAY, "unspecified", NO_SECRETS, day(25))
    assert standing(state, GATEWAY, day(100)) == [Standing.REVOKED, Standing.REVOKED]


def test_a_list_grows_old_too(tmp_path: Path) -> None:
    """A gateway with a list that ended stops believing anybody."""
    state = make_state(tmp_path)

    at = {
        n: next(x for x in list_lines(state, day(n)) if x.authority == "links") for n in (1, 5, 8)
    }

    found = [at[n].standing for n in (1, 5, 8)]
    assert found == [Standing.GOOD, Standing.OVERDUE, Standing.EXPIRED]
    assert at[5].age_days == 5.0


@pytest.mark.parametrize(
    ("now", "code"),
    [
        pytest.param(datetime(2008, 12, 31, tzinfo=NOW.tzinfo), Code.ZP007, id="before 2009"),
        pytest.param(day(0.9), Code.ZP008, id="before what was signed last"),
    ],
)
def test_a_wrong_clock_signs_nothing(tmp_path: Path, now: datetime, code: Code) -> None:
    """Neither a folder's first certificate nor a later one."""
    state = make_state(tmp_path)
    renew_list(state, "people", NO_SECRETS, day(1))

    with pytest.raises(PkiRefused) as refused:
        open_state(tmp_path, now)

    assert refused.value.code is code
    assert open_state(tmp_path, day(1) - timedelta(minutes=4)).realm == REALM
    if code is Code.ZP007:
        with pytest.raises(PkiRefused) as unmade:
            make_state(tmp_path / "new", now)
        assert unmade.value.code is code
