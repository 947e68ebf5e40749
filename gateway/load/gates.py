"""Bring what gates let pass into force in the running proxy, all of it at one moment.

The maps of the next generation are put beside those in force; then one entry
changes, which says the letter; then what is over is taken out.  Whoever is
being served is served on: no request meets half of the one and half of the
other.  What is under way and would not pass any more is ended with the change.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from gateway.artefacts import GateMaps, Generation
from gateway.errors import Refused, problem
from gateway.haproxy import Haproxy, HaproxyRefused
from gateway.load.streams import Stream, end_streams, passes_by

#: Within this every request that has begun to be judged is judged; it takes a fraction of it.
_JUDGED_SECONDS = 0.2

_CURRENT, _REVOKED, _TOKENS = "current", "revoked", "tokens"


@dataclass(frozen=True, slots=True)
class Proxy:
    """The running proxy of this host, and the folder that it began its maps from."""

    haproxy: Haproxy
    folder: PurePosixPath

    def file(self, name: str) -> str:
        """Give how the proxy calls a map."""
        return str(self.folder / f"{name}.map")


def bring_into_force(
    proxy: Proxy, maps: GateMaps, revision: int, until: datetime
) -> tuple[Stream, ...]:
    """Have the maps of a generation be those in force; it must not be in force already.

    `until` is the moment from which nothing passes any more, unless `prolong` moves it.
    What is given is what was under way and was ended, as nothing grants it any more.

    Raises:
        Refused: ZG530, the proxy does not take them, or this generation is in force: its maps
            change one after the other, and requests would be judged by half of each.  Which one
            is in force afterwards, the proxy says: where only what is over could not be taken
            out, it is the new one.
    """
    old = f"{maps.generation.other}:"
    with _told():
        if _held(proxy)[:1] == [maps.generation]:
            raise Refused(problem("ZG530", error=f"generation {maps.generation} is in force"))
        for name, new in maps.maps.items():
            before = proxy.haproxy.entries(proxy.file(name))
            kept = {key: value for key, value in before.items() if key.startswith(old)}
            proxy.haproxy.replace(proxy.file(name), {**kept, **new})
        current = in_force(maps.generation, revision, until)
        proxy.haproxy.replace(proxy.file(_CURRENT), current)
        # A request that is being judged this moment has begun by the old letter.
        time.sleep(_JUDGED_SECONDS)
        for name, new in maps.maps.items():
            proxy.haproxy.replace(proxy.file(name), new)
        proxy.haproxy.replace(proxy.file(f"zones_{maps.generation.other}"), {})
        return end_streams(proxy.haproxy, passes_by(maps, (), datetime.now(UTC)))


def end_what_is_over(
    proxy: Proxy, maps: GateMaps, revoked: Collection[str], at: datetime
) -> tuple[Stream, ...]:
    """End what is under way and would not begin at this moment, by the maps that are in force.

    Hours and delegations end without anybody's doing, so this is to be done every second.  Where
    nothing is in force any more, all of it ends.

    Raises:
        Refused: ZG530, the proxy cannot be asked.
    """
    with _told():
        match _held(proxy):
            case [letter, _, until] if letter == maps.generation and at.timestamp() < int(until):
                return end_streams(proxy.haproxy, passes_by(maps, revoked, at))
            case _:
                return end_streams(proxy.haproxy, lambda _stream: False)


def prolong(proxy: Proxy, until: datetime) -> None:
    """Have what is in force be so until a later moment: it was proven once more.

    Raises:
        Refused: ZG530, the proxy does not take it, or nothing is in force.
    """
    with _told():
        match _held(proxy):
            case [generation, revision, _]:
                current = in_force(Generation(generation), int(revision), until)
                proxy.haproxy.replace(proxy.file(_CURRENT), current)
            case _:
                raise Refused(problem("ZG530", error="-"))


def close(proxy: Proxy) -> tuple[Stream, ...]:
    """Have nothing in force: every request is refused, on open connections too, and all ends.

    Raises:
        Refused: ZG530, the proxy does not take it.
    """
    with _told():
        proxy.haproxy.replace(proxy.file(_CURRENT), {})
        time.sleep(_JUDGED_SECONDS)
        return end_streams(proxy.haproxy, lambda _stream: False)


def revoke(proxy: Proxy, revoked: Mapping[str, str]) -> tuple[Stream, ...]:
    """Have these certificates refused, and no others, and what they have under way ended.

    `revoked` has the time of each by its authority and serial number, as in `people/3A0F`.

    Raises:
        Refused: ZG530, the proxy does not take them; what was revoked still is.
    """
    with _told():
        proxy.haproxy.replace(proxy.file(_REVOKED), revoked)
        time.sleep(_JUDGED_SECONDS)
        return end_streams(proxy.haproxy, lambda stream: stream.certificate not in revoked)


def tell(proxy: Proxy, tokens: Mapping[str, str]) -> None:
    """Have applications told who asks by these tokens, each by its subject, zone and host.

    Raises:
        Refused: ZG530, the proxy does not take them.
    """
    with _told():
        proxy.haproxy.replace(proxy.file(_TOKENS), tokens)


def beginning(
    maps: GateMaps,
    current: Mapping[str, str],
    revoked: Mapping[str, str],
    tokens: Mapping[str, str],
) -> Mapping[str, Mapping[str, str]]:
    """Give every map that a proxy begins with, by its name, to serve from its first moment on.

    `current` is what `in_force` gives; with nothing in force it refuses until it is told.
    """
    other = {f"zones_{maps.generation.other}": dict[str, str]()}
    return {**maps.maps, **other, _CURRENT: current, _REVOKED: revoked, _TOKENS: tokens}


@contextmanager
def _told() -> Iterator[None]:
    """Have what the proxy does not take be a refusal of ours."""
    try:
        yield
    except HaproxyRefused as fault:
        raise Refused(problem("ZG530", error=fault)) from fault


def in_force(generation: Generation, revision: int, until: datetime) -> Mapping[str, str]:
    """Give the map that says what is in force: one entry, for the proxy looks it up once."""
    return {"policy": f"{generation}|{revision}|{int(until.timestamp())}"}


def _held(proxy: Proxy) -> list[str]:
    """Read what is in force: its letter, its revision and its end; nothing where none is."""
    return proxy.haproxy.entries(proxy.file(_CURRENT)).get("policy", "").split("|")
