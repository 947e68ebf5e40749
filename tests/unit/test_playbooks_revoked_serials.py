"""The numbers of revoked certificates stand as HAProxy writes a number, or nobody is refused."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from pki.revoke import revoke
from playbooks.plugins.lookup.revoked_serials import LookupModule, hexadecimal
from tests.authorities import NO_SECRETS, certify, make_state


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0, "00"),
        (1, "01"),
        (0xAB, "AB"),
        (0xABC, "0ABC"),
        (0x80, "80"),
        (1 << 159, "80" + "00" * 19),
    ],
)
def test_a_number_is_written_in_whole_octets_and_capitals(number: int, written: str) -> None:
    """`ssl_c_serial,hex` writes the octets of it, and no sign before them."""
    assert hexadecimal(number) == written


def test_who_was_revoked_is_on_it_and_nobody_else(tmp_path: Path) -> None:
    """As the authority has it when the playbook runs; at first nobody is."""
    now = datetime.now(UTC)
    state = make_state(tmp_path / "pki", now)
    listed = str(state.folder / "links" / "crl.pem")
    [certificate, *_] = x509.load_pem_x509_certificates(certify(state, now=now).chain())
    [before] = LookupModule().run([listed])

    revoke(state, "huichuan-gw", "keyCompromise", NO_SECRETS, now)

    assert before == ""
    assert LookupModule().run([listed]) == [f"{hexadecimal(certificate.serial_number)}\n"]
