"""Each way for a link to be down is made for real, and `loushan link test` names it at either end.

This is also what holds the table of strongSwan's words (`gateway/diagnose/words.py`) to
the strongSwan that hosts have.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.compile.links import compile_links
from gateway.diagnose.words import STRONGSWAN
from gateway.policy.decide import TCP
from gateway.policy.names import gateway_identity
from tests.lab import wire
from tests.lab.forged import authority, leaf
from tests.lab.power import without_power
from tests.lab.spoke import Spoke
from tests.lab.town import Done, Town, until
from tests.lab.tries import new_port

pytestmark = pytest.mark.lab

_SWANCTL, _KEPT = "/etc/swanctl", "/root/kept-swanctl"
_LIST = "x509crl/links.crl"
_AGENT = (
    "loushan-agent.service",
    "loushan-agent.socket",
    "loushan-lists.service",
    "loushan-renewal.timer",
)

#: A test of one link answers within this, also where nobody does, and on a busy machine.
LONGEST_SECONDS = 100.0


@dataclass(frozen=True, slots=True)
class End:
    """One end of the link: its gateway, its site, and how the other one is called."""

    spoke: Spoke
    is_hub: bool

    @property
    def host(self) -> str:
        """The gateway."""
        return self.spoke.hub if self.is_hub else self.spoke.host

    @property
    def site(self) -> str:
        """Its site."""
        return self.spoke.hub_site if self.is_hub else self.spoke.site

    @property
    def peer(self) -> str:
        """The site at the other end."""
        return self.spoke.site if self.is_hub else self.spoke.hub_site

    @property
    def other(self) -> "End":
        """The other end."""
        return replace(self, is_hub=not self.is_hub)

    @property
    def interface(self) -> str:
        """The port of the line."""
        return self.spoke.hub_interface if self.is_hub else self.spoke.line.interface

    @property
    def connections(self) -> str:
        """What was signed for it."""
        plan = replace(self.spoke.town.plan, shares_link=True)
        return compile_links(plan, self.site).text

    @property
    def identity(self) -> str:
        """Its name in its certificate."""
        return gateway_identity(self.spoke.town.plan.name, self.site)

    def must(self, *command: str, text: str = "") -> str:
        """Run a command there that must work."""
        return self.spoke.town.must(self.host, *command, text=text)

    def asks(self, *words: str) -> Done:
        """Have the link tested there."""
        return self.spoke.town.run(self.host, "loushan", *words, "link", "test", self.peer)

    def verdict(self) -> dict[str, Any]:
        """Have the link tested there, and give what is said for a machine."""
        words = ("loushan", "link", "test", self.peer, "--json")
        done = self.spoke.town.run(self.host, *words)
        (link,) = json.loads(done.stdout)["links"]
        assert done.returncode == (0 if link["passes"] else 1)
        return dict(link)

    def says(self) -> tuple[str | None, str | None, str | None]:
        """Give which thing is wrong, at which end, and the code."""
        link = self.verdict()
        found = link["problem"]
        return link["cause"], link["end"], found and found["code"]

    def write(self, name: str, text: str) -> None:
        """Write a file of strongSwan's, and have it taken up."""
        self.must("sh", "-c", f"cat >{_SWANCTL}/{name}", text=text)
        self.take_up()

    def take_up(self) -> None:
        """Have strongSwan take what lies there, and forget what it was shown."""
        self.must("swanctl", "--load-creds", "--clear", "--noprompt")
        self.must("swanctl", "--flush-certs")
        self.other.must("swanctl", "--flush-certs")

    def restore(self) -> None:
        """Have strongSwan run with all that it had."""
        self.must("sh", "-c", f"rm -rf {_SWANCTL} && cp -a {_KEPT} {_SWANCTL}")
        self.must("systemctl", "start", "strongswan.service")
        self.take_up()
        self.load(self.connections)

    def load(self, connections: str) -> None:
        """Give strongSwan other connections."""
        self.must("sh", "-c", "cat >/run/tried.conf", text=connections)
        self.must("swanctl", "--load-conns", "--file", "/run/tried.conf")


@pytest.fixture(scope="module")
def spoke(town: Town) -> Spoke:
    """A township's gateway, whose link to its county stands."""
    return Spoke(town, "yangchuan", "suiyang")


@pytest.fixture
def lower(spoke: Spoke) -> End:
    """The end that begins; the link stands, and nothing is left of what was tried before."""
    assert spoke.comes_back()
    assert until(spoke.is_one)
    assert until(lambda: all(map(spoke.town.is_proven, (spoke.host, spoke.hub))))
    return End(spoke, is_hub=False)


