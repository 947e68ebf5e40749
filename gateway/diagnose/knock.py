"""One message to the peer's IKE port that any IKEv2 must refuse: who does so is there.

RFC 7296 section 2.5: a message of a higher version is dropped, and answered with
INVALID_MAJOR_VERSION.  The peer keeps nothing of it, so a link that stands is not touched.
"""

import os
import socket
import struct
import time
from enum import StrEnum
from ipaddress import IPv6Address
from typing import Final

from gateway.policy.decide import LINK_PORTS

#: linux/in6.h: have errors of the network told, too.
_IPV6_RECVERR: Final = 25

#: RFC 7296 section 3.1; nothing follows this header.
_HEADER = struct.Struct("!8s8sBBBBII")
_NOTHING, _VERSION_3, _IKE_SA_INIT, _FROM_INITIATOR = 0, 0x30, 34, 0x08

#: A packet that is lost is sent again.
_TRIES = 3
_ANSWER_SECONDS = 0.6
_LONGEST_BYTES = 2048


class Answer(StrEnum):
    """What came of knocking."""

    IKE = "answers"
    NO_PROGRAM = "port unreachable"
    NOBODY = "host unreachable"
    NOT_LET_OUT = "not let out"
    SILENCE = "silence"


def knock(own: IPv6Address, far: IPv6Address, port: int = min(LINK_PORTS)) -> Answer:
    """Knock at the other end of a line, where IKE begins.

    Raises:
        OSError: the address is not ours, or the kernel has no more sockets.
    """
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as asking:
        asking.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        asking.bind((str(own), 0))
        asking.connect((str(far), port))
        for _ in range(_TRIES):
            answer = _once(asking)
            if answer is not Answer.SILENCE:
                return answer
    return Answer.SILENCE


def _once(asking: socket.socket) -> Answer:
    own = os.urandom(8)
    asked = (own, bytes(8), _NOTHING, _VERSION_3, _IKE_SA_INIT, _FROM_INITIATOR, 0, _HEADER.size)
    try:
        asking.send(_HEADER.pack(*asked))
        end = time.monotonic() + _ANSWER_SECONDS
        while (left := end - time.monotonic()) > 0:
            asking.settimeout(left)
            if asking.recv(_LONGEST_BYTES)[:8] == own:
                return Answer.IKE
    except TimeoutError:
        return Answer.SILENCE
    except ConnectionRefusedError:
        return Answer.NO_PROGRAM
    except PermissionError:
        return Answer.NOT_LET_OUT
    except OSError:  # EHOSTUNREACH, ENETUNREACH
        return Answer.NOBODY
    return Answer.SILENCE
