"""The proxy that keeps a site's gates, in HAProxy's words.

The configuration says how a request is judged, and in which order; what is
permitted stands in maps that change while it runs (`gate_maps`).  It follows
the reference decision step by step; the first step that refuses gives the
reason.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address
from typing import Self

from gateway.artefacts import Proxy
from gateway.compile.judgement import lines, steps
from gateway.policy.gates import Gate, gates_at
from gateway.policy.model import Address, Plan
from gateway.policy.names import identifier
from gateway.policy.request_reasons import RequestReason
from gateway.policy.rights import STREAM_METHODS, STREAM_PATH
from gateway.policy.wiring import first_address

#: Where a gateway has what its proxy is given by the role, and the maps that the loader fills.
FOLDER, MAPS = "/etc/loushan/proxy", "/var/lib/loushan/proxy/maps"

#: Its control socket, in a folder that the loader and root alone open.
SOCKET = "/run/loushan/proxy/control.sock"

#: The header in which an application is told who asks.
IDENTITY = "Loushan-Identity"

#: TLS 1.3 alone (RFC 8446): its suites, and key exchange by ML-KEM-768 too where the peer can.
_CURVES = "X25519MLKEM768:X25519:P-384:P-256"

#: Headers in which a client could say who it is or where it comes from.
_FORGED = r"^(loushan.identity|forwarded|x.forwarded.*|x.real.ip|x.client.*|x.ssl.*)$"

#: And those in which it could ask for something else than was judged: another method or path,
#: or a connection on which nothing is judged any more (RFC 9110 section 7.8), or that what the
#: gateway says be left out (section 7.6.1).
_ASKED_ASIDE = (
    r"^(connection|upgrade|http2.settings"
    r"|x.http.method.*|x.method.override|x.original.url|x.rewrite.url)$"
)

#: Nothing is kept of a request longer than this, and no connection idles longer.
_TIMEOUTS = (
    ("http-request", "10s"),
    ("http-keep-alive", "60s"),
    ("client-hs", "10s"),
    ("client", "60s"),
    ("client-fin", "10s"),
    ("connect", "4s"),
    ("server", "60s"),
    ("tunnel", "1h"),
)

#: So many connections may one address have at a time: who opens more takes nobody else's.
_MOST_CONNECTIONS = 256

#: What a refusal is answered with, by its reason; the last is for all others (RFC 9110).
_STATUS = ((503, RequestReason.NO_POLICY), (421, RequestReason.UNKNOWN_HOST), (403, None))

#: What a decision line says (see docs/decisions/0018-requests.md), in HAProxy's log format.
_LINE = (
    "%{+json}o"
    " %(id)ID %(at:sint)[var(txn.at)] %(gate)[var(txn.gate)] %(source)[src]"
    " %(zone)[var(txn.zone)] %(authority)[var(sess.authority)] %(name)[var(sess.name)]"
    " %(number)[var(sess.number)] %(serial)[var(sess.serial)] %(subject)[var(txn.subject)]"
    " %(method)[var(txn.method)] %(path)[var(txn.path)] %(resource)[var(txn.resource)]"
    " %(grant)[var(txn.grant)] %(verdict)[var(txn.verdict)] %(reason)[var(txn.reason)]"
    " %(revision:sint)[var(txn.revision)] %(status:sint)ST"
)

#: And what a line says of who was refused before there was a request (`gateway.observe.unasked`).
_UNASKED_LINE = (
    "%{+json}o"
    " %(at:sint)[date(0,ms)] %(source)[src] %(port:sint)[dst_port] %(server_name)[ssl_fc_sni]"
    " %(authority)[ssl_c_s_dn(OU)] %(name)[ssl_c_s_dn(CN)] %(number)[ssl_c_s_dn(serialNumber)]"
    " %(serial)[ssl_c_serial,hex] %(certificate:sint)[ssl_c_err] %(above:sint)[ssl_c_ca_err]"
    " %(tls:sint)[ssl_fc_err] %(connection:sint)[fc_err] %(fault)[ssl_fc_err_str]"
    " %(status:sint)ST"
)

#: How what is under way is called in the table of it (`gateway.load.streams`): its number, and
#: what it was judged by; of a path as much as a resource's may have, and one letter more.
#: The name stands last, for in a certificate's any sign may be.
_UNDER_WAY = (
    "%rt|%[src]|%[var(sess.authority)]|%[var(sess.serial)]|%[var(txn.gate)]|%[var(txn.method)]"
    "|%[var(txn.path),bytes(0,201)]|%[var(sess.name)]"
)


#: Who is at the other end, as the certificate says; once for a connection.
_CERTIFICATE = (
    ("authority", "ssl_c_s_dn(OU)"),
    ("name", "ssl_c_s_dn(CN)"),
    ("number", "ssl_c_s_dn(serialNumber)"),
    ("serial", "ssl_c_serial,hex"),
)
_TIME = (("at", "date(0,ms)"), ("now", "date"))


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is judged at a port: by which kind of rule, what it asks for, and how it is refused.

    `is_http` tells whether a name is asked for in HTTP, beside that in TLS.
    """

    rule: str
    settings: tuple[str, ...]
    protocols: str
    asked: tuple[tuple[str, str], ...]
    refuse: str
    is_http: bool


