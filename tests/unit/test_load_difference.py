"""Delta or swap, and the keys that the choice compares."""

from dataclasses import replace

import pytest

from gateway.artefacts import Chain, Element, Generation, Ruleset, VerdictMap
from gateway.load.difference import Delta, difference
from gateway.load.keys import key_of_text, overlap, text_of_listing
from gateway.load.listing import LiveElement, LiveGeneration, LiveMap

FLOW = ("ipv4_addr", "inet_proto", "inet_service")
SOURCE = ("ifname", "ipv4_addr")
KEY_TYPE = " . ".join(FLOW)

WEB = Element("10.1.1.0/24 . tcp . 443", "goto §exit_tax", "hall_to_tax")
DATABASE = Element("10.1.1.0/24 . tcp . 5432", "goto §exit_tax", "hall_to_tax")
VIDEO = Element("10.1.1.0/24 . udp . 6970-6999", "goto §exit_tax", "hall_video")


def ruleset(*elements: Element) -> Ruleset:
    """Make a ruleset of one map and one chain."""
    return Ruleset(
        gateway="city",
        scaffold="",
        maps=(VerdictMap("m", KEY_TYPE, elements),),
        chains=(Chain("c", ("ip daddr . meta l4proto . th dport vmap @§m",)),),
        hooks=(),
    )


def live(*elements: Element) -> LiveGeneration:
    """Say how the kernel would hold that ruleset as generation b."""
    held = {
        key_of_text(FLOW, e.key): LiveElement(e.key, e.verdict.replace("§", "b_"), e.origin, 7, 9)
        for e in elements
    }
    return LiveGeneration(
        chains={"b_c": ("ip daddr . meta l4proto . th dport vmap @b_m",)},
        maps={"b_m": LiveMap(KEY_TYPE, plain=True, ranges=True, elements=held)},
    )


def changed(found: Delta | None) -> tuple[set[str], set[str]]:
    """Give the keys that a delta adds and deletes."""
    assert found is not None
    return (
        {e.key for m in found.maps for e in m.added},
        {e.text for m in found.maps for e in m.deleted},
    )


# --- delta or swap ------------------------------------------------------------------------


def test_the_same_policy_is_an_empty_delta() -> None:
    """Nothing is touched where nothing changed."""
    found = difference(ruleset(WEB, VIDEO), live(WEB, VIDEO), Generation.B)

    assert found == Delta(())


def test_a_small_change_is_a_delta_of_just_that() -> None:
    """Only what is new is added and only what is gone is deleted."""
    found = difference(ruleset(WEB, VIDEO), live(WEB, DATABASE), Generation.B)

    assert changed(found) == ({VIDEO.key}, {DATABASE.key})


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(replace(WEB, verdict="goto §exit_hall"), id="another verdict for a key"),
        pytest.param(replace(WEB, origin="hall_to_records"), id="another conduit for a key"),
        pytest.param(replace(WEB, key="10.1.0.0/16 . tcp . 443"), id="a wider network"),
        pytest.param(replace(WEB, key="10.1.1.7 . tcp . 443"), id="a host of the network"),
        pytest.param(replace(WEB, key="10.1.1.0/24 . tcp . 400-500"), id="a range around it"),
    ],
)
def test_what_overlaps_what_it_replaces_is_a_swap(wanted: Element) -> None:
    """Between deletion and addition a permitted packet would find neither."""
    assert difference(ruleset(wanted), live(WEB), Generation.B) is None


def test_a_map_or_chain_more_is_a_swap() -> None:
    """A delta changes elements and nothing else."""
    with_map = ruleset(WEB)
    with_map = replace(with_map, maps=(*with_map.maps, VerdictMap("n", KEY_TYPE, (WEB,))))
    with_chain = ruleset(WEB)
    with_chain = replace(with_chain, chains=(*with_chain.chains, Chain("d", ("drop",))))

    assert difference(with_map, live(WEB), Generation.B) is None
    assert difference(with_chain, live(WEB), Generation.B) is None


