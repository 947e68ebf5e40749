"""Who is revoked is cut off within seconds, everywhere, and comes back with a new key only.

The tests follow one another: a township's gateway is revoked while its county's is
without power, that one fetches the list when it is back, and in the end the
township is admitted again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.policy.decide import TCP
from tests.lab import wire
from tests.lab.power import without_power
from tests.lab.spoke import Spoke
from tests.lab.town import Done, Town, until

pytestmark = pytest.mark.lab

#: A gateway that is back hears what it has missed within this: it asks as soon as there is a
#: way, and once more when the line was not there yet.
FETCHED_SECONDS = 200

#: Who hears nothing from the other end any more knows within this, also on a busy machine.
SILENCE_SECONDS = 90

KEY, CERTIFICATE = "/etc/swanctl/private/gateway.key", "/etc/swanctl/x509/gateway.pem"
LIST = "/etc/swanctl/x509crl/links.crl"

#: Whose links with the hub stay.
NEIGHBOURS = ("city", "suiyang-housing")


@dataclass
class Story:
    """What has happened so far."""

    spoke: Spoke
    older_list: str
    revoked: Done | None = None
    was_ended: bool = False
    said: str = ""
    before: dict[str, str] = field(default_factory=dict)
    associations: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story(town: Town) -> Iterator[Story]:
    """Revoke, with the hub down at that moment; admit again in the end, whatever came between."""
    spoke = Spoke(town, "yangchuan", "suiyang")
    assert spoke.comes_back()
    told = Story(spoke, town.must(spoke.hub, "cat", LIST))
    try:
        with without_power(town, spoke.hub):
            folder = str(town.places.authorities)
            words = ("pki", "revoke", folder, spoke.host, "--deliver", "inventory/lab")
            told.revoked = town.loushan(*words)
        # Nobody types anything from here on.
        told.was_ended = until(lambda: has_fetched(spoke, told.older_list), FETCHED_SECONDS)
        # It says so when all of it is done, and the list is there before.
        assert until(lambda: "new_lists" in journal(spoke) or "new lists" in journal(spoke))
        told.said = journal(spoke)
        # After its boot the neighbours' links come one by one, and may be begun by both ends.
        assert until(lambda: is_settled(spoke), 60), standing(spoke)
        told.associations = standing(spoke)
        yield told
    finally:
        if not is_admitted(spoke):
            admit(spoke)


def journal(spoke: Spoke) -> str:
    """Give what the hub has said since its boot of the lists that it fetches."""
    units = ("--unit=loushan-lists.service", "--unit=loushan-renewal.service")
    return spoke.town.journal(spoke.hub, *units, "--boot")


def has_fetched(spoke: Spoke, older: str) -> bool:
    """Tell whether the hub has a newer list, and stands by it."""
    return spoke.town.must(spoke.hub, "cat", LIST) != older and not spoke.is_up()


def standing(spoke: Spoke) -> dict[str, str]:
    """Give the number of each association at the hub, by its name."""
    said = spoke.town.must(spoke.hub, "swanctl", "--list-sas")
    return dict(re.findall(r"^(\S+): #(\d+), ESTABLISHED", said, re.MULTILINE))


def is_settled(spoke: Spoke) -> bool:
    """Tell whether each of the neighbours has one link with the hub."""
    said = spoke.town.must(spoke.hub, "swanctl", "--list-sas")
    found: list[str] = re.findall(r"^(\S+): #\d+, \S+,", said, re.MULTILINE)
    names = sorted(name for name in found if name in NEIGHBOURS)
    return names == [*NEIGHBOURS] and standing(spoke).keys() >= set(NEIGHBOURS)


def is_admitted(spoke: Spoke) -> bool:
    """Tell whether the link stands, with what is certified now."""
    return spoke.is_up() and spoke.is_up(spoke.host)


def admit(spoke: Spoke) -> Done:
    """Have a new key made, and certified, by the playbook for it."""
    words = ("--limit", spoke.host, "-e", f"readmit_confirm={spoke.host}")
    return spoke.town.playbook("readmit", *words)


def test_a_hub_without_power_does_not_keep_the_others_from_the_list(story: Story) -> None:
    """One command revokes and delivers; it says who has not got it, and ends with 1."""
    assert story.revoked is not None
    assert story.revoked.returncode == 1
    later = f"not yet, and will fetch it when back: {story.spoke.hub}\n"
    assert story.revoked.stdout.endswith(later)
    for other in ("city-gw", "suiyang-housing-gw"):
        mine = story.spoke.town.must(other, "cat", LIST)
        assert mine == (story.spoke.town.places.authorities / "links" / "crl.pem").read_text()


def test_it_fetches_the_list_when_it_is_back_and_ends_the_link(story: Story) -> None:
    """Nobody delivered it there; the journal says what was new, and how many were revoked by it.

    Who waits for news heard it, or the timer's round was there before.
    """
    assert story.was_ended
    said = 'new lists: links; newly revoked: [1-9]|"revoked": [1-9]'
    assert re.search(said, story.said), story.said[-2000:]


def test_the_neighbours_links_stay(story: Story) -> None:
    """They are the same associations as when the list had come."""
    done = story.spoke.renew(story.spoke.hub)

    assert done.returncode == 0, done.stderr
    neighbours = {k: v for k, v in story.associations.items() if k != story.spoke.site}
    assert tuple(sorted(neighbours)) == NEIGHBOURS
    assert standing(story.spoke) == neighbours


def test_link_status_shows_it_at_both_ends(story: Story) -> None:
    """And ends with 1; the other end may have to find out by silence."""
    for gateway, other in ((story.spoke.hub, "yangchuan"), (story.spoke.host, "suiyang")):

        def shows_it(gateway: str = gateway, other: str = other) -> bool:
            done = story.spoke.town.run(gateway, "loushan", "link", "status")
            is_shown = re.search(rf"^{other} +DOWN", done.stdout, re.MULTILINE) is not None
            return is_shown and done.returncode == 1

        assert until(shows_it, SILENCE_SECONDS), gateway


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_nothing_of_it_passes_any_more(story: Story, version: int) -> None:
    """Neither its own, nor what is for it."""
    town, token = story.spoke.town, wire.token()
    places = [(town.namespace(story.spoke.hub), "business"), town.cable("yangchuan.office")]
    with wire.ears(*places) as ears:
        for host, other in (
            ("yangchuan.office", "suiyang.business"),
            ("suiyang.business", "yangchuan.office"),
        ):
            gateway = story.spoke.host if host.startswith("yangchuan") else story.spoke.hub
            card = wire.card(town.namespace(gateway), host.partition(".")[2])
            ends = town.address(host, version), town.address(other, version)
            segment = wire.syn(*ends, (40_000, 443), token)
            wire.send(*town.cable(host), [wire.packet(*ends, TCP, segment)], card)
        assert not ears[1].hears(token, 0.5)


def test_the_same_certificate_does_not_come_back(story: Story) -> None:
    """However often it asks; the hub says in its journal why."""
    cursor = story.spoke.town.cursor(story.spoke.hub)

    tries = [story.spoke.begin().returncode for _ in range(3)]
    story.spoke.town.run(story.spoke.host, "loushan", "agent", "prove")

    assert 0 not in tries
    assert not story.spoke.is_up()
    assert story.spoke.town.says(story.spoke.hub, cursor, "certificate was revoked on")


def test_an_older_list_does_not_bring_it_back(story: Story) -> None:
    """Truly signed, and replayed: it is refused, and what is in force stays."""
    town, hub = story.spoke.town, story.spoke.hub
    # Else the newer one would be brought back.
    with story.spoke.fetching_nothing(hub):
        kept = f"cp {LIST} /root/kept.crl && cat >{LIST}"
        town.must(hub, "sh", "-c", kept, text=story.older_list)
        try:
            done = town.run(hub, "loushan", "link", "refresh")
            again = story.spoke.begin()
        finally:
            town.must(hub, "mv", "/root/kept.crl", LIST)
            town.must(hub, "loushan", "link", "refresh")

    assert done.returncode != 0
    assert "ZG518" in done.stderr
    assert again.returncode != 0
    assert not story.spoke.is_up()


def test_the_old_key_is_not_certified_again(story: Story, tmp_path: Path) -> None:
    """Who took it may still have it."""
    town, spoke = story.spoke.town, story.spoke
    request = tmp_path / "request.csr"
    words = ("openssl", "req", "-new", "-key", KEY, "-subj", f"/CN={spoke.host}")
    request.write_text(town.must(spoke.host, *words), "ascii")
    folder = str(town.places.authorities)
    asked = ("--name", spoke.host, "--request", str(request), "--out", str(tmp_path / "new.pem"))

    by_hand = town.loushan("pki", "issue", folder, "--profile", "gateway", *asked)

    assert by_hand.returncode != 0
    assert "ZP037" in by_hand.stderr
    assert not (tmp_path / "new.pem").exists()


def test_nobody_is_admitted_by_a_slip(story: Story) -> None:
    """Named once, or with others: nothing is done."""
    town, host = story.spoke.town, story.spoke.host
    key = town.must(host, "cat", KEY)

    alone = town.playbook("readmit", "--limit", host)
    all_of_them = town.playbook("readmit", "-e", f"readmit_confirm={host}")

    assert "nothing was done" in alone.stdout + alone.stderr
    assert "nothing was done" in all_of_them.stdout + all_of_them.stderr
    assert town.must(host, "cat", KEY) == key


def test_a_new_key_is_admitted(story: Story) -> None:
    """One playbook is all that is needed; the link is back and carries."""
    done = admit(story.spoke)

    assert done.returncode == 0, done.stdout[-3000:]
    assert story.spoke.comes_back()
    assert until(lambda: story.spoke.town.is_proven(story.spoke.host), 60)
    assert is_admitted(story.spoke)