@pytest.fixture
def hub(lower: End) -> End:
    """The end that waits; the link stands."""
    return lower.other


@pytest.fixture(params=["lower", "hub"])
def end(request: pytest.FixtureRequest, lower: End) -> End:
    """Either end, one after the other; the link stands."""
    return lower if request.param == "lower" else lower.other


@contextmanager
def unguarded(*ends: End) -> Iterator[None]:
    """Have ends whose agents do not see to it that all is as it was signed; all is put back."""
    with ExitStack() as back:
        for end in ends:
            back.callback(_put_back, end)
            end.must("systemctl", "stop", *_AGENT)
            end.must("sh", "-c", f"rm -rf {_KEPT}; cp -a {_SWANCTL} {_KEPT}")
        yield
    spoke = ends[0].spoke
    assert spoke.comes_back()
    assert until(lambda: all(spoke.town.is_proven(end.host) for end in ends), 60)


def _put_back(end: End) -> None:
    end.restore()
    end.must("rm", "-rf", _KEPT)
    end.must("systemctl", "start", *reversed(_AGENT))
    end.spoke.town.run(end.host, "loushan", "agent", "prove")


def ended(end: End) -> None:
    """End the link, so that it has to be made anew.

    The end that begins is ended first: it begins at once what its peer has ended, and what is
    ended in the middle of that stands at one end for half a minute.
    """
    begins, waits = (end.other, end) if end.is_hub else (end, end.other)
    for each in (begins, waits):
        words = ("swanctl", "--terminate", "--ike", each.peer, "--force")
        each.spoke.town.run(each.host, *words)


def found_after_an_end(end: End, here: str, there: str) -> list[dict[str, Any]]:
    """End the link until each end finds its fault, by its code; give what both say.

    An end that had begun the link anew when it was ended has half of one for half a minute.
    """
    said: list[dict[str, Any]] = []

    def is_found() -> bool:
        ended(end)
        said[:] = [end.verdict(), end.other.verdict()]
        return [(each["problem"] or {}).get("code") for each in said] == [here, there]

    assert until(is_found), said
    return said


# --- a link that stands ---------------------------------------------------------------------------


def associations(end: End) -> list[str]:
    """Give the numbers of the link's associations."""
    said = end.must("swanctl", "--list-sas", "--ike", end.peer)
    return re.findall(r"^(\S+: #\d+), ESTABLISHED", said, re.MULTILINE)


def test_a_link_that_stands_is_said_to_and_is_not_touched(end: End) -> None:
    """Since when, what passed, and that it is answered; it is the same afterwards."""
    town, before = end.spoke.town, associations(end)
    ends = [town.address(host, 4) for host in ("yangchuan.office", "suiyang.business")]
    segment = wire.syn(ends[0], ends[1], (new_port(), 443), wire.token())
    packet = wire.packet(ends[0], ends[1], TCP, segment)
    card = wire.card(town.namespace(end.spoke.host), "office")
    wire.send(*town.cable("yangchuan.office"), [packet], card)

    link = end.verdict()
    spoken = end.asks()
    chinese = end.asks("--lang", "zh")

    assert link["passes"]
    assert link["packets_in" if end.is_hub else "packets_out"] >= 1
    assert datetime.fromisoformat(link["since"]) < datetime.now(UTC)
    assert {"what": "IKE port", "found": "answers"} in link["evidence"]
    assert spoken.returncode == chinese.returncode == 0
    assert re.match(rf"{end.peer}: stands and is answered, since 20.* ↓\d+ ↑\d+$", spoken.stdout)
    assert "已建立且有应答" in chinese.stdout
    assert associations(end) == before


def test_all_links_are_tested_where_none_is_named(hub: End) -> None:
    """One after the other, by the neighbours' names."""
    ask = ("loushan", "link", "status")
    assert until(lambda: hub.spoke.town.run(hub.host, *ask).returncode == 0), "all stand"
    done = hub.spoke.town.run(hub.host, "loushan", "link", "test", "--json")

    links = json.loads(done.stdout)["links"]
    assert [link["link"] for link in links] == ["city", "suiyang-housing", "yangchuan"]
    assert all(link["passes"] for link in links), links
    assert done.returncode == 0


def test_who_is_no_neighbour_is_refused(lower: End) -> None:
    """And the neighbours are named."""
    done = lower.spoke.town.run(lower.host, "loushan", "link", "test", "city")

    assert done.returncode == 1
    assert "ZG900" in done.stderr
    assert "suiyang" in done.stderr


