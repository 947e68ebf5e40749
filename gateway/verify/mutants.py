"""Every kind of tampering with a live ruleset that we can think of, at several places each.

A mutant is a change to the text that is loaded, commands given after it, or a
change to what nft lists where this kernel has no such thing.  Nothing here
knows how a mutant is found.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_network
from typing import Any, Final

#: So many places are tampered with for each kind.
PLACES: Final = 4

_TABLE = "inet loushan"
_HOOKS = ("forward", "input", "output")
_FAR_PORT = 48621
_LOWEST_PREFIX = {4: 8, 6: 16}
_V4_BITS: Final = 32

Listing = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change; `text` is loaded, then `commands`, then `edit` changes what is listed."""

    kind: str
    place: str
    text: str
    commands: str = ""
    edit: Callable[[Listing], None] | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One element of a map as nft takes it, its parts apart."""

    map: str
    types: tuple[str, ...]
    parts: tuple[str, ...]
    origin: str
    verdict: str

    def key(self) -> str:
        return " . ".join(
            f'"{part}"' if type_ == "ifname" else part
            for type_, part in zip(self.types, self.parts, strict=True)
        )

    def delete(self) -> str:
        return f"delete element {_TABLE} {self.map} {{ {self.key()} }}\n"

    def add(self) -> str:
        words = f'{self.key()} counter comment "{self.origin}" : {self.verdict}'
        return f"add element {_TABLE} {self.map} {{ {words} }}\n"

    def with_part(self, index: int, part: str) -> "_Entry":
        parts = (*self.parts[:index], part, *self.parts[index + 1 :])
        return _Entry(self.map, self.types, parts, self.origin, self.verdict)

    def with_verdict(self, verdict: str) -> "_Entry":
        return _Entry(self.map, self.types, self.parts, self.origin, verdict)


@dataclass
class Tampering:
    """All mutants of one ruleset: its text, and what nft lists once it is loaded."""

    text: str
    listing: Listing
    places: int = PLACES
    _made: list[Mutant] = field(default_factory=list)

    def mutants(self) -> list[Mutant]:
        """Make every mutant, those of one kind together."""
        for make in (
            self._hooks,
            self._elements_come_and_go,
            self._elements_change,
            self._elements_are_counted,
            self._maps,
            self._rules_come_and_go,
            self._rules_change,
            self._records,
            self._fixed_rules,
            self._stamps,
            self._foreign,
            self._objects,
            self._harmless,
        ):
            self._made += make()
        return self._made

    # ---- what there is

    @cached_property
    def _entries(self) -> list[_Entry]:
        return [
            _entry(body, element)
            for body in self._bodies("map")
            for element in body.get("elem", ())
        ]

    @cached_property
    def _leaves(self) -> list[_Entry]:
        """The elements that end on a service."""
        return [entry for entry in self._entries if "inet_service" in entry.types]

    @cached_property
    def _senders(self) -> list[_Entry]:
        """The elements that say who may send by an interface."""
        return [
            entry
            for entry in self._entries
            if entry.types in {("ipv4_addr",), ("ipv6_addr",)} and "_ping" not in entry.map
        ]

    @cached_property
    def _arrivals(self) -> list[_Entry]:
        """The elements that lead from an interface to those who may send by it."""
        return [entry for entry in self._entries if entry.types == ("ifname",)]

    @cached_property
    def _chains(self) -> dict[str, list[dict[str, Any]]]:
        chains: dict[str, list[dict[str, Any]]] = {}
        for rule in self._bodies("rule"):
            chains.setdefault(rule["chain"], []).append(rule)
        return chains

    @cached_property
    def _exits(self) -> list[str]:
        """The chains that let out by one interface."""
        return [name for name, rules in self._chains.items() if _is_exit(rules)]

    def _bodies(self, kind: str) -> list[dict[str, Any]]:
        return [item[kind] for item in self.listing if kind in item]

    def _some(self, found: Iterable[Any]) -> list[Any]:
        """Choose a few, spread over all there are."""
        things = list(found)
        step = max(1, len(things) // self.places)
        return things[step // 2 :: step][: self.places]

    def _command(self, kind: str, place: str, commands: str) -> Mutant:
        return Mutant(kind, place, self.text, commands)

    def _replaced(self, kind: str, place: str, old: str, new: str) -> Iterator[Mutant]:
        if old in self.text:
            yield Mutant(kind, place, self.text.replace(old, new, 1))

    # ---- kinds

    def _hooks(self) -> Iterator[Mutant]:
        for hook in _HOOKS:
            old = f"type filter hook {hook} priority filter; policy drop;"
            accept = f"add chain {_TABLE} {hook} {{ policy accept; }}\n"
            yield self._command("chain policy accept", hook, accept)
            yield from self._replaced(
                "hook priority", hook, old, old.replace("priority filter", "priority -150")
            )
            yield from self._replaced("hook removed", hook, old, "")
            yield from self._replaced(
                "hook moved", hook, old, old.replace(f"hook {hook}", "hook postrouting")
            )
        old = "type filter hook output priority filter"
        new = "type route hook output priority filter"
        yield from self._replaced("chain type", "output", old, new)

    def _elements_come_and_go(self) -> Iterator[Mutant]:
        for entry in self._some(self._leaves):
            far = entry.with_part(2, str(_FAR_PORT))
            yield self._command("element added", entry.key(), far.add())
            yield self._command("element removed", entry.key(), entry.delete())
        for entry in self._some(self._senders):
            strange = entry.with_part(0, _strange(entry.parts[0]))
            yield self._command("sender added", entry.key(), strange.add())
            yield self._command("sender removed", entry.key(), entry.delete())
        for entry in self._some(self._arrivals):
            strange = entry.with_part(0, "eth9")
            yield self._command("interface added", entry.key(), strange.add())
            yield self._command("interface removed", entry.key(), entry.delete())
        pings = (e for e in self._entries if len(e.types) == 1 and "_ping" in e.map)
        for entry in self._some(pings):
            yield self._command("ping removed", entry.key(), entry.delete())
            strange = entry.with_part(0, _strange(entry.parts[0]))
            yield self._command("ping added", entry.key(), strange.add())

    def _elements_change(self) -> Iterator[Mutant]:
        for entry in self._some(self._leaves):
            for kind, changed in (
                ("mask widened", entry.with_part(0, _widened(entry.parts[0]))),
                ("mask narrowed", entry.with_part(0, _halves(entry.parts[0])[0])),
                ("network changed", entry.with_part(0, _strange(entry.parts[0]))),
                ("protocol changed", entry.with_part(1, _other_protocol(entry.parts[1]))),
                ("port widened", entry.with_part(2, _wider_port(entry.parts[2]))),
                ("verdict accept", entry.with_verdict("accept")),
                ("verdict drop", entry.with_verdict("drop")),
                ("verdict refuse", entry.with_verdict("goto refuse_untracked")),
                ("verdict return", entry.with_verdict("return")),
            ):
                if changed != entry:
                    yield self._command(kind, entry.key(), entry.delete() + changed.add())
            for exit_ in self._exits:
                if entry.verdict not in (f"goto {exit_}", "accept"):
                    changed = entry.with_verdict(f"goto {exit_}")
                    commands = entry.delete() + changed.add()
                    yield self._command("wrong exit", entry.key(), commands)
                    break
        for entry in self._some(self._arrivals):
            changed = entry.with_part(0, "eth0")
            yield self._command("interface changed", entry.key(), entry.delete() + changed.add())
            changed = entry.with_verdict("accept")
            yield self._command("interface accepted", entry.key(), entry.delete() + changed.add())
            for other in self._arrivals:
                if other.map == entry.map and other.verdict != entry.verdict:
                    changed = entry.with_verdict(other.verdict)
                    commands = entry.delete() + changed.add()
                    yield self._command("interface taken for another", entry.key(), commands)
                    break
        for entry in self._some(self._senders):
            changed = entry.with_verdict("accept")
            yield self._command("sender accepted", entry.key(), entry.delete() + changed.add())
            wide = entry.with_part(0, _widened(entry.parts[0]))
            yield self._command("sender widened", entry.key(), entry.delete() + wide.add())

    def _elements_are_counted(self) -> Iterator[Mutant]:
        for entry in self._some(self._leaves):
            other = _Entry(entry.map, entry.types, entry.parts, "somebody_else", entry.verdict)
            yield self._command("counted as another", entry.key(), entry.delete() + other.add())
            bare = f"add element {_TABLE} {entry.map} {{ {entry.key()} : {entry.verdict} }}\n"
            yield self._command("not counted", entry.key(), entry.delete() + bare)

    def _maps(self) -> Iterator[Mutant]:
        for body in self._some(b for b in self._bodies("map") if "flags" in b):
            name = body["name"]
            head = f"map {name} {{\n"
            at = self.text.find(head)
            flags = self.text.find("flags interval", at)
            for kind, new in (
                ("set flag timeout", "flags interval, timeout"),
                ("set timeout", "flags interval, timeout; timeout 1h"),
                ("set flag constant", "flags interval, constant"),
            ):
                yield Mutant(
                    kind,
                    name,
                    self.text[:flags] + self.text[flags:].replace("flags interval", new, 1),
                )
            yield self._command("map emptied", name, f"flush map {_TABLE} {name}\n")

    def _rules_come_and_go(self) -> Iterator[Mutant]:
        for rule in self._bodies("rule"):
            chain, handle = rule["chain"], rule["handle"]
            delete = f"delete rule {_TABLE} {chain} handle {handle}\n"
            yield self._command("rule deleted", f"{chain} # {handle}", delete)
        for chain in self._some(self._chains):
            for kind, words in (
                ("rule accepts all", "accept"),
                ("rule accepts a port", f"tcp dport {_FAR_PORT} accept"),
                ("rule accepts an address", "ip saddr 192.0.2.1 accept"),
                ("rule accepts an interface", 'iifname "eth9" accept'),
                ("rule drops silently", "drop"),
                ("rule rejects", "reject"),
                ("rule limits", "limit rate 1/second accept"),
                ("rule looks at a mark", "meta mark 0x7 accept"),
                ("rule sets a mark", "meta mark set 0x7"),
                ("rule skips tracking", "ct mark set 0x7"),
                ("rule logs more", 'log prefix "somebody:" group 5'),
                ("rule looks at a port of anything", f"th dport {_FAR_PORT} accept"),
                ("rule looks at raw bytes", "@th,0,16 1 accept"),
                ("rule returns", "return"),
                ("rule goes on and accepts", "meta nfproto ipv4 continue accept"),
                ("look-up goes on and accepts", "ip saddr vmap { 0.0.0.0/0 : continue } accept"),
            ):
                yield self._command(kind, chain, f"insert rule {_TABLE} {chain} {words}\n")

    def _rules_change(self) -> Iterator[Mutant]:
        for chain in self._exits:
            handle = self._chains[chain][0]["handle"]
            replace = f"replace rule {_TABLE} {chain} handle {handle}"
            yield self._command("exit widened", chain, f"{replace} accept\n")
            yield self._command("exit moved", chain, f'{replace} oifname "eth9" accept\n')
            turned = f'{replace} oifname != "eth9" accept\n'
            yield self._command("exit turned round", chain, turned)
        for chain, rules in self._chains.items():
            version_6 = [r["handle"] for r in rules if _looks_at(r, "ip6")]
            if version_6 and not chain.startswith(_HOOKS):
                commands = (f"delete rule {_TABLE} {chain} handle {h}\n" for h in version_6)
                yield self._command("v6 twin missing", chain, "".join(commands))
        for chain in dict.fromkeys((*_HOOKS, *self._some(self._chains))):
            for rule in self._chains[chain][:-1]:
                place = f"{chain} # {rule['handle']}"
                edit = _swap(chain, rule["handle"])
                yield Mutant("rules reordered", place, self.text, edit=edit)
        for chain, rules in self._some(self._chains.items()):
            last = rules[-1]
            target = last["expr"][-1].get("goto", {}).get("target")
            if target and "comment" not in last:
                replace = f"replace rule {_TABLE} {chain} handle {last['handle']}"
                yield self._command("goto made jump", chain, f"{replace} jump {target}\n")
                wrong = "refuse_untracked" if target != "refuse_untracked" else "refuse_no_policy"
                yield self._command("goto elsewhere", chain, f"{replace} goto {wrong}\n")

    def _records(self) -> Iterator[Mutant]:
        refusals = (chain for chain in self._chains if chain.startswith("refuse_"))
        for chain in self._some(refusals):
            rules = self._chains[chain]
            reason = chain.removeprefix("refuse_")
            replace = f"replace rule {_TABLE} {chain} handle {rules[0]['handle']}"
            count, log = f"counter name refused_{reason}", f'log prefix "loushan:{reason}"'
            for kind, rule in (
                ("log deleted", f"{count} drop"),
                ("counter deleted", f"{log} group 5 drop"),
                ("log prefix changed", f'{count} log prefix "quiet" group 5 drop'),
                ("log group changed", f"{count} {log} group 6 drop"),
                ("log cut short", f"{count} {log} group 5 snaplen 8 drop"),
                ("log limited", f"{count} limit rate 1/hour {log} group 5 drop"),
                ("counter changed", f"counter {log} group 5 drop"),
                ("refusal accepts", f"{count} {log} group 5 accept"),
                ("refusal returns", f"{count} {log} group 5 return"),
            ):
                yield self._command(kind, chain, f"{replace} {rule}\n")

    def _fixed_rules(self) -> Iterator[Mutant]:
        for hook in _HOOKS:
            start = self.text.find(f"chain {hook} {{")
            for kind, old, new in (
                (
                    "new state accepted",
                    "established : accept,",
                    "established : accept, new : accept,",
                ),
                (
                    "invalid state accepted",
                    "invalid : goto refuse_invalid_state",
                    "invalid : accept",
                ),
                ("untracked accepted", "untracked : goto refuse_untracked", "untracked : accept"),
                ("established refused", "established : accept, ", ""),
                ("neighbours from afar", " ip6 hoplimit 255 accept", " accept"),
                ("neighbours misled", "nd-neighbor-advert }", "nd-neighbor-advert, 137 }"),
                ("loopback opened", 'ifname "lo" accept', 'ifname { "lo", "eth9" } accept'),
            ):
                at = self.text.find(old, start)
                if 0 <= at < self.text.find("\n\t}", start):
                    text = self.text[:at] + new + self.text[at + len(old) :]
                    yield Mutant(kind, hook, text)

    def _stamps(self) -> Iterator[Mutant]:
        for hook in _HOOKS:
            rule = self._chains[hook][-1]
            target = rule["expr"][-1]["goto"]["target"]
            replace = f"replace rule {_TABLE} {hook} handle {rule['handle']} goto"
            yield self._command("stamp removed", hook, f"{replace} {target}\n")
            other = rule.get("comment", "").replace("sha256 ", "sha256 f")
            yield self._command("stamp changed", hook, f'{replace} {target} comment "{other}"\n')
            bare = f"{replace} refuse_no_policy\n"
            yield self._command("policy unhooked", hook, bare)
            wrong = self._chains[_HOOKS[_HOOKS.index(hook) - 1]][-1]["expr"][-1]["goto"]["target"]
            told = f'comment "{rule.get("comment", "")}"'
            yield self._command("hooks mixed up", hook, f"{replace} {wrong} {told}\n")

    def _foreign(self) -> Iterator[Mutant]:
        for family, hook in (
            ("ip", "forward"),
            ("ip6", "forward"),
            ("inet", "input"),
            ("arp", "input"),
            ("bridge", "forward"),
        ):
            for verdict in ("accept", "drop"):
                yield self._command(
                    f"foreign table, {verdict}",
                    f"{family} {hook}",
                    f"add table {family} other\nadd chain {family} other early "
                    f"{{ type filter hook {hook} priority -200; policy {verdict}; }}\n",
                )
        netdev = "type filter hook ingress device lo priority 0; policy accept;"
        for kind, hook in (
            ("foreign nat", "type nat hook prerouting priority dstnat; policy accept;"),
            ("foreign nat", "type nat hook postrouting priority srcnat; policy accept;"),
            ("foreign raw", "type filter hook prerouting priority raw; policy accept;"),
        ):
            yield self._command(
                kind, hook, f"add table ip other\nadd chain ip other early {{ {hook} }}\n"
            )
        yield self._command(
            "foreign ingress",
            "lo",
            f"add table netdev other\nadd chain netdev other x {{ {netdev} }}\n",
        )
        yield self._command("foreign table, empty", "ip", "add table ip other\n")
        early = "type filter hook forward priority -200; policy accept;"
        same = f"add chain {_TABLE} early {{ {early} }}\n"
        yield self._command("chain before ours", "forward", same)
        masked = same.replace("accept; }", "drop; }")
        yield self._command("chain before ours", "forward drop", masked)
        nat = f"add chain {_TABLE} twist {{ type nat hook prerouting priority -100; }}\n"
        rule = f"add rule {_TABLE} twist tcp dport 80 redirect to :8080\n"
        yield self._command("nat in our table", "prerouting", nat + rule)

    def _objects(self) -> Iterator[Mutant]:
        for kind, command in (
            ("table dormant", "add table inet loushan { flags dormant; }"),
            ("chain unused", f"add chain {_TABLE} sleeper"),
            ("map unused", f"add map {_TABLE} sleeper {{ type ipv4_addr : verdict; }}"),
            ("set added", f"add set {_TABLE} sleeper {{ type ipv4_addr; }}"),
            ("quota added", f"add quota {_TABLE} sleeper {{ over 10 mbytes }}"),
            ("limit added", f"add limit {_TABLE} sleeper {{ rate 10/second }}"),
            ("helper added", f'add ct helper {_TABLE} sleeper {{ type "ftp" protocol tcp; }}'),
        ):
            yield self._command(kind, _TABLE, command + "\n")
        for chain in self._some(self._exits):
            after = f"add rule {_TABLE} {chain} accept\n"
            yield self._command("rule that is never met", chain, after)
        devices = {"flowtable": {"family": "inet", "name": "fast", "table": "loushan", "dev": "lo"}}
        yield Mutant("flowtable", _TABLE, self.text, edit=lambda items: items.append(devices))
        for word in ("table", "chain", "map", "rule", "counter"):
            yield Mutant("word unknown", word, self.text, edit=_with_word(word))
        strange = {"firewall": {"family": "inet", "name": "other", "table": "loushan"}}
        yield Mutant("object unknown", _TABLE, self.text, edit=lambda items: items.append(strange))

    def _harmless(self) -> Iterator[Mutant]:
        """Change the text but not what it does; of some only nft could tell."""
        for chain in self._some(self._chains):
            counted = f"insert rule {_TABLE} {chain} counter\n"
            yield self._command("anonymous counter", chain, counted)
        for entry in self._some(self._leaves):
            halves = (entry.with_part(0, half) for half in _halves(entry.parts[0]))
            commands = entry.delete() + "".join(half.add() for half in halves)
            yield self._command("element in two halves", entry.key(), commands)


def kinds(mutants: Sequence[Mutant]) -> Mapping[str, list[Mutant]]:
    """Sort mutants by kind, in the order they were made."""
    found: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        found.setdefault(mutant.kind, []).append(mutant)
    return found


def _entry(body: Mapping[str, Any], element: Any) -> _Entry:  # noqa: ANN401 - nft's JSON
    value, verdict = element
    inner = value["elem"] if isinstance(value, dict) and "elem" in value else {"val": value}
    key = inner["val"]
    parts = key["concat"] if isinstance(key, dict) and "concat" in key else [key]
    types = [body["type"]] if isinstance(body["type"], str) else body["type"]
    ((kind, detail),) = verdict.items()
    words = f"{kind} {detail['target']}" if detail else kind
    return _Entry(
        body["name"], tuple(types), tuple(map(_part, parts)), inner.get("comment", ""), words
    )


def _part(value: Any) -> str:  # noqa: ANN401 - as above
    if isinstance(value, dict) and "prefix" in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    if isinstance(value, dict) and "range" in value:
        return "-".join(map(str, value["range"]))
    return str(value)


def _widened(part: str) -> str:
    network = ip_network(part)
    length = max(network.prefixlen - 4, min(_LOWEST_PREFIX[network.version], network.prefixlen))
    return str(network.supernet(new_prefix=length))


def _halves(part: str) -> list[str]:
    network = ip_network(part)
    if network.prefixlen == network.max_prefixlen:
        return [part]
    return [str(half) for half in network.subnets()]


def _strange(part: str) -> str:
    """Give a network that no plan has: one of those kept for documents (RFC 5737, 3849)."""
    return "192.0.2.0/24" if ip_network(part).max_prefixlen == _V4_BITS else "2001:db8::/64"


def _other_protocol(part: str) -> str:
    return "17" if part == "6" else "6"


def _wider_port(part: str) -> str:
    low, _, high = part.partition("-")
    return f"{low}-{int(high or low) + 1}"


def _is_exit(rules: list[dict[str, Any]]) -> bool:
    first = rules[0]["expr"]
    match = first[0].get("match", {})
    return (
        len(rules) > 1
        and match.get("left") == {"meta": {"key": "oifname"}}
        and match.get("right") != "lo"
        and first[-1] == {"accept": None}
    )


def _looks_at(rule: Mapping[str, Any], header: str) -> bool:
    return f"'protocol': '{header}'" in str(rule["expr"])


def _swap(chain: str, handle: int) -> Callable[[Listing], None]:
    """Exchange a rule with the next one of its chain."""

    def edit(items: Listing) -> None:
        places = [i for i, item in enumerate(items) if item.get("rule", {}).get("chain") == chain]
        first = next(n for n, i in enumerate(places) if items[i]["rule"]["handle"] == handle)
        a, b = places[first], places[first + 1]
        items[a], items[b] = items[b], items[a]

    return edit


def _with_word(kind: str) -> Callable[[Listing], None]:
    """Give an object a word that no version of nft has."""

    def edit(items: Listing) -> None:
        next(item[kind] for item in items if kind in item)["sleeping"] = True

    return edit
