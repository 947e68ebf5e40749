"""Traffic while a policy changes: a server that answers, and clients that never stop asking.

Run as a program inside a namespace; what to do is the first word, and the
answer is JSON on standard output.  A client goes on until its standard input
is closed.
"""

import json
import select
import selectors
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

#: A first packet is sent again after a second, which would hide that it was lost.
PATIENCE_SECONDS = 0.9

#: So many attempts are begun together, each time.
_BEAT_SECONDS = 0.01

_IP_BIND_ADDRESS_NO_PORT = 24
_RESET = struct.pack("ii", 1, 0)
_BACKLOG = 4096
_ECHO_SECONDS = 0.005

#: Who knocks does so that often, and takes so long without an answer for a silence.
KNOCK_SECONDS = 0.02
_SILENCE_SECONDS = 0.5

#: Source address, destination address, port.
Ends = tuple[str, str, int]


@dataclass
class Tally:
    """Attempts of one kind: how many were begun, and how many came through."""

    begun: int = 0
    answered: int = 0
    unanswered: list[str] = field(default_factory=list)


@dataclass
class _Attempt:
    socket: socket.socket
    tally: Tally
    ends: Ends
    deadline: float
    over: bool = False


def answer(ports: list[int]) -> None:
    """Accept at every address and give back whatever comes, until input ends."""
    chosen = selectors.DefaultSelector()
    listeners = [socket.create_server(("", port), backlog=_BACKLOG) for port in ports]
    for listener in listeners:
        chosen.register(listener, selectors.EVENT_READ, data="listener")
    chosen.register(sys.stdin, selectors.EVENT_READ, data="stop")
    _say("ready")
    while True:
        for key, _ in chosen.select():
            if key.data == "stop":
                return
            if key.data == "listener":
                accepted, _ = _socket(key.fileobj).accept()
                chosen.register(accepted, selectors.EVENT_READ, data="connection")
            else:
                _give_back(_socket(key.fileobj), chosen)


def ask(permitted: list[Ends], forbidden: list[Ends], per_second: int) -> dict[str, object]:
    """Try permitted and forbidden flows in turn, as many of each, until input ends."""
    allowed, refused = Tally(), Tally()
    permitted_next, forbidden_next = cycle(permitted), cycle(forbidden)
    poll = select.epoll()
    open_attempts: dict[int, _Attempt] = {}
    waiting: deque[_Attempt] = deque()
    _say("ready")
    begin = time.monotonic()
    stopping = False
    while not stopping or waiting:
        now = time.monotonic()
        stopping = stopping or bool(select.select([sys.stdin], [], [], 0)[0])
        while not stopping and allowed.begun < (now - begin) * per_second:
            for tally, ends in ((allowed, next(permitted_next)), (refused, next(forbidden_next))):
                attempt = _begin(tally, ends)
                open_attempts[attempt.socket.fileno()] = attempt
                poll.register(attempt.socket, select.EPOLLOUT)
                waiting.append(attempt)
        for number, _ in poll.poll(_BEAT_SECONDS):
            attempt = open_attempts.pop(number)
            _end(
                attempt,
                came_through=not attempt.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
            )
        # Answers that are already here were taken above, so what is late is lost.
        while waiting and (waiting[0].over or waiting[0].deadline < now):
            late = waiting.popleft()
            if not late.over:
                open_attempts.pop(late.socket.fileno())
                _end(late, came_through=False)
    return {
        "permitted": allowed.begun,
        "lost": allowed.begun - allowed.answered,
        "lost_flows": allowed.unanswered[:10],
        "forbidden": refused.begun,
        "leaked": refused.answered,
    }


def hold(ends: Ends) -> dict[str, object]:
    """Keep one connection busy until nothing comes back; tell when the last answer came."""
    with socket.create_connection(ends[1:], PATIENCE_SECONDS, (ends[0], 0)) as session:
        last = time.monotonic()
        _say("ready")
        try:
            while True:
                session.sendall(b"?")
                if not session.recv(1):
                    break
                last = time.monotonic()
                time.sleep(_ECHO_SECONDS)
        except OSError:  # silence, or a reset: it is over
            pass
    return {"last": last}


def knock(ends: Ends, seconds: float) -> dict[str, object]:
    """Ask for a new connection again and again; tell when answers ended, and when one came again.

    It ends with the first answer after a silence, when input ends, or after so many seconds.
    """
    tally = Tally()
    poll = select.epoll()
    waiting: dict[int, _Attempt] = {}
    begin = time.monotonic()
    answered: list[float] = []
    again = None
    while again is None and time.monotonic() < begin + seconds:
        now = time.monotonic()
        if now >= begin + tally.begun * KNOCK_SECONDS:
            attempt = _begin(tally, ends)
            waiting[attempt.socket.fileno()] = attempt
            poll.register(attempt.socket, select.EPOLLOUT)
        for number, _ in poll.poll(KNOCK_SECONDS / 4):
            attempt = waiting.pop(number)
            came = not attempt.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            _end(attempt, came_through=came)
            if not came:
                continue
            if answered and time.monotonic() - answered[-1] > _SILENCE_SECONDS:
                again = time.monotonic()
                break
            answered.append(time.monotonic())
            if len(answered) == 1:
                _say("ready")
        for number in [n for n, attempt in waiting.items() if attempt.deadline < now]:
            _end(waiting.pop(number), came_through=False)
        if select.select([sys.stdin], [], [], 0)[0]:
            break
    if not answered:
        _say("nobody answers")
    return {"last": answered[-1] if answered else None, "again": again}


def _begin(tally: Tally, ends: Ends) -> _Attempt:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    made.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    # Closed with a reset, a connection leaves nothing behind.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    made.bind((ends[0], 0))
    tally.begun += 1
    deadline = time.monotonic() + PATIENCE_SECONDS
    made.connect_ex(ends[1:])
    return _Attempt(made, tally, ends, deadline)


def _end(attempt: _Attempt, *, came_through: bool) -> None:
    attempt.over = True
    attempt.socket.close()
    if came_through:
        attempt.tally.answered += 1
    else:
        attempt.tally.unanswered.append(" ".join(map(str, attempt.ends)))


def _give_back(connection: socket.socket, chosen: selectors.BaseSelector) -> None:
    try:
        data = connection.recv(4096)
        if data:
            connection.sendall(data)
            return
    except OSError:  # the other end is gone
        pass
    chosen.unregister(connection)
    connection.close()


def _socket(thing: object) -> socket.socket:
    if not isinstance(thing, socket.socket):
        raise TypeError(thing)
    return thing


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def _ends(words: list[list[str | int]]) -> Iterator[Ends]:
    for source, destination, port in words:
        yield str(source), str(destination), int(port)


def main() -> None:
    """Do what the first word says with what stands in the second, as JSON."""
    given = json.loads(sys.argv[2])
    match sys.argv[1]:
        case "answer":
            answer(given)
        case "ask":
            permitted, forbidden = list(_ends(given["permitted"])), list(_ends(given["forbidden"]))
            _say(json.dumps(ask(permitted, forbidden, given["per_second"])))
        case "hold":
            _say(json.dumps(hold(next(_ends([given])))))
        case "knock":
            _say(json.dumps(knock(next(_ends([given["ends"]])), given["seconds"])))
        case other:
            raise SystemExit(other)


if __name__ == "__main__":
    main()
