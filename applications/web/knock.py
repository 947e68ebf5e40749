"""A proof: whoever shows no certificate is refused, `python3 -m applications.web.knock HOST PORT`.

The gateway's certificate is not here to try with; that it is let in is the
gateway's own probe to show.
"""

import socket
import ssl
import sys

_PATIENCE_SECONDS = 5


def refusal_of(host: str, port: int) -> str:
    """Say how a client without a certificate is refused.

    Raises:
        ConnectionError: it is not refused, or nothing answers by TLS 1.3.
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
        # Older versions of Python have no name for this alert, only the library's words.
        if "certificate required" in str(fault):
            return "a certificate is required"
        message = f"no TLS as it should be: {fault}"
        raise ConnectionError(message) from fault
    message = f"served without a certificate: {said[:32]!r}"
    raise ConnectionError(message)


def main(host: str, port: str) -> int:
    """Print what was found; anything but a refusal is a failure."""
    try:
        sys.stdout.write(f"{host}:{port}: {refusal_of(host, int(port))}\n")
    except OSError as fault:
        sys.stderr.write(f"{host}:{port}: {fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