def test_the_words_are_those_of_this_strongswan(lower: End) -> None:
    """Another version may say it otherwise: then the table is read again beside it."""
    assert lower.must("swanctl", "--version").split()[-1] == STRONGSWAN


# --- the line -------------------------------------------------------------------------------------


def test_a_line_that_is_cut(end: End) -> None:
    """Where it is cut, it is the line, at once, also while strongSwan still thinks that it stands.

    The other end of this lab's lines keeps its carrier, as that of a leased line does.
    """
    town = end.spoke.town
    town.loushan("lab", "cut", end.host, end.other.host)
    try:
        said, there = end.says(), end.other.says()
        spoken, chinese = end.asks(), end.asks("--lang", "zh")
    finally:
        town.loushan("lab", "join", end.host, end.other.host)

    assert said == ("line", "between", "ZG902")
    assert there == ("peer", "there", "ZG910")
    first, second = spoken.stdout.splitlines()[1:]
    port = end.interface
    assert first.endswith(f"the line to `{end.peer}` is cut: the port `{port}` has no carrier")
    assert second.startswith("  help: see whether the cable is in at both ends")
    assert "线路(两端之间)" in chinese.stdout
    assert "无载波" in chinese.stdout


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param("ip link set {} down", "ZG903", id="switched off"),
        pytest.param("ip -6 address flush dev {} scope global", "ZG904", id="without its address"),
    ],
)
def test_a_port_that_is_not_set_up(end: End, change: str, code: str) -> None:
    """It is this end's to put right."""
    end.must("sh", "-c", change.format(end.interface))
    try:
        said = end.says()
    finally:
        end.must("ip", "link", "set", end.interface, "up")
        end.must("networkctl", "reconfigure", end.interface)

    assert said == ("line", "here", code)


# --- the peer -------------------------------------------------------------------------------------


def test_a_peer_without_power(end: End) -> None:
    """The line has carrier, and nobody answers.

    A host's network outlives it in this lab, so its cable is pulled as well.
    """
    town, peer = end.spoke.town, end.other
    with without_power(town, peer.host):
        town.loushan("lab", "cut", peer.host, end.host)
        try:
            said = end.says()
        finally:
            town.loushan("lab", "join", peer.host, end.host)

    assert said == ("peer", "there", "ZG910")


def test_a_peer_whose_strongswan_does_not_run(end: End) -> None:
    """While its agent has not closed the gateway yet, its port says so."""
    with unguarded(end.other):
        end.other.must("systemctl", "stop", "strongswan.service")
        said = end.says()

    assert said == ("peer", "there", "ZG911")


def test_strongswan_that_does_not_run_here(end: End) -> None:
    """It is named before the firewall, which the agent closes for that reason.

    The other end sees one or the other: the agent opens the firewall again and again, to try.
    """
    end.must("systemctl", "stop", "strongswan.service")
    end.spoke.town.run(end.host, "loushan", "agent", "prove")
    try:
        said, there = end.says(), end.other.says()
    finally:
        end.must("systemctl", "start", "strongswan.service")
        end.spoke.town.run(end.host, "loushan", "agent", "prove")
        assert until(lambda: end.spoke.town.is_proven(end.host), 60)

    assert said == ("strongswan", "here", "ZG930")
    assert there in {("peer", "there", "ZG911"), ("firewall", "there", "ZG922")}


# --- the firewall ---------------------------------------------------------------------------------


def test_a_gateway_that_is_closed(end: End) -> None:
    """Here it is named with the reason, and at the other end it is the peer's firewall."""
    with unguarded(end):
        end.must("sh", "-c", "nft delete table inet loushan; nft -f /usr/lib/loushan/scaffold.nft")
        said, there = end.verdict(), end.other.says()

    assert (said["cause"], said["end"], said["problem"]["code"]) == ("firewall", "here", "ZG920")
    assert there == ("firewall", "there", "ZG922")


@pytest.mark.parametrize(
    ("hook", "match"),
    [
        pytest.param("output", "udp dport 500", id="what goes out"),
        pytest.param("input", "udp sport 500", id="what comes in"),
    ],
)
def test_a_foreign_table_that_drops(end: End, hook: str, match: str) -> None:
    """The table is named."""
    table = f"""table inet strange {{
        chain it {{ type filter hook {hook} priority -10; {match} drop; }}
    }}"""
    with unguarded(end):
        end.must("nft", "-f", "-", text=table)
        try:
            found = end.verdict()
        finally:
            end.must("nft", "delete", "table", "inet", "strange")

    assert (found["cause"], found["end"]) == ("firewall", "here")
    assert found["problem"]["code"] == "ZG921"
    assert "inet strange" in found["problem"]["en"]


