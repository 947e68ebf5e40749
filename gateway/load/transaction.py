"""The text of each transaction.

Pure: from what is wanted and what the kernel holds to what nft is told.  A
chain with a hook is never taken down, and while it stands as it should only
its last rule is ever replaced: whoever is in the middle of the old rules goes
on with them to the end.
"""

import re
from collections.abc import Mapping

from gateway.artefacts import (
    TABLE,
    Counts,
    Generation,
    Ruleset,
    render_elements,
)
from gateway.compile.scaffold import HOOKS
from gateway.load.difference import Delta, key_of
from gateway.load.inforce import NO_POLICY_CHAIN, InForce
from gateway.load.listing import LiveElement, LiveGeneration, Outline, chains_in

_OURS = f"inet {TABLE}"
_BRACES = re.compile(r"\{ (?P<items>[^{}]*) \}")


def is_intact(scaffold: str, live: Mapping[str, tuple[str, ...]]) -> bool:
    """Tell whether the scaffold's chains stand as they should, each hook with its one last rule.

    `live` are the chains that there are, the scaffold's and others.
    """
    return all(
        _stands(lines, live.get(name, ()), hook=name in HOOKS)
        for name, lines in chains_in(scaffold).items()
    )


def is_closed(scaffold: str, outline: Outline) -> bool:
    """Tell whether the intact scaffold is all there is, and its hooks lead to refusal."""
    ends = [outline.last_rules.get(hook) for hook in HOOKS]
    return (
        is_intact(scaffold, outline.chains)
        and outline.hooked >= {*HOOKS}
        and outline.chains.keys() == chains_in(scaffold).keys()
        and all(last is not None and last.target == NO_POLICY_CHAIN for last in ends)
    )


def lead(outline: Outline, target: InForce | None) -> str:
    """Lead all three hooks of an intact scaffold into a generation, or to refusal."""
    return "".join(
        # In one transaction this is `replace rule`, for which nft would first read
        # everything that the kernel holds.
        f"delete rule {_OURS} {hook} handle {outline.last_rules[hook].handle}\n"
        f"add rule {_OURS} {hook} {_last_rule(hook, target)}\n"
        for hook in HOOKS
    )


def mend(scaffold: str, outline: Outline, target: InForce | None) -> str:
    """Write the scaffold anew, leading where it led; adding what is there changes nothing."""
    flushed = sorted(chains_in(scaffold).keys() & outline.chains.keys())
    return "".join(f"flush chain {_OURS} {chain}\n" for chain in flushed) + _anew(scaffold, target)


def closed(scaffold: str) -> str:
    """Put up the scaffold where no table is; every hook leads to refusal."""
    return _anew(scaffold, None)


def begin_anew(scaffold: str) -> str:
    """Delete our table and put up the scaffold alone, which refuses everything."""
    return f"delete table {_OURS}\n" + _anew(scaffold, None)


def apply_delta(delta: Delta, generation: Generation) -> str:
    """Add and delete the elements of a delta."""
    lines = [
        _elements("delete", generation, change.name, _keys(change.deleted))
        for change in delta.maps
        if change.deleted
    ]
    lines += [
        _elements("add", generation, change.name, render_elements(change.added, generation))
        for change in delta.maps
        if change.added
    ]
    return "".join(lines)


def undo_delta(delta: Delta, generation: Generation) -> str:
    """Put back what a delta deleted, with what it had counted, and delete what it added."""
    lines = [
        _elements("delete", generation, change.name, ", ".join(e.key for e in change.added))
        for change in delta.maps
        if change.added
    ]
    lines += [
        _elements("add", generation, change.name, ", ".join(map(_restored, change.deleted)))
        for change in delta.maps
        if change.deleted
    ]
    return "".join(lines)


def clean(scaffold: str, outline: Outline, keep: Generation | None) -> str:
    """Delete from our table whatever is neither the scaffold nor the generation to keep.

    Empty where there is nothing to delete.
    """
    ours = chains_in(scaffold).keys()
    chains = sorted(n for n in outline.chains if n not in ours and not _of(keep, n))
    maps = sorted(n for n in outline.maps if not _of(keep, n))
    others = [
        f"delete {kind} {_OURS} {name}\n"
        for kind, name in outline.others
        if kind in _DELETABLE and not (kind == "counter" and f"counter {name} " in scaffold)
    ]
    return "".join(
        [
            # Rules first: they hold the maps, and the maps' elements hold the chains.
            *(f"flush chain {_OURS} {name}\n" for name in chains),
            *(f"delete map {_OURS} {name}\n" for name in maps),
            *(f"delete chain {_OURS} {name}\n" for name in chains),
            *others,
        ]
    )


_DELETABLE = frozenset({"set", "flowtable", "counter", "quota", "limit"})


def counts(ruleset: Ruleset, live: LiveGeneration, generation: Generation) -> Counts:
    """Give what the live elements counted that the new generation has again, key and origin."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for verdict_map in ruleset.maps:
        live_map = live.maps.get(f"{generation}_{verdict_map.name}")
        if live_map is None or live_map.key_type != verdict_map.key_type:
            continue
        for element in verdict_map.elements:
            before = live_map.elements.get(key_of(verdict_map, element))
            if before is not None and before.origin == element.origin and before.packets:
                found[verdict_map.name, element.key] = (before.packets, before.octets)
    return found


def _anew(scaffold: str, target: InForce | None) -> str:
    rules = (f"add rule {_OURS} {hook} {_last_rule(hook, target)}\n" for hook in HOOKS)
    return "".join([scaffold, *rules])


def _stands(wanted: tuple[str, ...], live: tuple[str, ...], *, hook: bool) -> bool:
    if hook:
        if not live or not live[-1].startswith("goto "):
            return False
        live = live[:-1]
    return tuple(map(_plain, wanted)) == tuple(map(_plain, live))


def _plain(line: str) -> str:
    """Bring a line into one form: nft orders what is between braces as it likes, and quotes."""

    def in_order(match: re.Match[str]) -> str:
        return ",".join(sorted(match["items"].split(", ")))

    return _BRACES.sub(in_order, line.replace('"', ""))


def _last_rule(hook: str, target: InForce | None) -> str:
    if target is None:
        return f"goto {NO_POLICY_CHAIN}"
    return f'goto {target.generation}_{hook} comment "{target.stamp}"'


def _elements(verb: str, generation: Generation, name: str, elements: str) -> str:
    return f"{verb} element {_OURS} {generation}_{name} {{ {elements} }}\n"


def _keys(elements: tuple[LiveElement, ...]) -> str:
    return ", ".join(element.text for element in elements)


def _restored(element: LiveElement) -> str:
    comment = f' comment "{element.origin}"' if element.origin else ""
    counter = f"counter packets {element.packets} bytes {element.octets}"
    return f"{element.text} {counter}{comment} : {element.verdict}"


def _of(generation: Generation | None, name: str) -> bool:
    return generation is not None and name.startswith(f"{generation}_")
