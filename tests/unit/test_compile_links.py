"""A gateway's links as strongSwan's connections: who begins, what each carries, no two alike."""

from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network

import pytest

from gateway.compile.links import compile_links, selectors
from gateway.policy.lines import LINE_NETWORK, lines_of
from gateway.policy.model import Links
from pki.names import host_label
from tests.cities import small_city

CITY = small_city()


def test_a_gateway_has_a_connection_for_each_neighbour_and_no_other() -> None:
    """The tree of sites says who may meet whom."""
    text = compile_links(CITY, "red").text

    names = [
        line.strip(" {") for line in text.splitlines() if line.startswith("  ") and "{" in line
    ]
    assert {name for name in names if name in CITY.sites} == {"city", "hill"}


@pytest.mark.parametrize(
    ("site", "begins"),
    [
        pytest.param("hill", "trap|start", id="the lower site begins"),
        pytest.param("city", "none", id="a hub waits"),
    ],
)
def test_one_end_begins(site: str, begins: str) -> None:
    """So no link is made twice."""
    text = compile_links(CITY, site).text

    actions = {line.split(" = ")[1] for line in text.splitlines() if "start_action" in line}
    assert actions == {begins}


@pytest.mark.parametrize("word", ["revocation = strict", "cacerts = ", "auth = ecdsa-384-sha384"])
def test_nobody_is_taken_without_a_certificate_and_a_list(word: str) -> None:
    """Each connection says so by itself."""
    text = compile_links(CITY, "city").text

    assert text.count(word) >= text.count("remote {")


def test_a_list_that_has_run_out_counts_within_a_plans_grace_and_no_longer() -> None:
    """StrongSwan knows no grace: for that time, and for it alone, it asks less."""
    strict, in_grace = compile_links(CITY, "city"), compile_links(CITY, "city", in_grace=True)

    assert "relaxed" not in strict.text
    assert strict.text.replace("revocation = strict", "revocation = relaxed") == in_grace.text
    assert strict.digest != in_grace.digest


def test_a_gateway_names_itself_and_no_certificate_of_its_own() -> None:
    """A named one would be shown for ever, also when it was renewed."""
    text = compile_links(CITY, "red").text

    assert " certs = " not in text
    assert text.count("id = red-gw.gw.made.internal") == len(lines_of(CITY, "red"))


def test_names_in_certificates_are_names_of_hosts() -> None:
    """An authority certifies no other, so no plan may ask for another."""
    text = compile_links(replace(CITY, name="two_sites"), "red").text

    names = [line.partition(" = ")[2] for line in text.splitlines() if " id = " in line]
    assert names
    assert all(host_label(label) == label for name in names for label in name.split("."))


def test_a_key_is_agreed_by_ml_kem_too_where_the_plan_asks_for_it() -> None:
    """Debian 13's strongSwan cannot, so a plan has to ask."""
    asked = compile_links(replace(CITY, links=Links(post_quantum=True)), "hill").text

    assert asked.count("-ke1_mlkem768") == 2
    assert "mlkem" not in compile_links(CITY, "hill").text


def test_the_two_ends_of_a_line_have_its_two_addresses() -> None:
    """Each end's far address is the other's own, and no other line has them."""
    (up,) = lines_of(CITY, "hill")
    down = next(line for line in lines_of(CITY, "red") if line.neighbour == "hill")

    assert (up.own, up.far) == (down.far, down.own)
    assert up.own in LINE_NETWORK
    ends = [line.own for site in CITY.sites for line in lines_of(CITY, site)]
    assert len(ends) == len(set(ends))


def test_selectors_that_share_an_interface_do_not_overlap() -> None:
    """At `red`, what goes to `hill` fits one link only, wherever it comes from."""
    shared = replace(CITY, shares_link=True)
    text = compile_links(shared, "red").text

    up = next(line for line in text.splitlines() if "remote_ts" in line)
    for address in (str(network[1]) for network in selectors(CITY, "hill")):
        assert not _within(up.split(" = ")[1], address)
    assert _within(up.split(" = ")[1], "10.1.0.1")


def _within(ranges: str, address: str) -> bool:
    wanted = ip_address(address)
    for each in ranges.split(", "):
        low, dash, high = each.partition("-")
        if not dash:
            network = ip_network(each)
            low, high = str(network[0]), str(network[-1])
        first, last = ip_address(low), ip_address(high)
        if isinstance(first, IPv4Address) is isinstance(wanted, IPv4Address) and int(first) <= int(
            wanted
        ) <= int(last):
            return True
    return False