def test_a_line_that_was_taken_out_of_the_ruleset(end: End) -> None:
    """What our own table lacks is named."""
    with unguarded(end):
        script = (
            "g=$(nft list chain inet loushan input | sed -n 's/.*goto \\([ab]\\)_input.*/\\1/p');"
            "nft flush map inet loushan ${g}_lines_in"
        )
        end.must("sh", "-c", script)
        found = end.verdict()

    assert found["problem"]["code"] == "ZG921"
    assert "lines_in 500" in found["problem"]["en"]


# --- certificates and the clock -------------------------------------------------------------------


@pytest.fixture(scope="module")
def owned(spoke: Spoke) -> Iterator[End]:
    """The lower end; both ends' agents look away until all of what follows is over."""
    assert spoke.comes_back()
    end = End(spoke, is_hub=False)
    with unguarded(end, end.other):
        yield end


@pytest.fixture(params=["lower", "hub"])
def broken(request: pytest.FixtureRequest, owned: End) -> Iterator[End]:
    """Either end, to be broken; what is changed there is put back."""
    end = owned if request.param == "lower" else owned.other
    yield end
    end.restore()
    end.other.restore()


@pytest.mark.parametrize(
    ("days", "here", "there"),
    [
        pytest.param((-30, -1), ("certificate", "here", "ZG951"), "ZG956", id="ended"),
        pytest.param((1, 30), ("clock", "here", "ZG960"), "ZG956", id="not begun"),
    ],
)
def test_a_certificate_out_of_its_time(
    broken: End, days: tuple[float, float], here: tuple[str, str, str], there: str
) -> None:
    """Both times are named: the certificate's, and the clock's by which it is judged."""
    pair = leaf(links_authority(broken), broken.identity, days=days)
    broken.must("sh", "-c", f"cat >{_SWANCTL}/private/gateway.key", text=pair.key_text)
    broken.write("x509/gateway.pem", pair.text)

    began = datetime.now(UTC)
    found, other = found_after_an_end(broken, here[-1], there)

    assert (found["cause"], found["end"]) == here[:2]
    assert (other["cause"], other["end"]) == ("certificate", "there")
    edge = (
        pair.certificate.not_valid_after_utc
        if days[1] < 0
        else pair.certificate.not_valid_before_utc
    )
    for link in (found, other):
        assert f"{edge:%Y-%m-%d %H:%M:%S} UTC" in link["problem"]["en"]
        days_ = {f"{day:%Y-%m-%d}" for day in (began, datetime.now(UTC))}
        assert any(day in link["problem"]["en"] for day in days_)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        pytest.param("private/gateway.key", "private key", id="key"),
        pytest.param("x509/gateway.pem", "certificate", id="certificate"),
    ],
)
def test_a_gateway_without_its_own(broken: End, name: str, what: str) -> None:
    """The peer can only say that it was refused, and where to ask."""
    broken.must("rm", f"{_SWANCTL}/{name}")
    broken.take_up()

    found, other = found_after_an_end(broken, "ZG950", "ZG957")

    assert f"has no {what} for its own name" in found["problem"]["en"]
    assert f"loushan link test {broken.other.site}" in other["next"]["en"]


def links_authority(end: End) -> Any:  # noqa: ANN401 - a pair of the forger's
    """Take the key of the authority of links."""
    return authority(end.spoke.town.places.authorities, "links")


def list_of(end: End, days: tuple[float, float], *revoked: End) -> str:
    """Make a list of revocations that counts more than the one in force."""
    issuer, now = links_authority(end), datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now + timedelta(days=days[0]))
        .next_update(now + timedelta(days=days[1]))
        .add_extension(x509.CRLNumber(1_000_000), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    for each in revoked:
        shown = x509.load_pem_x509_certificate(
            each.must("cat", f"{_SWANCTL}/x509/gateway.pem").encode()
        )
        entry = x509.RevokedCertificateBuilder().serial_number(shown.serial_number)
        builder = builder.add_revoked_certificate(
            entry.revocation_date(now - timedelta(hours=1)).build()
        )
    return builder.sign(issuer.key, hashes.SHA384()).public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("made", "here"),
    [
        pytest.param(
            lambda end: list_of(end, (-30, -20)), ("certificate", "here", "ZG954"), id="run out"
        ),
        pytest.param(lambda end: list_of(end, (1, 8)), ("clock", "here", "ZG961"), id="not begun"),
        pytest.param(None, ("certificate", "here", "ZG953"), id="missing"),
        pytest.param(
            lambda end: list_of(end, (-1, 6), end.other),
            ("certificate", "there", "ZG955"),
            id="with the peer on it",
        ),
    ],
)
def test_a_list_of_revocations(
    broken: End, made: Callable[[End], str] | None, here: tuple[str, str, str]
) -> None:
    """Who has it says what is wrong; who is refused by it is told to ask there."""
    if made is None:
        broken.must("rm", f"{_SWANCTL}/{_LIST}")
        broken.take_up()
    else:
        broken.write(_LIST, made(broken))

    found, other = found_after_an_end(broken, here[-1], "ZG957")

    assert (found["cause"], found["end"]) == here[:2]
    assert (other["cause"], other["end"]) == ("certificate", "there")