def test_a_rule_that_somebody_changed_is_a_swap() -> None:
    """What is not as it was compiled is not built upon."""
    tampered = replace(live(WEB), chains={"b_c": ("accept",)})

    assert difference(ruleset(WEB), tampered, Generation.B) is None


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param(
            LiveMap(KEY_TYPE, plain=False, ranges=True, elements={}), id="with another flag"
        ),
        pytest.param(
            LiveMap("ipv4_addr", plain=True, ranges=True, elements={}), id="of another type"
        ),
    ],
)
def test_a_map_that_somebody_declared_otherwise_is_a_swap(declared: LiveMap) -> None:
    """What is not as it was compiled is not built upon."""
    tampered = replace(live(WEB), maps={"b_m": declared})

    assert difference(ruleset(WEB), tampered, Generation.B) is None


@pytest.mark.parametrize(("deleted", "is_delta"), [(9, True), (11, False)])
def test_many_deletions_in_a_big_map_are_a_swap(*, deleted: int, is_delta: bool) -> None:
    """The kernel deletes slowly from a big map; a swap is quicker then."""
    elements = [replace(WEB, key=f"10.1.1.0/24 . tcp . {port}") for port in range(1, 1001)]

    found = difference(ruleset(*elements[deleted:]), live(*elements), Generation.B)

    assert (found is not None) is is_delta


# --- keys ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "value", "text"),
    [
        pytest.param(
            FLOW,
            {"concat": [{"prefix": {"addr": "10.1.0.0", "len": 16}}, "tcp", 443]},
            "10.1.0.0/16 . tcp . 443",
            id="network and port",
        ),
        pytest.param(
            FLOW,
            {"concat": ["10.1.1.1", "udp", {"range": [6970, 6999]}]},
            "10.1.1.1 . udp . 6970-6999",
            id="host and ports",
        ),
        pytest.param(
            SOURCE,
            {"concat": ["office", {"range": ["10.1.0.5", "10.1.0.9"]}]},
            '"office" . 10.1.0.5-10.1.0.9',
            id="interface and range",
        ),
        pytest.param(
            ("ipv6_addr",), {"prefix": {"addr": "fd00::", "len": 64}}, "fd00::/64", id="one field"
        ),
    ],
)
def test_a_listed_key_is_written_as_a_ruleset_writes_it(
    kinds: tuple[str, ...], value: object, text: str
) -> None:
    """What the kernel lists can be compared with what it was given, and given again."""
    assert text_of_listing(kinds, value) == text
    assert key_of_text(kinds, text)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"concat": ["10.1.1.1", "tcp"]}, id="a field short"),
        pytest.param({"set": []}, id="a form that is not known"),
        pytest.param({"concat": [{"&": [1, 2]}, "tcp", 443]}, id="a field that is not known"),
    ],
)
def test_a_listing_that_is_not_understood_is_not_guessed(value: object) -> None:
    """It is an error, which the loader answers with a swap."""
    with pytest.raises(ValueError, match="not a"):
        text_of_listing(FLOW, value)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("10.1.0.0/16 . tcp . 1-100", "10.1.1.1 . tcp . 100", True),
        ("10.1.0.0/16 . tcp . 1-100", "10.1.1.1 . tcp . 101", False),
        ("10.1.0.0/16 . tcp . 443", "10.1.0.0/16 . udp . 443", False),
        ("10.1.0.0/16 . tcp . 443", "10.2.0.0/16 . 6 . 443", False),
        ("10.1.0.0-10.2.0.0 . tcp . 443", "10.2.0.0/16 . 6 . 443", True),
    ],
)
def test_keys_overlap_where_some_packet_has_both(*, one: str, other: str, expected: bool) -> None:
    """Every field has to, in whatever way it is written."""
    assert overlap(key_of_text(FLOW, one), key_of_text(FLOW, other)) is expected


def test_interfaces_overlap_only_with_themselves() -> None:
    """A name is not a range of names."""
    office, other = (key_of_text(SOURCE, f'"{n}" . 10.0.0.0/8') for n in ("office", "officf"))

    assert overlap(office, office)
    assert not overlap(office, other)
