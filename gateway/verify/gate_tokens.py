"""The proof of what applications are told: each token names whom it is picked for, and is ours.

What the proxy picks by subject, zone and host is read back and checked as an
application would: the signature (JWS of RFC 7515, ES256), then what it says.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.errors import Problem, problem
from gateway.policy.gates import gates_at
from gateway.policy.model import Plan

#: So many findings are given.
FINDINGS_LIMIT = 5

_NUMBER_BYTES = 32


def find_in_tokens(
    plan: Plan,
    site: str,
    tokens: Mapping[str, str],
    key: ec.EllipticCurvePublicKey,
    now: datetime,
) -> Iterator[Problem]:
    """Give everything in which the tokens that a proxy has are not those that it should have."""
    wanted = wanted_keys(plan, site)
    wrong = sorted(tokens.keys() ^ wanted)
    wrong += sorted(k for k in wanted & tokens.keys() if not _says(tokens[k], k, key, now))
    for each in wrong[:FINDINGS_LIMIT]:
        yield problem("ZG682", token=each)


def wanted_keys(plan: Plan, site: str) -> frozenset[str]:
    """Give by what tokens are picked: a subject, a zone of it and a gate's host."""
    hosts = {gate.host for gate in gates_at(plan, site)}
    return frozenset(
        f"{subject.name}:{zone}:{host}"
        for subject in plan.subjects.values()
        for zone in subject.zones
        for host in hosts
    )


def _says(token: str, picked_by: str, key: ec.EllipticCurvePublicKey, now: datetime) -> bool:
    """Tell whether a token is signed by a key, in its time, and about whom it is picked for."""
    try:
        head, claims, signature = token.split(".")
        raw = _decoded(signature)
        numbers = (int.from_bytes(raw[at : at + _NUMBER_BYTES], "big") for at in (0, _NUMBER_BYTES))
        key.verify(encode_dss_signature(*numbers), f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))
        said = json.loads(_decoded(claims))
        in_time = said["nbf"] <= now.timestamp() < said["exp"]
        return in_time and f"{said['sub']}:{said['zone']}:{said['aud']}" == picked_by
    except (ValueError, KeyError, TypeError, InvalidSignature):
        return False


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