def test_a_gateway_that_is_on_its_own_list(broken: End) -> None:
    """It knows itself that it was revoked; the other end does not, and may make the link anew."""
    broken.write(_LIST, list_of(broken, (-1, 6), broken))

    def says_so() -> bool:
        ended(broken)
        return broken.says() == ("certificate", "here", "ZG952")

    assert until(says_so)


def test_lists_that_have_run_out_everywhere(broken: End) -> None:
    """Each end sees it of its own, and need not be told by the other."""
    for each in (broken, broken.other):
        each.write(_LIST, list_of(each, (-30, -20)))

    for said in found_after_an_end(broken, "ZG954", "ZG954"):
        assert (said["cause"], said["end"]) == ("certificate", "here")


# --- the policy -----------------------------------------------------------------------------------


def _without_it(_: End) -> str:
    return "connections {\n}\n"


def _weaker(old: str, weak: str) -> Callable[[End], str]:
    return lambda end: end.connections.replace(old, weak)


def _elsewhere(end: End) -> str:
    return re.sub("(local_ts|remote_ts) = .*", r"\1 = 192.0.2.0/24", end.connections)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param(_without_it, "ZG940", id="that does not know the link"),
        pytest.param(
            _weaker("aes256gcm16-prfsha384-ecp384", "aes128gcm16-prfsha256-ecp256"),
            "ZG940",
            id="with other algorithms",
        ),
        pytest.param(
            _weaker("esp_proposals = aes256gcm16", "esp_proposals = aes128gcm16"),
            "ZG940",
            id="with other algorithms inside",
        ),
        pytest.param(_elsewhere, "ZG941", id="with other addresses"),
    ],
)
def test_a_peer_with_another_policy(broken: End, changed: Callable[[End], str], code: str) -> None:
    """The two follow different policies, and both revisions are to be compared."""
    broken.load(changed(broken))
    ended(broken)

    link = broken.other.verdict()

    assert (link["cause"], link["end"]) == ("policy", "between")
    assert link["problem"]["code"] == code
    assert re.search(r"revision \d", link["next"]["en"])


def test_a_peer_that_narrows_the_link(broken: End) -> None:
    """It stands, and carries less: that is a fault too."""
    word = "remote_ts" if broken.is_hub else "local_ts"
    narrow = re.sub(f"{word} = .*", f"{word} = 10.38.1.0/26", broken.connections)
    broken.load(narrow)
    ended(broken)

    assert broken.other.says() == ("policy", "between", "ZG942")
    assert broken.says()[0] is None


def test_a_link_that_was_taken_out_here(broken: End) -> None:
    """The policy has it, and strongSwan was not given it."""
    broken.load(_without_it(broken))

    assert broken.says() == ("strongswan", "here", "ZG931")


# --- a link that was down and is not any more -----------------------------------------------------


def test_a_link_that_only_has_to_be_begun_stands_afterwards(broken: End) -> None:
    """Nothing is wrong any more, so nothing is found; there is one of it."""
    ended(broken)

    # Where both began at once, one end is rid of what is too much only when nobody answers it.
    assert until(lambda: broken.says() == (None, None, None))
    assert until(broken.spoke.is_one)
    assert broken.spoke.is_up()
    assert broken.spoke.is_up(broken.spoke.host)


def test_both_ends_tested_at_once_make_one_link(broken: End) -> None:
    """Whoever comes second ends what it began."""
    ended(broken)
    found: list[str | None] = []
    testing = [
        threading.Thread(target=lambda each=each: found.append(each.says()[0]))
        for each in (broken, broken.other)
    ]
    for each in testing:
        each.start()
    for each in testing:
        each.join(LONGEST_SECONDS)

    assert found == [None, None]
    assert until(broken.spoke.is_one)
