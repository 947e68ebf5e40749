"""A host's SSH key, which never leaves it, and the certificate that it shows.

The controller's half has the key certified where that is due.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DOCUMENTATION = """
module: ssh_identity
author: Loushan
short_description: a host's SSH certificate, and by what it judges operators
version_added: "2.19"
description:
  - Has the host's key certified by the authority on the controller, and gives what is to be installed; installs nothing.
  - The key never leaves the host. A certificate that is the key's own is left as it is until half of its life.
options:
  name:
    description: The host's name, as in the plan; the controller says it, and the host cannot change it.
    type: str
    required: true
  addresses:
    description: Its addresses, by which it is known as well.
    type: list
    elements: str
    default: []
  authority:
    description: Folder of the authorities on the controller, as C(loushan pki init) made it.
    type: path
    required: true
"""

EXAMPLES = """
- name: Have this host known by its certificate
  ssh_identity:
    name: huichuan-gw
    addresses: [10.32.255.1]
    authority: /srv/loushan/pki
  register: ssh
"""

RETURN = """
certificate:
  description: The host's certificate; empty where it has none, in a check.
  returned: success
  type: str
users:
  description: The key of the authority of operators.
  returned: success
  type: str
revoked_keys:
  description: Operators' keys that count no more, one each line.
  returned: success
  type: str
"""

SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "authority": {"type": "path", "required": True},
}

KEY = Path("/etc/ssh/ssh_host_ed25519_key")
CERTIFICATE = Path("/etc/ssh/ssh_host_ed25519_key-cert.pub")
_SSH_KEYGEN = "/usr/bin/ssh-keygen"


def run(wanted: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Give the host's public key and the certificate that is there, whatever it is."""
    del wanted
    made = not KEY.exists()
    if made and check:
        return {"changed": True, "key": "", "certificate": ""}
    if made:
        keygen("-q", "-t", "ed25519", "-N", "", "-f", str(KEY))
    certificate = CERTIFICATE.read_text("ascii", "replace") if CERTIFICATE.exists() else ""
    # Of the key itself: a file beside it may be of another one.
    return {"changed": made, "key": keygen("-y", "-f", str(KEY)), "certificate": certificate}


def keygen(*words: str) -> str:
    """Have ssh-keygen do something, without a question."""
    command = [_SSH_KEYGEN, *words]
    quiet = subprocess.DEVNULL
    return subprocess.run(command, stdin=quiet, capture_output=True, text=True, check=True).stdout
