"""Asks a gate by mutual TLS as fast as it is answered; run by the Python of the lab's image.

Only the standard library, for it has Debian 13's OpenSSL and nothing else.  Its standard input
has what is wanted, as one line of JSON, and then a number a line: so often it asks, and says what
it found.  Its connections stand from the first of them on.
"""

import json
import random
import select
import socket
import ssl
import sys
import threading
import time
from typing import Any

_CHUNK_BYTES = 1 << 16
_PATIENCE_SECONDS = 20

#: The part of the answers that comes sooner than what is called slow.
SLOWEST = 0.99


class Asker:
    """What is asked for, by whom, and what came of it."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        """Read what is wanted."""
        self.wanted = wanted
        self.end = wanted["end"].encode()
        self.status = f" {wanted['status']} ".encode()
        self.latencies: list[float] = []
        self.others: dict[str, int] = {}
        # Repeatable, and nothing secret.
        self.draw = random.Random(wanted["seed"])  # noqa: S311 - as said
        self.contexts = [self._context(file) for file in wanted["certificates"]]
        self.count = 0

    def _context(self, file: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.wanted["authorities"])
        context.check_hostname = False
        context.load_cert_chain(file)
        return context

    def connect(self, who: int) -> ssl.SSLSocket:
        """Open a connection of one of those who have certificates."""
        wanted = self.wanted
        address = (wanted["address"], wanted["port"])
        plain = socket.create_connection(address, _PATIENCE_SECONDS, (wanted["source"], 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.contexts[who].wrap_socket(plain, server_hostname=wanted["host"])

    def request(self, who: int) -> bytes:
        """Write a request for one of the paths that somebody may read."""
        path = self.wanted["path"]
        if "%" in path:
            askers = len(self.contexts)
            path %= who + askers * self.draw.randrange(self.wanted["size"] // askers)
        return f"GET {path} HTTP/1.1\r\nHost: {self.wanted['host']}\r\n\r\n".encode()

    def take(self, answer: bytes, began: float) -> None:
        """Count an answer."""
        self.latencies.append(time.perf_counter() - began)
        if self.status not in answer[:16]:
            line = answer.partition(b"\r\n")[0].decode("ascii", "replace")
            self.others[line] = self.others.get(line, 0) + 1

    def is_whole(self, answer: bytes) -> bool:
        """Tell whether an answer has come in full: as many bytes as it says, or the known end."""
        if answer.endswith(self.end):
            return True
        head, has_head, body = answer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        return bool(has_head and length and len(body) >= int(length))

    def keep(self, opened: list[ssl.SSLSocket], wanted: int) -> None:
        """Ask so many times on connections that stand; each asks anew when it was answered."""
        poll = select.epoll()
        asking = {}
        for who, connection in enumerate(opened):
            connection.settimeout(0)
            poll.register(connection, select.EPOLLIN)
            asking[connection.fileno()] = (connection, who % len(self.contexts))
        began: dict[int, float] = {}
        got: dict[int, bytes] = dict.fromkeys(asking, b"")
        begun = 0
        for number, (connection, who) in asking.items():
            began[number] = time.perf_counter()
            connection.send(self.request(who))
            begun += 1
        left = wanted
        while left > 0:
            ready = poll.poll(_PATIENCE_SECONDS)
            if not ready:
                raise TimeoutError(self.wanted["address"])
            for number, _ in ready:
                connection, who = asking[number]
                try:
                    while not self.is_whole(got[number]):
                        part = connection.recv(_CHUNK_BYTES)
                        if not part:
                            raise ConnectionError(got[number])
                        got[number] += part
                except ssl.SSLWantReadError:
                    continue
                self.take(got[number], began[number])
                got[number] = b""
                left -= 1
                if begun < wanted:
                    began[number] = time.perf_counter()
                    connection.send(self.request(who))
                    begun += 1
        poll.close()

    def anew(self, wanted: int) -> None:
        """Ask so many times, each on a connection of its own."""
        lock = threading.Lock()
        turns = iter(range(wanted))

        def work() -> None:
            while True:
                with lock:
                    turn = next(turns, None)
                    if turn is None:
                        return
                    who = turn % len(self.contexts)
                    words = self.request(who)
                began = time.perf_counter()
                with self.connect(who) as connection:
                    connection.sendall(words)
                    got = b""
                    while not self.is_whole(got):
                        part = connection.recv(_CHUNK_BYTES)
                        if not part:
                            raise ConnectionError(got)
                        got += part
                with lock:
                    self.take(got, began)

        threads = [threading.Thread(target=work) for _ in range(self.wanted["connections"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def main() -> None:
    """Ask as often as each line of the input says, on the same connections where they are kept."""
    asker = Asker(json.loads(sys.stdin.readline()))
    wanted = asker.wanted
    opened: list[ssl.SSLSocket] = []
    for line in sys.stdin:
        if wanted["keeps"] and not opened:
            # Not sooner: nobody waits long for the first request of a connection.
            people = [number % len(asker.contexts) for number in range(wanted["connections"])]
            opened = [asker.connect(who) for who in people]
        asker.latencies.clear()
        asker.others.clear()
        began = time.perf_counter()
        if wanted["keeps"]:
            asker.keep(opened, int(line))
        else:
            asker.anew(int(line))
        seconds = time.perf_counter() - began
        latencies = sorted(asker.latencies)
        found = {
            "seconds": seconds,
            "answers": len(latencies),
            "slow_seconds": latencies[int(len(latencies) * SLOWEST)] if latencies else 0,
            "others": asker.others,
        }
        sys.stdout.write(f"{json.dumps(found)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
