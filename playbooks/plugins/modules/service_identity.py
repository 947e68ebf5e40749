"""The key by which a host answers or asks by TLS, and the certificate of the authority of services.

The controller's half judges the certificate and has another one issued where that is due.
"""

from __future__ import annotations

import grp
import hashlib
import pwd
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from playbooks.plugins.on_hosts.files import read, write
from playbooks.plugins.on_hosts.own_key import fits, make_key, request_for

DOCUMENTATION = """
module: service_identity
author: Loushan
short_description: a host's key and certificate for TLS, by the authority of services
version_added: "2.19"
description:
  - Makes the key on the host, has its request certified by the authority on the controller, and installs the answer.
  - The key never leaves the host. It is on P-384.
  - The certificate is for C(NAME.svc.PLAN.internal), to answer and to ask with. It is left as it is until less
    than a third of its life is left, or until it is not of this name, this key or this authority any more.
  - It is renewed with another key, which takes the old one's place when it is certified.
  - Several hosts may show one name, each with a key of its own, as both gateways of a pair do.
  - A key whose certificate was revoked is not certified again. Remove it on the host, and another one is made.
  - Whoever uses these files is not told. Write C(digest) into a file of the service's by C(host_state), and have
    C(restart_on) or C(reload_on) name that file; so it is taken up also where a run was cut off.
options:
  name:
    description: The first label of the name, as in C(applications-city) or C(city-gw). It comes from the plan.
    type: str
    required: true
  authority:
    description: Folder of the authorities on the controller, as C(loushan pki init) made it.
    type: path
    required: true
  key:
    description: The key's file on the host. Folders on the way to it are made, open to be read.
    type: path
    required: true
  certificate:
    description: File for the certificate, with the authority's after it. This or C(combined) is needed.
    type: path
  combined:
    description: File for the certificate, the authority's and the key in one, as HAProxy takes them.
    type: path
  issuer:
    description: File for the certificate of the authority of services alone, for who trusts it and not its root.
    type: path
  authorities:
    description: File for the root and the authority of services, for who ends each chain at the root, as HAProxy.
    type: path
  owner:
    description: Who owns C(key) and C(combined). The other files are root's and can be read by everybody.
    type: str
    default: root
  group:
    description: The group of C(key) and C(combined).
    type: str
    default: root
  mode:
    description: The mode of C(key) and C(combined), as in C("0640"); nothing for others.
    type: str
    default: "0600"
  new_key:
    description: Whether the request is by a key that is to take the other one's place; said by the controller.
    type: bool
    default: false
  files:
    description: What to install; said by the controller.
    type: dict
"""

EXAMPLES = """
- name: Have the application known by its certificate
  service_identity:
    name: applications-city
    authority: /srv/loushan/pki
    key: /etc/loushan-app/service.key
    certificate: /etc/loushan-app/service.pem
    issuer: /etc/loushan-app/services.pem

- name: Have the proxy answer in the application's name
  service_identity:
    name: applications-city
    authority: /srv/loushan/pki
    key: /etc/loushan/proxy/keys/applications-city.key
    combined: /etc/loushan/proxy/certificates/applications-city.svc.lab.internal.pem
    authorities: /etc/loushan/proxy/services.pem
    group: haproxy
    mode: "0640"
  register: proxy_identity
"""

RETURN = """
certificate:
  description: The certificate that is installed, with the authority's after it; empty where there is none, in a check.
  returned: success
  type: str
digest:
  description: SHA-256 of all that is installed but the key; empty where there is no certificate, in a check.
  returned: success
  type: str
request:
  description: The request for a certificate, PKCS 10.
  returned: when the controller asks for it
  type: str
"""

SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "authority": {"type": "path", "required": True},
    "key": {"type": "path", "required": True},
    "certificate": {"type": "path"},
    "combined": {"type": "path"},
    "issuer": {"type": "path"},
    "authorities": {"type": "path"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0600"},
    "new_key": {"type": "bool", "default": False},
    "files": {"type": "dict"},
}

#: One of these two says where the certificate goes.
RULES = {"required_one_of": [["certificate", "combined"]]}

