"""Try flows in a standing city with real packets, and hear what was refused.

Sockets are opened inside each namespace and keep it; then one loop drives them
all.  Two sockets watch what arrives: raw ones that are given what the
receiver's own kernel took in, whether or not it was answered, and listeners
that answer.  A gateway's packet log tells what it refused and why.
"""

import errno
import resource
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import Protocol, TypeVar

from gateway.errors import Refused, problem
from gateway.policy.decide import ICMP, ICMPV6, TCP, UDP
from gateway.policy.model import Address
from lab import namespace
from lab.flows import Probe, protocol_number
from lab.layout import Kind, Layout, Node
from lab.nflog import LogEntry
from lab.trace import Trace, echo_request, read_packet, read_payload

#: What a service of the host's own answers to, where it has taken the port: a client's question
#: for the time (RFC 5905 section 7.3: version 4, mode 3).
_SAYS = {(UDP, 123): b"\x23" + bytes(47)}

#: How long an answer or a refusal is waited for.  Shorter than the second after
#: which TCP asks again, so each probe is one packet.
TIMEOUT_SECONDS = 0.7

#: Once all is heard, how long to listen for what should not come.
_LINGER_SECONDS = 0.03
_LONGEST_LINGER_SECONDS = 0.3

#: A probe needs three sockets at most; so many at once need no special limit.
_AT_ONCE = 400
_SENT_BEFORE_LISTENING = 64
_OPEN_FILES = 4096

_RECEIVE_BYTES = 4 << 20
_SO_RCVBUFFORCE = 33

# linux/in.h, in6.h, icmp.h, icmpv6.h
_IP_TRANSPARENT, _IPV6_TRANSPARENT = 19, 75
_ICMP_FILTER, _ICMPV6_FILTER = 1, 1
_SOL_RAW, _SOL_ICMPV6 = 255, 58

Taken = TypeVar("Taken")

_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


class Log(Protocol):
    """What a gateway writes down of the packets it refuses."""

    def fileno(self) -> int:
        """Give the file that can be read when there is something new."""

    def entries(self) -> Iterable[LogEntry]:
        """Give what is new.

        Raises:
            OSError: something was lost; nothing can be said any more.
        """

    def close(self) -> None:
        """Hear no more."""


class Ground(Protocol):
    """A city that stands and can be tried.

    `log_delay_seconds` is how much later than the packet its refusal may be heard of.
    """

    @property
    def layout(self) -> Layout:
        """What stands where."""

    @property
    def log_delay_seconds(self) -> float:
        """See above."""

    def namespace(self, node: str) -> str:
        """Give the name of the namespace of a node."""

    def source_ports(self, count: int, taken: set[int]) -> list[int]:
        """Give source ports that no probe here had before.

        Raises:
            OverflowError: there are no more.
        """

    def log(self, gateway: str) -> Log:
        """Open a gateway's log; called in the gateway's namespace.

        Raises:
            OSError: it cannot be heard.
        """


@dataclass(frozen=True, slots=True)
class Refusal:
    """A packet in a gateway's log; `of_answer` if it was on its way back."""

    gateway: str
    reason: str
    of_answer: bool = False


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What came of a probe: `delivered` if the receiver's kernel took it in at all."""

    probe: Probe
    delivered: bool
    answered: bool
    refusals: tuple[Refusal, ...]


def probe(city: Ground, probes: Iterable[Probe]) -> list[ProbeResult]:
    """Try all of it; rulesets are loaded and gateways forward.

    Raises:
        Refused: ZG669, something else reads a gateway's packet log, or entries were lost.
        OverflowError: the city is worn out, see `City.source_ports`.
    """
    _allow_open_files()
    results: list[ProbeResult] = []
    wanted = list(probes)
    for start in range(0, len(wanted), _AT_ONCE):
        with ExitStack() as stack:
            trial = _Trial(city, wanted[start : start + _AT_ONCE], stack)
            trial.open()
            trial.run()
            results += trial.results()
    return results


@dataclass
class _Record:
    """What is known of one probe so far."""

    probe: Probe
    trace: Trace
    delivered: bool = False
    answered: bool = False
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        return self.answered or bool(self.refusals)


