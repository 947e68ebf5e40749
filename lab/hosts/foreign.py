"""What the owner of a gateway that is not ours would set up there, as the province does.

The lab is that owner: it gives the host a key of its own, the certificate by
which we know it, strongSwan, and the one link that its site has with ours.  It
filters nothing: what comes from there, our gateways judge.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from gateway.compile.links import compile_links
from gateway.policy.model import Plan
from gateway.policy.names import SHARED_LINK
from gateway.policy.wiring import wirings
from lab.hosts.blueprint import Host
from lab.hosts.machine import execute
from lab.hosts.places import Places
from lab.hosts.signing import certify

_ROLE = Path(__file__).resolve().parents[2] / "roles" / "link" / "templates"

_REQUEST = (
    "umask 077; cd /etc/swanctl/private;"
    " openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out gateway.key;"
    " openssl req -new -key gateway.key -subj /CN=$1"
)

_BEGIN = (
    "systemctl daemon-reload;"
    " systemctl enable --quiet systemd-networkd.service strongswan.service again.service;"
    " systemctl restart systemd-networkd.service strongswan.service again.service"
)

#: As on our own gateways: strongSwan's program makes routes that would take its own zones' packets.
_OWN_ROUTES = """\
[Service]
ExecStartPost=-/usr/bin/ip -4 rule del priority 220
ExecStartPost=-/usr/bin/ip -6 rule del priority 220
"""

#: strongSwan gives up where it was refused, as it is until our gateway has its policy.
_AGAIN = """\
[Service]
ExecStart=/bin/sh -c 'while sleep 3; do \
  swanctl --list-sas | grep -q ESTABLISHED || swanctl --initiate --child {hub} --timeout 2; done'
Restart=always

[Install]
WantedBy=multi-user.target
"""


def furnish(places: Places, plan: Plan, host: Host) -> None:
    """Set up the link of a foreign gateway that has booted; it then begins by itself.

    Raises:
        Refused: the host does not do what it is told, or is not certified.
    """
    request = execute(places, host.name, ["/bin/sh", "-c", _REQUEST, "request", host.name])
    for path, content in _files(places, plan, host, request).items():
        into = ["/bin/sh", "-c", 'mkdir -p "${1%/*}" && exec cat >"$1"', "write", path]
        execute(places, host.name, into, text=content)
    execute(places, host.name, ["/bin/sh", "-c", _BEGIN])


def _files(places: Places, plan: Plan, host: Host, request: str) -> dict[str, str]:
    here = replace(plan, shares_link=True)
    words = Environment(  # noqa: S701 - it writes no page
        loader=FileSystemLoader(_ROLE), trim_blocks=True, keep_trailing_newline=True
    )
    wiring = wirings(here)[host.node]
    routes = [
        {"network": str(route.network), "interface": route.interface} for route in wiring.routes
    ]
    item = {"name": SHARED_LINK, "number": 0, "peer": ""}
    authorities = {name: places.authorities / name for name in ("root", "links")}
    with tempfile.TemporaryDirectory(prefix="loushan-request-") as beside:
        certificate = certify(places.authorities, host.name, request, Path(beside))
    return {
        "/etc/strongswan.conf": words.get_template("strongswan.conf.j2").render(
            link_engine="program"
        ),
        "/etc/systemd/network/60-ipsec0.network": words.get_template("link.network.j2").render(
            item=item, link_routes=routes
        ),
        "/etc/systemd/system/strongswan.service.d/own-routes.conf": _OWN_ROUTES,
        "/etc/systemd/system/again.service": _AGAIN.format(hub=plan.sites[host.node].hub),
        "/etc/swanctl/conf.d/links.conf": compile_links(here, host.node).text,
        "/etc/swanctl/x509/gateway.pem": certificate,
        **{
            f"/etc/swanctl/x509ca/{name}.pem": (folder / "authority.pem").read_text("ascii")
            for name, folder in authorities.items()
        },
        **{
            f"/etc/swanctl/x509crl/{name}.crl": (folder / "crl.pem").read_text("ascii")
            for name, folder in authorities.items()
        },
    }
