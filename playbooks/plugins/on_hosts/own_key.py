"""A host's own key and what was certified of it, as files: what modules do on the host with both.

The key is made here and stays here; what leaves is a request that it signed.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from playbooks.plugins.on_hosts.files import write

_OPENSSL = "/usr/bin/openssl"


def make_key(key: Path, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Make a key on P-384 and write it.

    Raises:
        subprocess.CalledProcessError: OpenSSL makes none.
    """
    made = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
    write(key, made, mode, owner)


def request_for(key: Path, name: str) -> str:
    """Give a request (PKCS #10) of a key for a name.

    Raises:
        subprocess.CalledProcessError: the key cannot be read.
    """
    return openssl("req", "-new", "-sha384", "-key", str(key), "-subj", f"/CN={name}").decode()


def fits(key: Path, certificate: bytes) -> bool:
    """Tell whether a certificate can be read, and is of a key that lies here."""
    if not key.exists():
        return False
    own = openssl("pkey", "-in", str(key), "-pubout")
    words = [_OPENSSL, "x509", "-noout", "-pubkey"]
    said = subprocess.run(words, input=certificate, capture_output=True, check=False)
    return said.returncode == 0 and said.stdout.startswith(own)


def lasts(certificate: Path, seconds: int) -> bool:
    """Tell whether a certificate can be read, and is good for so long."""
    asked = [_OPENSSL, "x509", "-in", str(certificate), "-noout", "-checkend", str(seconds)]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def openssl(*words: str) -> bytes:
    """Have OpenSSL say something.

    Raises:
        subprocess.CalledProcessError: it refuses.
    """
    return subprocess.run([_OPENSSL, *words], capture_output=True, check=True).stdout
