"""Who was refused before anything was asked: the proxy's line about it, and the reason.

The proxy writes down what it knows, and the reason follows from that: there is
none for which none follows.  The numbers are those of OpenSSL and of HAProxy.
"""

from collections.abc import Mapping
from typing import Any

from gateway.policy.request_reasons import UnaskedReason

#: What such a line says in text, empty where it is not known, and in numbers.
TEXTS = frozenset({"source", "server_name", "authority", "name", "number", "serial", "fault"})
NUMBERS = frozenset({"at", "port", "certificate", "above", "tls", "connection", "status"})

#: What is wrong with a certificate (openssl/x509_vfy.h): X509_V_ERR_CERT_…
_NOT_YET_VALID, _HAS_EXPIRED = 9, 10

#: SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE (openssl/sslerr.h), and where a reason stands.
_NO_CERTIFICATE, _REASON_BITS = 199, (1 << 23) - 1

_TIMED_OUT = 408


def reason_of(told: Mapping[str, Any]) -> UnaskedReason:
    """Give why: what is wrong with the certificate, else with TLS, else with what was sent."""
    wrong = told["certificate"] or told["above"]
    if wrong:
        return {
            _NOT_YET_VALID: UnaskedReason.CERTIFICATE_NOT_YET_VALID,
            _HAS_EXPIRED: UnaskedReason.CERTIFICATE_EXPIRED,
        }.get(wrong, UnaskedReason.UNTRUSTED_CERTIFICATE)
    if told["tls"] and told["tls"] & _REASON_BITS == _NO_CERTIFICATE:
        return UnaskedReason.NO_CERTIFICATE
    if told["tls"] or told["connection"]:
        return UnaskedReason.NO_TLS
    return UnaskedReason.INCOMPLETE if told["status"] == _TIMED_OUT else UnaskedReason.MALFORMED
