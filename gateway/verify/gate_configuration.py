"""What the conditions, servers and limits of a configuration are where nobody has changed them.

A running HAProxy calls its configuration by its digest and goes on doing so when
somebody has changed, at its control socket, what a condition compares with,
where a backend leads or how much is taken.  So all are read out of the signed
text here, and compared.
"""

import shlex
from collections.abc import Iterator, Mapping

from gateway.haproxy import IN_ALL

#: A comparison of whole numbers is kept as the least and the greatest that are meant.
_RANGES = {"eq": "{0}", "gt": "{1}:", "le": ":{0}"}


def conditions_of(text: str) -> Mapping[int, tuple[str, ...]]:
    """Give what the conditions compare with, by the line they are on; most compare with nothing."""
    found = ((number, tuple(_patterns(line))) for number, line in enumerate(text.split("\n"), 1))
    return {number: patterns for number, patterns in found if patterns}


def servers_of(text: str) -> Mapping[str, str]:
    """Give where the backends lead, as `Haproxy.servers` does: by TLS, and in service."""
    found: dict[str, str] = {}
    backend = ""
    for words in map(str.split, text.split("\n")):
        match words:
            case ["backend", backend]:
                pass
            case ["server", name, endpoint, *_]:
                address, _, port = endpoint.rpartition(":")
                found[f"{backend}/{name}"] = f"{address.strip('[]')} {port} 1 0"
    return found


def limits_of(text: str) -> Mapping[str, str]:
    """Give how much is taken, as `Haproxy.limits` does: by all alike, and by no server less."""
    lines = [line.split() for line in text.split("\n")]
    most = next((words[1] for words in lines if words[:1] == ["maxconn"]), "")
    frontends = {words[1]: f"OPEN {most}" for words in lines if words[:1] == ["frontend"]}
    return {
        **dict.fromkeys(IN_ALL, "0"),
        "Maxconn": most,
        **frontends,
        **dict.fromkeys(servers_of(text), ""),
    }


def _patterns(line: str) -> Iterator[str]:
    words = shlex.split(line.replace("!{", "{"))
    if words[:1] == ["acl"]:
        yield from _compared_with(words[3:])
    while "{" in words:
        begin, end = words.index("{"), words.index("}")
        yield from _compared_with(words[begin + 2 : end])
        words = words[end + 1 :]


def _compared_with(words: list[str]) -> Iterator[str]:
    """Give the patterns of one condition, which is given without what it looks at."""
    if words[:1] == ["-m"]:
        words = words[2:]
    if words and words[0] in _RANGES:
        number = int(words[1])
        words = [_RANGES[words[0]].format(number, number + 1)]
    yield from words
