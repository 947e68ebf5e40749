"""Whatever is changed in a proxy's maps is found, and said for what it does."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime

import pytest

from gateway.artefacts import Generation
from gateway.compile.gate_maps import compile_maps
from gateway.compile.proxy import compile_proxy
from gateway.errors import Language, Problem
from gateway.policy.plan import read_plan
from gateway.policy.requests import CHINA
from gateway.verify.gate_configuration import conditions_of, limits_of, servers_of
from gateway.verify.gate_proof import FINDINGS_LIMIT, SignedGates, find_in_gates
from gateway.verify.gates import LiveGates
from tests.plans import ROOT, built
from tests.rights import lab_with_rights

LAB, SITE = built(lab_with_rights()), "city"
PROXY = compile_proxy(LAB, SITE)
DIGEST = PROXY.digest
REVOKED = {"people/3A0F", "services/77"}

#: Until then it may be in force.
UNTIL = datetime(2026, 11, 26, 1, 10, 31, tzinfo=CHINA)

SIGNED = SignedGates(LAB, SITE, 7, DIGEST, PROXY.text, {}, {}, REVOKED, UNTIL)

#: Of a map with more entries than this, some are tried.
MOST_OF_A_MAP = 12

Maps = dict[str, dict[str, str]]


def held(letter: Generation = Generation.A) -> Maps:
    """Give what a proxy holds that does what was signed."""
    maps = {name: dict(found) for name, found in compile_maps(LAB, SITE, letter).maps.items()}
    current = {"policy": f"{letter}|7|{int(UNTIL.timestamp())}"}
    revoked = dict.fromkeys(REVOKED, "2026-11-25")
    return {
        **maps,
        "current": current,
        "revoked": revoked,
        "tokens": {},
        f"zones_{letter.other}": {},
    }


def findings(maps: Maps, digest: str = DIGEST) -> list[Problem]:
    """Give what is wrong with it."""
    live = LiveGates(
        digest,
        maps,
        conditions_of(PROXY.text),
        servers_of(PROXY.text),
        limits=limits_of(PROXY.text),
    )
    return list(find_in_gates(SIGNED, live))


@pytest.mark.parametrize("letter", Generation)
def test_what_was_signed_is_proven(letter: Generation) -> None:
    """By either letter."""
    assert findings(held(letter)) == []


def test_the_whole_city_is_proven() -> None:
    """At the site that has most of its gates."""
    plan = read_plan(ROOT / "policy" / "zunyi")
    maps = {**compile_maps(plan, "xinxi", Generation.B).maps, "zones_a": {}, "revoked": {},
            "tokens": {}, "current": {"policy": "b|1|0"}}  # fmt: skip

    signed = SignedGates(plan, "xinxi", 1, "x", "", {}, {}, (), UNTIL)
    live = LiveGates("x", maps, limits=limits_of(""))

    assert not list(find_in_gates(signed, live))


def mutants() -> Iterator[tuple[str, str, Maps]]:
    """Take entries of each map away, change them, and put one beside them."""
    whole = held()
    for name, entries in whole.items():
        for key in sorted(entries)[:: max(1, len(entries) // MOST_OF_A_MAP)]:
            less, other, more = deepcopy(whole), deepcopy(whole), deepcopy(whole)
            del less[name][key]
            other[name][key] = f"x{entries[key]}"
            more[name][f"{key}x"] = entries[key]
            yield "without", f"{name} {key}", less
            if name != "revoked":
                yield "changed", f"{name} {key}", other
            if name != "current":
                yield "beside", f"{name} {key}", more


def test_every_change_of_an_entry_is_found() -> None:
    """Whatever it is."""
    tried = 0
    for change, what, maps in mutants():
        if "zones" in what and change == "beside":
            continue  # no address; the program does not take it
        assert findings(maps), (change, what)
        tried += 1
    assert tried > 150


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda m: m["grants"].update({"a:leader:city.leaders:cases:PUT": "x|0|9|-"}),
                     "ZG692", id="a right that nobody gave"),
        pytest.param(lambda m: m["grants"].pop("a:tax_clerk:tax.office:cases:PUT"),
                     "ZG698", id="a right that is gone"),
        pytest.param(lambda m: m["grants"].update({k: f"{v[:-1]}-" for k, v in m["grants"].items()
                                                   if "office_hours" in v}),
                     "ZG694", id="hours that are longer"),
        pytest.param(lambda m: m["current"].clear(), "ZG691", id="nothing in force"),
        pytest.param(lambda m: m["current"].update(policy="a|6|9"), "ZG694",
                     id="another revision"),
        pytest.param(lambda m: m["current"].update(policy=f"a|7|{int(UNTIL.timestamp()) + 1}"),
                     "ZG689", id="an end that lies too far ahead"),
        pytest.param(lambda m: m["current"].update(policy="a|7"), "ZG689", id="no end"),
        pytest.param(lambda m: m["routes"].update({"b:x/": "cases"}), "ZG695", id="left over"),
        pytest.param(lambda m: m["zones_b"].update({"10.0.0.0/8": "x"}), "ZG695", id="zones, too"),
        pytest.param(lambda m: m["revoked"].pop("people/3A0F"), "ZG696", id="taken after all"),
        pytest.param(lambda m: m["revoked"].update({"people/1": "x"}), "ZG697", id="refused"),
        pytest.param(lambda m: m.update(friends={}), "ZG693", id="a map of somebody else's"),
        pytest.param(lambda m: m.pop("revoked"), "ZG693", id="a map that is missing"),
    ],
)  # fmt: skip
def test_a_change_is_said_for_what_it_does(change: object, code: str) -> None:
    """In both languages."""
    maps = held()
    change(maps)  # type: ignore[operator]  # a table's column

    found = findings(maps)

    assert code in {each.code for each in found}
    for language in Language:
        assert all(each.text(language) and each.advice(language) for each in found)


def test_another_configuration_is_found() -> None:
    """It may judge by other steps, so that maps alone show nothing."""
    assert [each.code for each in findings(held(), "0" * 64)] == ["ZG690"]
    assert [each.code for each in findings(held(), "")] == ["ZG690"]


def test_findings_are_a_few_of_many() -> None:
    """A reader sees what kind of thing is wrong, and not a thousand lines."""
    maps = held()
    maps["grants"].clear()

    assert len(findings(maps)) == FINDINGS_LIMIT
