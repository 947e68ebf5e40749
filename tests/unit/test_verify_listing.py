"""The prover reads nft's JSON: two versions alike, and nothing it does not understand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Refused
from gateway.policy.topology import slices
from gateway.verify.kernel import read
from gateway.verify.proof import Proof, prove
from tests.cities import small_city

LISTINGS = Path(__file__).parent / "listings"
STAMP = "made revision 1 sha256 0123456789abcdef"
GATEWAY = "hill"

Listing = list[dict[str, Any]]


@pytest.fixture(params=["1.0.6", "1.1.3"])
def listing(request: pytest.FixtureRequest) -> Listing:
    """Give what each version of nft says of the same ruleset."""
    text = (LISTINGS / f"nft-{request.param}.json").read_text("utf-8")
    objects: Listing = json.loads(text)["nftables"]
    return objects


def proof_of(listing: Listing, stamp: str | None = STAMP, *, staged: bool = False) -> Proof:
    """Prove a listing against the plan it was made from."""
    plan = small_city()
    text = json.dumps({"nftables": listing})
    return prove(slices(plan)[GATEWAY], plan, stamp, ruleset=text, staged=staged)


def codes(proof: Proof) -> set[str]:
    """Give the codes of a proof's findings."""
    return {finding.code for finding in proof.findings}


def first(listing: Listing, kind: str) -> dict[str, Any]:
    """Give the first object of a kind, to be changed in place."""
    found: dict[str, Any] = next(item[kind] for item in listing if kind in item)
    return found


def test_either_version_is_proven(listing: Listing) -> None:
    """What both versions list of a right ruleset is the policy, every object accounted for."""
    proof = proof_of(listing)

    assert proof.findings == ()
    assert sum(proof.accounted.values()) - proof.accounted["element"] == len(listing) - 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda m: m.update(flags="interval"), id="one flag as a word"),
        pytest.param(lambda m: m.update(size=65536), id="a size"),
        pytest.param(lambda m: m.update({"auto-merge": True}), id="merging"),
        pytest.param(lambda m: m.update(comment="zones"), id="a comment"),
    ],
)
def test_what_changes_nothing_is_understood(
    listing: Listing, change: Callable[[dict[str, Any]], None]
) -> None:
    """Words that other versions print, or that change no verdict, are no findings."""
    change(first(listing, "map"))

    assert proof_of(listing).holds


@pytest.mark.parametrize(
    ("kind", "change", "code"),
    [
        pytest.param("map", {"flags": ["interval", "timeout"]}, "ZG601", id="a set's flag"),
        pytest.param("map", {"timeout": 60}, "ZG601", id="a set's time limit"),
        pytest.param("map", {"map": "mark"}, "ZG601", id="a map to something else"),
        pytest.param("map", {"stmt": [{"limit": {}}]}, "ZG601", id="a statement of each element"),
        pytest.param("chain", {"dev": "office"}, "ZG601", id="a chain's device"),
        pytest.param("table", {"flags": ["dormant"]}, "ZG608", id="a table that sleeps"),
        pytest.param("table", {"owner": 7}, "ZG601", id="a table's owner"),
        pytest.param("counter", {"burst": 1}, "ZG601", id="a word of a counter"),
        pytest.param("rule", {"position": 1}, "ZG601", id="a word of a rule"),
        pytest.param("rule", {"expr": [{"xt": None}]}, "ZG601", id="a rule nft cannot say"),
        pytest.param("rule", {"expr": "drop"}, "ZG601", id="a rule that is no list"),
    ],
)
def test_what_is_not_understood_is_a_finding(
    listing: Listing, kind: str, change: dict[str, Any], code: str
) -> None:
    """An unknown word of a known object is not passed over."""
    first(listing, kind).update(change)

    assert code in codes(proof_of(listing))


@pytest.mark.parametrize(
    ("added", "code"),
    [
        pytest.param({"firewall": {"family": "inet", "table": "loushan"}}, "ZG601", id="unknown"),
        pytest.param(
            {"flowtable": {"family": "inet", "table": "loushan", "name": "f", "dev": ["a"]}},
            "ZG606",
            id="a flowtable",
        ),
        pytest.param(
            {"set": {"family": "inet", "table": "loushan", "name": "s", "type": "mark"}},
            "ZG601",
            id="a set",
        ),
        pytest.param(
            {"table": {"family": "ip", "name": "nat", "handle": 9}}, "ZG602", id="a table"
        ),
        pytest.param(
            {"chain": {"family": "inet", "table": "loushan", "name": "b_x", "handle": 900}},
            "ZG605",
            id="a chain that nothing uses",
        ),
        pytest.param(
            {
                "rule": {
                    "family": "inet",
                    "table": "loushan",
                    "chain": "forward",
                    "handle": 901,
                    "expr": [{"accept": None}],
                }
            },
            "ZG605",
            id="a rule that no packet meets",
        ),
    ],
)
def test_an_object_too_many_is_a_finding(
    listing: Listing, added: dict[str, Any], code: str
) -> None:
    """Every object is accounted for."""
    listing.append(added)

    assert codes(proof_of(listing)) == {code}


def test_a_staged_generation_may_wait(listing: Listing) -> None:
    """Between two transactions of a swap the caller allows what no hook uses."""
    listing.append({"chain": {"family": "inet", "table": "loushan", "name": "b_x", "handle": 900}})

    assert proof_of(listing, staged=True).holds


@pytest.mark.parametrize(
    ("stamp", "code"),
    [
        pytest.param("made revision 2 sha256 0123456789abcdef", "ZG622", id="another revision"),
        pytest.param("made revision 1 sha256 fedcba9876543210", "ZG622", id="another digest"),
    ],
)
def test_another_stamp_is_a_finding(listing: Listing, stamp: str, code: str) -> None:
    """The kernel says which policy it holds, and that must be the one asked about."""
    assert codes(proof_of(listing, stamp)) == {code}


def test_hooks_must_agree(listing: Listing) -> None:
    """One hook cannot be of another revision."""
    stamped = next(item["rule"] for item in listing if item.get("rule", {}).get("comment") == STAMP)
    stamped["comment"] = STAMP.replace("revision 1", "revision 9")

    assert codes(proof_of(listing)) == {"ZG621"}


def test_no_policy_is_said_once_a_hook(listing: Listing) -> None:
    """Before the first policy there is no list of every conduit that is missing."""
    for item in listing:
        item.get("rule", {}).pop("comment", None)

    assert codes(proof_of(listing)) == {"ZG620"}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"nftables": '])
def test_what_is_no_listing_is_refused(text: str) -> None:
    """An empty answer is not an empty ruleset."""
    with pytest.raises(Refused, match="ZG600"):
        read(text)


def test_an_empty_kernel_is_not_proven() -> None:
    """A host without any rule lets everything pass, and that is what is said."""
    assert codes(proof_of([])) == {"ZG604", "ZG620"}