class _Trial:
    """One batch of probes on its way."""

    def __init__(self, city: Ground, probes: Sequence[Probe], stack: ExitStack) -> None:
        self.city = city
        self.stack = stack
        self.selector = stack.enter_context(selectors.DefaultSelector())
        taken = {probe.flow.port for probe in probes}
        ports = city.source_ports(len(probes), taken)
        self.records = [
            _Record(probe, _trace(probe, port)) for probe, port in zip(probes, ports, strict=True)
        ]
        self.by_trace = {record.trace: record for record in self.records}
        self.by_answer = {record.trace.reversed: record for record in self.records}
        self.senders: list[Callable[[], None]] = []
        self.stops: list[Callable[[], None]] = []

    def open(self) -> None:
        """Open every socket, each in its namespace."""
        holders = {a: n.name for n in self.city.layout.nodes.values() for a in n.addresses}
        for node in self.city.layout.nodes.values():
            sent = [r for r in self.records if r.probe.origin == node.name]
            received = [r for r in self.records if holders.get(r.trace.destination) == node.name]
            if sent or received or node.kind is Kind.GATEWAY:
                work = partial(self._open_at, node, sent, received)
                namespace.inside(self.city.namespace(node.name), work)

    def run(self) -> None:
        """Send all, then listen until each probe is answered or refused, or time is up."""
        for number, send in enumerate(self.senders, start=1):
            send()
            if number % _SENT_BEFORE_LISTENING == 0:
                self._listen(0)
        self._listen_until_settled(TIMEOUT_SECONDS)
        if self.city.log_delay_seconds:
            for stop in self.stops:
                stop()
            self._listen_until_settled(self.city.log_delay_seconds)
        end = time.monotonic() + _LONGEST_LINGER_SECONDS
        while self._listen(_LINGER_SECONDS) and time.monotonic() < end:
            pass

    def _listen_until_settled(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if all(record.is_settled for record in self.records):
                return
            self._listen(left)

    def results(self) -> list[ProbeResult]:
        """Give what came of each probe; who answers has received."""
        return [
            ProbeResult(r.probe, r.delivered or r.answered, r.answered, tuple(r.refusals))
            for r in self.records
        ]

    def _listen(self, seconds: float) -> bool:
        """Handle what comes within a time; tell whether anything came."""
        events = self.selector.select(seconds)
        for key, _ in events:
            key.data()
        return bool(events)

    # --- opening, inside a namespace ------------------------------------------------------------

    def _open_at(self, node: Node, sent: list[_Record], received: list[_Record]) -> None:
        if node.kind is Kind.GATEWAY:
            with _log_of(node.name):
                log = self.city.log(node.name)
            self.stack.callback(log.close)
            self._watch(log, partial(self._hear_refusals, node.name, log))
        pings = {(r.trace.source.version, r.trace.protocol) for r in sent if _is_ping(r)}
        arrivals = {(r.trace.source.version, r.trace.protocol) for r in received}
        for version, protocol in pings | arrivals:
            self._open_receiver(version, protocol)
        for protocol, address, port in {
            (r.trace.protocol, r.trace.destination, r.trace.destination_port)
            for r in received
            if not _is_ping(r)
        }:
            self._open_listener(protocol, address, port)
        for record in sent:
            spoofed = record.trace.source not in node.addresses
            self._open_sender(record, spoofed=spoofed)

    def _open_receiver(self, version: int, protocol: int) -> None:
        """Open a raw socket: it gets a copy of all that passed the input hook."""
        receiver = self._socket(version, socket.SOCK_RAW, protocol)
        receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
        if version == 4:  # noqa: PLR2004 - IPv4
            self._watch(receiver, partial(self._receive_ipv4, receiver))
        else:
            receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            self._watch(receiver, partial(self._receive_ipv6, receiver, protocol))

    def _open_listener(self, protocol: int, address: Address, port: int) -> None:
        kind = socket.SOCK_STREAM if protocol == TCP else socket.SOCK_DGRAM
        listener = self._socket(address.version, kind)
        try:
            listener.bind((str(address), port))
        except OSError as fault:
            if fault.errno != errno.EADDRINUSE:
                raise
            return  # the host's own service answers there
        if protocol == TCP:
            listener.listen(_AT_ONCE)
            self._watch(listener, partial(self._take_connections, listener))
        else:
            self._watch(listener, partial(_echo, listener))

    def _open_sender(self, record: _Record, *, spoofed: bool) -> None:
        trace = record.trace
        kind = {TCP: socket.SOCK_STREAM, UDP: socket.SOCK_DGRAM}.get(trace.protocol)
        sender = self._socket(
            trace.source.version,
            kind or socket.SOCK_RAW,
            0 if kind else trace.protocol,
        )
        if spoofed:
            _claim_any_address(sender)
        if _is_ping(record):
            _hear_nothing(sender)
        sender.bind((str(trace.source), 0 if _is_ping(record) else trace.source_port))
        start = self._connect if trace.protocol == TCP else self._send
        self.senders.append(partial(start, record, sender))

    def _socket(self, version: int, kind: int, protocol: int = 0) -> socket.socket:
        opened = self.stack.enter_context(socket.socket(_FAMILY[version], kind, protocol))
        opened.settimeout(0)
        return opened

    def _watch(self, opened: socket.socket | Log, handle: Callable[[], None]) -> None:
        self.selector.register(opened, selectors.EVENT_READ, handle)

    # --- sending --------------------------------------------------------------------------------

    def _connect(self, record: _Record, sender: socket.socket) -> None:
        # An abrupt end leaves nothing behind in connection tracking.
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sender.connect_ex((str(record.trace.destination), record.trace.destination_port))
        handle = partial(self._connected, record, sender)
        self.selector.register(sender, selectors.EVENT_WRITE, handle)
        self.stops.append(partial(self._ask_no_more, sender))

    def _ask_no_more(self, sender: socket.socket) -> None:
        """Close a connection nobody answered, before TCP asks again."""
        if sender.fileno() in self.selector.get_map():
            self.selector.unregister(sender)
            sender.close()

    def _connected(self, record: _Record, sender: socket.socket) -> None:
        self.selector.unregister(sender)
        if sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            record.answered = True

    def _send(self, record: _Record, sender: socket.socket) -> None:
        trace = record.trace
        message = _SAYS.get((trace.protocol, trace.destination_port), b"probe")
        if _is_ping(record):
            message = echo_request(trace.protocol, trace.source_port)
        try:
            sender.connect((str(trace.destination), trace.destination_port))
            sender.send(message)
        except PermissionError:
            # A gateway that may not send this is told so at once; its log has the reason.
            return
        if not _is_ping(record):
            self._watch(sender, partial(self._answered, record, sender))

    def _answered(self, record: _Record, sender: socket.socket) -> None:
        try:
            sender.recv(64)
        except OSError:
            # An error came back in place of an answer.
            self.selector.unregister(sender)
        else:
            record.answered = True

    # --- receiving ------------------------------------------------------------------------------

    def _receive_ipv4(self, receiver: socket.socket) -> None:
        for packet in _all_of(lambda: receiver.recv(2048)):
            self._arrived(read_packet(packet))

    def _receive_ipv6(self, receiver: socket.socket, protocol: int) -> None:
        for payload, ancillary, _, sender in _all_of(lambda: receiver.recvmsg(2048, 64)):
            for _, kind, data in ancillary:
                if kind == socket.IPV6_PKTINFO:
                    source = ip_address(sender[0].partition("%")[0])
                    self._arrived(read_payload(protocol, source, ip_address(data[:16]), payload))

    def _arrived(self, trace: Trace | None) -> None:
        if trace in self.by_trace:
            self.by_trace[trace].delivered = True
        elif trace in self.by_answer and trace.protocol in (ICMP, ICMPV6):
            self.by_answer[trace].answered = True

    def _take_connections(self, listener: socket.socket) -> None:
        for connection, _ in _all_of(listener.accept):
            self.stack.enter_context(connection)

    def _hear_refusals(self, gateway: str, log: Log) -> None:
        with _log_of(gateway):
            entries = list(log.entries())
        for entry in entries:
            if entry.trace in self.by_trace:
                self.by_trace[entry.trace].refusals.append(Refusal(gateway, entry.reason))
            elif entry.trace in self.by_answer:
                refusal = Refusal(gateway, entry.reason, of_answer=True)
                self.by_answer[entry.trace].refusals.append(refusal)


@contextmanager
def _log_of(gateway: str) -> Iterator[None]:
    """Turn a fault of a log into a refusal: without the log nothing can be said."""
    try:
        yield
    except OSError as fault:
        raise Refused(problem("ZG669", gateway=gateway, error=fault)) from fault


def _trace(probe: Probe, port: int) -> Trace:
    flow = probe.flow
    return Trace(protocol_number(flow), flow.source, flow.destination, port, flow.port)


def _is_ping(record: _Record) -> bool:
    return record.trace.protocol in (ICMP, ICMPV6)


def _all_of(take: Callable[[], Taken]) -> Iterator[Taken]:
    """Take until there is nothing more."""
    while True:
        try:
            yield take()
        except BlockingIOError:
            return


def _echo(listener: socket.socket) -> None:
    for message, sender in _all_of(lambda: listener.recvfrom(2048)):
        listener.sendto(message, sender)


def _claim_any_address(sender: socket.socket) -> None:
    """Let a socket send from an address that is not its host's."""
    if sender.family == socket.AF_INET6:
        sender.setsockopt(socket.IPPROTO_IPV6, _IPV6_TRANSPARENT, 1)
    else:
        sender.setsockopt(socket.IPPROTO_IP, _IP_TRANSPARENT, 1)


def _hear_nothing(sender: socket.socket) -> None:
    """Spare a raw socket that only sends from all that its host receives."""
    if sender.family == socket.AF_INET6:
        sender.setsockopt(_SOL_ICMPV6, _ICMPV6_FILTER, b"\xff" * 32)
    else:
        sender.setsockopt(_SOL_RAW, _ICMP_FILTER, b"\xff" * 4)


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _OPEN_FILES:
        wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
