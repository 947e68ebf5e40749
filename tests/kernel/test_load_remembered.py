"""A small change is planned from what was put in last, and what others changed is mended still."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.artefacts import Generation
from gateway.errors import Refused
from gateway.load import loader
from gateway.load.events import Step
from gateway.load.inforce import read_host
from gateway.load.listing import LiveGeneration, Outline, read_generation
from gateway.load.loader import Places, Way
from gateway.policy.topology import slices
from gateway.verify.proof import prove
from tests.kernel.city import FORBIDDEN, HTTPS, POSTGRES, City
from tests.kernel.policies import BOTH, GATEWAY, HTTPS_ONLY, candidate, load_into, unproven
from tests.kernel.test_load_killed import die_loading

pytestmark = pytest.mark.kernel

MAP = "map inet loushan a_from_city.office_4"
FOREIGN = "add element inet loushan a_from_city.office_4 {{ 10.1.1.0/24 . tcp . {} : accept }}"


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Generation]:
    """Give the generations whose elements a loader has read from the kernel so far."""
    found: list[Generation] = []

    def noted(generation: Generation, outline: Outline) -> LiveGeneration | None:
        found.append(generation)
        return read_generation(generation, outline)

    monkeypatch.setattr(loader, "read_generation", noted)
    return found


def state_file(places: Places) -> Path:
    """Give where the loader remembers."""
    return places.state / "ruleset.json"


def rewritten(**changes: object) -> Callable[[Path], object]:
    """Change some of what is in the file."""
    return lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def elements_as(old: str, new: str) -> Callable[[Path], object]:
    """Replace a text in the file."""
    return lambda path: path.write_text(path.read_text().replace(old, new))


def test_a_small_change_does_not_read_the_elements(
    small_network: City, places: Places, readings: list[Generation]
) -> None:
    """Deltas there and back change what they say, and nothing is asked of the kernel."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)

    there = load_into(small_network.gateway, candidate(HTTPS_ONLY, 2), places)

    assert (there.way, there.changed, readings) == (Way.DELTA, 2, [])
    assert small_network.passes(HTTPS)
    assert small_network.refuses(POSTGRES)
    back = load_into(small_network.gateway, candidate(BOTH, 3), places)
    assert (back.way, readings) == (Way.DELTA, [])
    assert small_network.passes(POSTGRES)
    assert load_into(small_network.gateway, candidate(BOTH, 3), places).changed == 0


def test_the_same_policy_again_reads_the_kernel(
    small_network: City, places: Places, readings: list[Generation]
) -> None:
    """Loading again is to mend, so nothing is taken for granted."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)

    load_into(small_network.gateway, candidate(BOTH, 1), places)

    assert readings == [Generation.A]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(Path.unlink, id="missing"),
        pytest.param(lambda path: path.write_bytes(b"\xff{"), id="no text"),
        pytest.param(lambda path: path.write_text("[" * 100_000), id="too deep"),
        pytest.param(lambda path: path.write_text("[]"), id="not an object"),
        pytest.param(lambda path: path.write_text(path.read_text()[:-9]), id="torn"),
        pytest.param(rewritten(format=2), id="another format"),
        pytest.param(rewritten(gateway="tax"), id="another gateway"),
        pytest.param(rewritten(generation="b"), id="another generation"),
        pytest.param(
            rewritten(stamp="zunyi revision 1 sha256 0123456789abcdef"), id="another stamp"
        ),
        pytest.param(rewritten(maps={}), id="without its maps"),
        pytest.param(elements_as(" . 5432", " . x"), id="not a key"),
        pytest.param(elements_as(" . 5432", " . 5432 } ; flush ruleset"), id="a command"),
    ],
)
def test_a_file_that_does_not_fit_is_not_used(
    small_network: City, places: Places, readings: list[Generation], spoil: Callable[[Path], object]
) -> None:
    """The kernel itself is read then, and the change is as small."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    spoil(state_file(places))

    loaded = load_into(small_network.gateway, candidate(HTTPS_ONLY, 2), places)

    assert (loaded.way, readings) == (Way.DELTA, [Generation.A])
    assert small_network.passes(HTTPS)
    assert small_network.refuses(POSTGRES)


@pytest.mark.parametrize(
    "step", [Step.COMMITTED, Step.PROVED, Step.ACCEPTED], ids=["committed", "proved", "accepted"]
)
def test_a_loader_that_was_killed_leaves_nothing_to_remember(
    small_network: City, places: Places, step: Step
) -> None:
    """What was put in before is deleted before anything is put in."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)

    die_loading(small_network, places, "HTTPS_ONLY", 2, step)

    assert not state_file(places).exists()


def test_what_others_took_away_is_mended_by_a_swap(small_network: City, places: Places) -> None:
    """The kernel refuses to delete what is gone, and the policy comes into force all the same."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    small_network.gateway.command("nft", "flush", *MAP.split())

    loaded = load_into(small_network.gateway, candidate(HTTPS_ONLY, 2), places)

    assert loaded.way is Way.SWAP
    assert small_network.passes(HTTPS)
    assert small_network.refuses(POSTGRES)
    assert not small_network.gateway.run(read_host).leftovers


@pytest.mark.parametrize("port", [8443, 22], ids=["another port", "the forbidden port"])
def test_what_others_added_is_found_by_the_proof_and_mended(
    small_network: City, places: Places, port: int
) -> None:
    """A delta cannot know of it; the swap after it builds on nothing that was there."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    small_network.gateway.command("nft", FOREIGN.format(port))

    what = candidate(HTTPS_ONLY, 2)
    proofs: list[bool] = []

    def proven() -> None:
        proof = prove(slices(HTTPS_ONLY)[GATEWAY], HTTPS_ONLY, str(what.stamp), staged=True)
        proofs.append(proof.holds)
        if not proof.holds:
            raise Refused(*proof.findings)

    loaded = load_into(small_network.gateway, what, places, prove=proven)

    assert (loaded.way, proofs) == (Way.SWAP, [False, True])
    assert small_network.passes(HTTPS)
    assert small_network.refuses(POSTGRES)
    assert small_network.refuses(FORBIDDEN)
    assert not small_network.gateway.run(read_host).leftovers


def test_what_cannot_be_proven_is_tried_twice_and_taken_back(
    small_network: City, places: Places, readings: list[Generation]
) -> None:
    """By a delta and by a swap; then the old policy is in force again, whole."""
    before = load_into(small_network.gateway, candidate(BOTH, 1), places).in_force
    tries: list[int] = []

    def prove() -> None:
        tries.append(len(readings))
        unproven()

    with pytest.raises(Refused):
        load_into(small_network.gateway, candidate(HTTPS_ONLY, 2), places, prove=prove)

    assert tries == [0, 1]
    host = small_network.gateway.run(read_host)
    assert (host.in_force, host.leftovers) == (before, ())
    assert small_network.passes(POSTGRES)
    assert not state_file(places).exists()
    assert load_into(small_network.gateway, candidate(BOTH, 1), places).changed == 0
