"""The numbers of an authority's certificates that were revoked, as HAProxy writes a number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.lookup import LookupBase
from cryptography import x509

from playbooks.plugins.authority import read

DOCUMENTATION = """
name: revoked_serials
author: Loushan
short_description: the numbers of certificates that an authority has revoked
version_added: "2.19"
description:
  - Gives a line for each certificate on a list of revocations, its number in hexadecimal.
  - What is known by number does not run out, as a list does. A host that nobody delivers a new list to
    goes on with what it has.
options:
  _terms:
    description: The list, as PEM.
    type: path
    required: true
"""


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible ships no types
    """Reads on the controller."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **options: object
    ) -> list[str]:
        """Give the lines of each list."""
        del variables, options
        return [lines(x509.load_pem_x509_crl(read(Path(str(t))).encode())) for t in terms]


def lines(listed: x509.CertificateRevocationList) -> str:
    """Give the numbers, a line each."""
    return "".join(f"{hexadecimal(each.serial_number)}\n" for each in listed)


def hexadecimal(number: int) -> str:
    """Give a number as HAProxy gives `ssl_c_serial,hex`: whole octets, in capitals."""
    return number.to_bytes((number.bit_length() + 7) // 8 or 1).hex().upper()
