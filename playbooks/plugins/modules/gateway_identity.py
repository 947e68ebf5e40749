"""A gateway's key, which never leaves it, and the certificate and lists that were issued for it.

The controller's half carries the request one way and what was issued the other.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playbooks.plugins.on_hosts.files import read, write
from playbooks.plugins.on_hosts.own_key import fits, lasts, make_key, request_for

DOCUMENTATION = """
module: gateway_identity
author: Loushan
short_description: a gateway's key and certificate, and the authorities and lists by which it judges others
version_added: "2.19"
description:
  - Makes the key on the host, has its request certified by the authority on the controller, and installs the answer.
  - The key never leaves the host. A certificate that fits the key and is still good is left as it is.
  - Where strongSwan runs, it takes up what has changed, and a link whose other end was revoked is ended.
options:
  name:
    description: The host's name, as in the plan; the controller says it, and the host cannot change it.
    type: str
    required: true
  authority:
    description: Folder of the authorities on the controller, as C(loushan pki init) made it.
    type: path
    required: true
  lists_only:
    description: Whether only the lists of revocations are delivered.
    type: bool
    default: false
  new_key:
    description:
      - Whether the host makes another key, for one whose certificate was revoked.
      - The key in use stays until the new one is certified.
    type: bool
    default: false
  files:
    description: What to install; said by the controller.
    type: dict
"""

EXAMPLES = """
- name: Have this gateway known by its certificate
  gateway_identity:
    name: huichuan-gw
    authority: /srv/loushan/pki
"""

RETURN = """
certificate:
  description: The certificate that is installed; empty where there is none.
  returned: success
  type: str
request:
  description: The request for a certificate, PKCS 10.
  returned: success
  type: str
"""

SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "authority": {"type": "path", "required": True},
    "lists_only": {"type": "bool", "default": False},
    "new_key": {"type": "bool", "default": False},
    "files": {"type": "dict"},
}

FOLDER = Path("/etc/swanctl")
KEY = FOLDER / "private/gateway.key"
#: A key that waits for its certificate; `loushan link renew` calls it so too.
NEXT_KEY = FOLDER / "private/gateway.next.key"
CERTIFICATE = FOLDER / "x509/gateway.pem"
_LOUSHAN = Path("/usr/sbin/loushan")

_DAY_SECONDS = 86400

#: Only what is installed here can be delivered.
_FOLDERS = ("x509", "x509ca", "x509crl")


def run(wanted: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Give what there is and, where the controller has sent something, install it."""
    if wanted["files"] is None:
        return asked(str(wanted["name"]), new_key=bool(wanted["new_key"]), check=check)
    delivered = {place(name): str(text).encode() for name, text in wanted["files"].items()}
    changed = [path for path, content in delivered.items() if read(path) != content]
    difference = "".join(f"{path}\n" for path in changed)
    result = {"changed": bool(changed), "diff": {"before": "", "after": difference}}
    if changed and not check:
        install({path: delivered[path] for path in changed})
    return result


def install(delivered: Mapping[Path, bytes]) -> None:
    """Write files and have strongSwan take them, or leave those that it works with."""
    is_next = CERTIFICATE in delivered and fits(NEXT_KEY, delivered[CERTIFICATE])
    if CERTIFICATE in delivered and not is_next and not fits(KEY, delivered[CERTIFICATE]):
        # It renewed itself between the two trips.
        message = f"{KEY} has changed since the request was made; run this again"
        raise ValueError(message)
    before = {path: read(path) for path in (*delivered, *([KEY] if is_next else []))}
    try:
        for path, content in delivered.items():
            write(path, content, 0o644)
        if is_next:
            NEXT_KEY.replace(KEY)
        take_up()
    except BaseException:
        # What was refused now would be taken by the next start, without a question.
        for path, was in before.items():
            if was is None:
                path.unlink(missing_ok=True)
            else:
                write(path, was, 0o600 if path == KEY else 0o644)
        raise


def asked(name: str, *, new_key: bool, check: bool) -> dict[str, Any]:
    """Give the request and the certificate that is installed, if it fits the key."""
    key = NEXT_KEY if new_key else KEY
    made = new_key or not KEY.exists()
    if made and check:
        return {"changed": True, "request": "", "certificate": ""}
    if made:
        for folder in ("private", *_FOLDERS):
            (FOLDER / folder).mkdir(
                mode=0o755 if folder != "private" else 0o700, parents=True, exist_ok=True
            )
        make_key(key)
    return {
        "changed": made,
        "request": request_for(key, name),
        "certificate": "" if new_key or not is_good() else (read(CERTIFICATE) or b"").decode(),
    }


def is_good() -> bool:
    """Tell whether the certificate can be read, is the key's, and is good for another day."""
    return bool(lasts(CERTIFICATE, _DAY_SECONDS) and fits(KEY, read(CERTIFICATE) or b""))


def take_up() -> None:
    """Have strongSwan take what has changed, where both it and our program are here."""
    active = ["systemctl", "is-active", "--quiet", "strongswan.service"]
    if not _LOUSHAN.exists() or subprocess.run(active, check=False).returncode:
        return
    subprocess.run([str(_LOUSHAN), "link", "refresh"], capture_output=True, text=True, check=True)


def place(name: str) -> Path:
    """Give the file that is meant, and only where one of ours can be."""
    folder, _, file = name.partition("/")
    if folder not in _FOLDERS or not file or "/" in file or file.startswith("."):
        raise ValueError(name)
    return FOLDER / folder / file