#: Each request of a connection by itself.
_REQUESTS = _Judged(
    rule="http-request",
    settings=(),
    protocols=" alpn h2,http/1.1",
    asked=(
        *_TIME,
        # As text: a method that HAProxy has no word for would be kept as another.
        ("method", "method,concat()"),
        ("path", "path"),
        ("host", "req.hdr(host),host_only"),
        ("server_name", "ssl_fc_sni"),
    ),
    refuse="deny deny_status 503",
    is_http=True,
)

#: A connection when it begins, as a request (`gateway.policy.requests.connection`).
_CONNECTIONS = _Judged(
    rule="tcp-request content",
    settings=(
        "mode tcp",
        "no option http-keep-alive",
        # A connection is judged before anything is said on it, and may say nothing.
        "no option dontlognull",
        f"log-format '{_LINE.replace('ST', '[int(0)]')}'",
        f"error-log-format '{_UNASKED_LINE.replace('ST', '[int(0)]')}'",
    ),
    protocols="",
    asked=(
        *_TIME,
        ("method", f"str({STREAM_METHODS['connect'][0]})"),
        ("path", f"str({STREAM_PATH})"),
        ("host", "ssl_fc_sni"),
        ("server_name", "ssl_fc_sni"),
    ),
    refuse="reject",
    is_http=False,
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a proxy finds things: what it is given, its maps, and its control socket."""

    given: str = FOLDER
    maps: str = MAPS
    socket: str = SOCKET

    @classmethod
    def of(cls, folder: str) -> Self:
        """Have everything in one folder."""
        return cls(folder, f"{folder}/maps", f"{folder}/control.sock")


def compile_proxy(plan: Plan, site: str, layout: Layout | None = None) -> Proxy:
    """Compile the proxy of one site; one without gates listens nowhere."""
    at = layout or Layout()
    gates = gates_at(plan, site)
    ports = sorted({gate.port for gate in gates})
    text, digest = _named(
        (
            *_global(at.socket),
            *(line for port in ports for line in _frontend(gates, port, at)),
            *(line for gate in gates for line in _backend(plan, gate, at.given)),
        )
    )
    return Proxy(site, text, digest)


def waiting_configuration(socket: str = SOCKET) -> str:
    """Give what a proxy runs with that has no policy yet: it can be asked, and listens nowhere."""
    text, _ = _named(_global(socket))
    return text


def _named(lines: Iterable[str]) -> tuple[str, str]:
    """Write a configuration that says its own digest, so that the prover can ask for it."""
    text = "\n".join([*lines, ""])
    digest = sha256(text.encode()).hexdigest()
    return text.replace("global\n", f"global\n    description {digest}\n", 1), digest


def _global(socket: str) -> Iterator[str]:
    yield from (
        "global",
        # Where two threads write a line at one moment, HAProxy drops one of the two
        # (`DroppedLogs`), and the decision was made unrecorded.
        "    nbthread 1",
        # Whole: a line that is cut says neither what was asked nor why it was refused.
        "    log stdout len 65535 format raw local0",
        f"    stats socket {socket} mode 660 level admin",
        # Taken as the configuration is read: whoever is started anew, also by a reload, counts
        # from one again, and no two of them are called alike.
        "    set-var proc.started date(0,ms)",
        "    ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets prefer-client-ciphers",
        f"    ssl-default-bind-curves {_CURVES}",
        "    ssl-default-server-options ssl-min-ver TLSv1.3 no-tls-tickets",
        # A session that is resumed is not asked for a certificate again.
        "    tune.ssl.cachesize 0",
        "    tune.http.maxhdr 64",
        "    tune.h2.be.glitches-threshold 100",
        "    tune.h2.fe.glitches-threshold 100",
        "    maxconn 8000",
        # After a reload nobody tells the process before it who was revoked meanwhile, so it may
        # live no longer than the two seconds in which that must act.
        "    hard-stop-after 2s",
        "",
        "defaults",
        "    mode http",
        "    log global",
        "    option dontlognull",
        "    option logasap",
        "    option http-keep-alive",
        # After a reload an idle connection would be ended while a request is on its way to it.
        "    option idle-close-on-response",
    )
    yield from (f"    timeout {name} {value}" for name, value in _TIMEOUTS)
    yield from (
        "    unique-id-format %[env(LOUSHAN_NODE)].%[var(proc.started)].%[var(txn.count)]",
        "",
    )
    yield from (f"    log-format '{_LINE}'", f"    error-log-format '{_UNASKED_LINE}'", "")
    yield from ("backend counts", "    stick-table type integer size 1 store gpc0", "")
    yield from (
        "backend streams",
        "    stick-table type string len 1000 size 1m expire 1s store conn_cur",
        "",
    )
    yield from (
        "backend sources",
        "    stick-table type ipv6 size 20k expire 1m store conn_cur",
        "",
    )


def _frontend(gates: tuple[Gate, ...], port: int, at: Layout) -> Iterator[str]:
    here = [gate for gate in gates if gate.port == port]
    # The gates of a port are alike in this: a plan in which they are not is refused (ZG235).
    judged = _CONNECTIONS if here[0].is_stream else _REQUESTS
    tls = (
        f"ssl crt {at.given}/certificates strict-sni ca-file {at.given}/clients.pem verify required"
        f"{judged.protocols}"
    )
    yield f"frontend gates_{port}"
    yield from (f"    {line}" for line in judged.settings)
    yield f"    bind 0.0.0.0:{port} {tls}"
    yield f"    bind :::{port} v6only {tls}"
    yield "    tcp-request connection track-sc1 src table sources"
    yield f"    tcp-request connection reject if {{ sc1_conn_cur gt {_MOST_CONNECTIONS} }}"
    yield from (
        f"    tcp-request session set-var(sess.{name}) {found}" for name, found in _CERTIFICATE
    )
    rules = (
        # Numbered without a gap; the program's own counter counts its control socket too.
        "track-sc0 int(1) table counts",
        "set-var(txn.count) sc_inc_gpc0(0)",
        *(f"set-var(txn.{name}) {found}" for name, found in judged.asked),
        *(line for step in steps(at.maps, port, judged.is_http) for line in lines(step)),
    )
    yield from (f"    {judged.rule} {rule}" for rule in rules)
    yield "    acl judged var(txn.reason) -m found"
    yield from _who_is_told(at.maps) if judged.is_http else ()
    yield f"    {judged.rule} set-var(txn.reason) str({RequestReason.GRANT}) unless judged"
    yield f"    acl permitted var(txn.reason) -m str {RequestReason.GRANT}"
    yield f"    {judged.rule} set-var(txn.verdict) str(DROP)"
    yield f"    {judged.rule} set-var(txn.verdict) str(ACCEPT) if permitted"
    yield from (
        _refusals(at.given) if judged.is_http else [f"    {judged.rule} reject unless permitted"]
    )
    # What takes long is judged again while it does: whoever cannot be found then is not let pass.
    yield f'    {judged.rule} set-var-fmt(txn.under_way) "{_UNDER_WAY}"'
    yield f"    {judged.rule} track-sc2 var(txn.under_way) table streams"
    yield f"    {judged.rule} {judged.refuse} unless {{ sc2_tracked }}"
    yield from _what_is_sent_on() if judged.is_http else ()
    for gate in here:
        yield f"    use_backend {_backend_name(gate)} if {{ var(txn.gate) -m str {gate.name} }}"
    yield ""


def _who_is_told(maps: str) -> Iterator[str]:
    """Pick what an application is told of who asks, which was signed ahead of time."""
    asked = "var(txn.subject),concat(:,txn.zone),concat(:,txn.host)"
    yield f"    http-request set-var(txn.token) {asked},map_str({maps}/tokens.map)"
    yield "    acl told var(txn.token) -m found"
    # Without it the application would refuse.
    yield f"    http-request set-var(txn.reason) str({RequestReason.NO_POLICY}) if !judged !told"


def _refusals(folder: str) -> Iterator[str]:
    yield "    acl wants_json req.hdr(accept) -m sub application/json"
    yield "    acl wants_english req.hdr(accept-language) -m beg en"
    for status, reason in _STATUS:
        when = f"{{ var(txn.reason) -m str {reason} }}" if reason else "!permitted"
        for kind, name, wish in (
            ("application/json", "json", "wants_json"),
            ("text/html; charset=utf-8", "en.html", "wants_english"),
            ("text/html; charset=utf-8", "zh.html", ""),
        ):
            yield (
                f"    http-request return status {status} content-type '{kind}'"
                f" hdr Cache-Control no-store lf-file {folder}/refused.{name} if {when} {wish}"
            ).rstrip()


def _what_is_sent_on() -> Iterator[str]:
    for names in (_FORGED, _ASKED_ASIDE):
        yield f"    http-request del-header '{names}' -m reg"
    yield (
        f"    http-request set-header {IDENTITY}"
        " '%[var(txn.token)] decision=%[unique-id]; number=%[var(sess.number)]'"
    )
    # Where protocols are switched, nothing would be judged any more, and nobody could end it.
    yield "    http-response deny deny_status 502 if { status 101 }"
    # Whoever was let pass can say by which decision, too.
    yield "    http-response set-header Loushan-Decision %[unique-id]"
    # What was judged is what is sent on: a target may come with a scheme, a user and a host.
    yield "    http-request set-uri %[pathq]"


def _backend(plan: Plan, gate: Gate, folder: str) -> Iterator[str]:
    address = _server(plan, gate)
    yield f"backend {_backend_name(gate)}"
    if gate.is_stream:
        yield "    mode tcp"
    yield (
        f"    server application {_endpoint(address, gate.port)} ssl verify required"
        f" ca-file {folder}/services.pem crt {folder}/gateway.pem"
        f" sni str({gate.host}) verifyhost {gate.host}"
    )
    yield ""


def _server(plan: Plan, gate: Gate) -> Address:
    return first_address(plan.zones[gate.zone].ranges[0])


def _endpoint(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if isinstance(address, IPv6Address) else f"{address}:{port}"


def _backend_name(gate: Gate) -> str:
    # No name has a colon in it, so that no two gates are called alike.
    return f"to:{identifier(gate.zone)}:{identifier(gate.service)}"