#: What the controller sends, each for the option of its name.
_PUBLIC = ("certificate", "issuer", "authorities")

_READABLE = 0o644
_END = b"-----END CERTIFICATE-----\n"


class Place:
    """One file: where it is, what it must hold, and whose it is."""

    def __init__(self, path: Path, content: bytes, mode: int, owner: tuple[int, int]) -> None:
        """Say what it must be."""
        self.path, self.content, self.mode, self.owner = path, content, mode, owner

    def differs(self) -> bool:
        """Tell whether it is not so."""
        if read(self.path) != self.content:
            return True
        found = self.path.stat()
        return (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) != (*self.owner, self.mode)

    def put(self) -> None:
        """Make it so, as a whole."""
        write(self.path, self.content, self.mode, self.owner)


def run(wanted: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Give what there is or, where the controller has sent something, install it.

    Raises:
        ValueError: others could read the key, or the key has changed meanwhile.
        KeyError: the host has no such user or group.
    """
    mode, owner = _rights(wanted)
    key = Path(wanted["key"])
    if wanted["files"] is None:
        return _asked(key, wanted, mode, owner, check=check)
    sent = {name: str(text).encode() for name, text in wanted["files"].items()}
    renewed = fits(next_key(key), sent["certificate"])
    if key.exists() and not renewed and not fits(key, sent["certificate"]):
        message = f"{key} has changed since the request was made; run this again"
        raise ValueError(message)
    private = read(next_key(key) if renewed else key) or b""
    places = list(_places(wanted, {**sent, "key": private}, mode, owner))
    changed = [place for place in places if place.differs()]
    if not check:
        for place in changed:
            place.put()
        if renewed:
            next_key(key).unlink()
    difference = "".join(f"{place.path}\n" for place in changed)
    public = b"".join(sent[name] for name in _PUBLIC)
    return {
        "changed": bool(changed),
        "certificate": sent["certificate"].decode(),
        "digest": hashlib.sha256(public).hexdigest(),
        "diff": {"before": "", "after": difference},
    }


def _asked(
    key: Path, wanted: Mapping[str, Any], mode: int, owner: tuple[int, int], *, check: bool
) -> dict[str, Any]:
    """Give the request, and the certificate that is installed, whatever it is."""
    asking = next_key(key) if wanted["new_key"] else key
    made = wanted["new_key"] or not key.exists()
    if made and check:
        return {"changed": True, "request": "", "certificate": ""}
    if made:
        make_key(asking, mode, owner)
    installed = read(Path(wanted["certificate"] or wanted["combined"])) or b""
    # Of what is combined the key stays here.
    chain, end, _ = installed.rpartition(_END)
    return {
        "changed": made,
        "request": request_for(asking, str(wanted["name"])),
        "certificate": (chain + end).decode("ascii", "replace"),
    }


def _places(
    wanted: Mapping[str, Any], sent: Mapping[str, bytes], mode: int, owner: tuple[int, int]
) -> Iterator[Place]:
    """Give every file as it must be.

    The key is the first: where a run is cut off after it, the next one is given the same
    certificate for it.
    """
    yield Place(Path(wanted["key"]), sent["key"], mode, owner)
    if wanted["combined"]:
        yield Place(Path(wanted["combined"]), sent["certificate"] + sent["key"], mode, owner)
    for name in _PUBLIC:
        if wanted[name]:
            yield Place(Path(wanted[name]), sent[name], _READABLE, (0, 0))


def next_key(key: Path) -> Path:
    """Give where a key waits for its certificate, before it takes the other one's place."""
    return key.with_name(f".next-{key.name}")


def _rights(wanted: Mapping[str, Any]) -> tuple[int, tuple[int, int]]:
    mode = int(wanted["mode"], 8)
    if mode & ~0o770:
        message = f"mode {wanted['mode']}: nobody but its owner and its group may have the key"
        raise ValueError(message)
    return mode, (pwd.getpwnam(wanted["owner"]).pw_uid, grp.getgrnam(wanted["group"]).gr_gid)
