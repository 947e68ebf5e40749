"""A proof: whoever shows no certificate is refused, and TLS is 1.3."""

import socket
import ssl

_PATIENCE_SECONDS = 5

#: Older versions of Python have no name for this alert, only the library's words.
_REQUIRED = "certificate required"


def refusal_of(host: str, port: int) -> str:
    """Say how a client without a certificate is refused.

    Raises:
        OSError: it is not refused, or nothing answers by TLS 1.3.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Who answers is not the question here.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=_PATIENCE_SECONDS) as plain,
            context.wrap_socket(plain) as secured,
        ):
            # Nothing is sent: a server that closes on words it has not read resets the
            # connection, and its refusal may be lost.
            said = secured.recv(64)
    except ssl.SSLError as fault:
        if _REQUIRED in str(fault).replace("_", " ").lower():
            return "a certificate is required"
        raise
    message = f"served without a certificate: {said[:32]!r}"
    raise ConnectionError(message)
