"""Whoever waits is handed a list the moment it is signed, and nothing that he has."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pki.errors import Code, PkiRefused
from pki.news import MOST_WAITING_EACH, News
from pki.revoke import renew_list
from pki.state import State
from tests.authorities import NO_SECRETS, NOW, make_state

HELD = {"links": 1, "people": 1}

#: Nobody waits so long where there is news.
PATIENCE_SECONDS = 30


@pytest.fixture(name="state")
def _state(tmp_path: Path) -> State:
    return make_state(tmp_path / "pki")


def signs(state: State, authority: str) -> bytes:
    """Sign a new list, and give it in DER."""
    renew_list(state, authority, NO_SECRETS, NOW)
    return state.revocations(authority).public_bytes(Encoding.DER)


def test_what_is_newer_already_is_given_at_once(state: State) -> None:
    """And what is not asked for is not given."""
    newest = signs(state, "people")
    signs(state, "services")

    assert News(state.folder).newer(HELD, 0) == {"people": newest}


@pytest.mark.parametrize("held", [HELD, {"nobody": 0}, {}, {"links": 7}])
def test_what_is_not_newer_is_not_given(state: State, held: Mapping[str, int]) -> None:
    """Nor what there is not, nor to whoever has more than there is."""
    assert News(state.folder).newer(held, 0.1) == {}


def test_all_who_wait_are_told(state: State) -> None:
    """One looks for all; when he has heard what is new for him, another one does."""
    news = News(state.folder)
    with ThreadPoolExecutor(8) as threads:
        of_links = [threads.submit(news.newer, {"links": 1}, PATIENCE_SECONDS) for _ in range(4)]
        of_people = [threads.submit(news.newer, {"people": 1}, PATIENCE_SECONDS) for _ in range(4)]
        links = signs(state, "links")
        assert [each.result(PATIENCE_SECONDS) for each in of_links] == [{"links": links}] * 4
        people = signs(state, "people")
        assert [each.result(PATIENCE_SECONDS) for each in of_people] == [{"people": people}] * 4


def test_who_gives_up_leaves_the_looking_to_others(state: State) -> None:
    """Who waits longest still hears it."""
    news = News(state.folder)
    with ThreadPoolExecutor(1) as threads:
        begun = threading.Event()

        def waits() -> Mapping[str, bytes]:
            begun.set()
            return news.newer({"links": 1}, PATIENCE_SECONDS)

        patient = threads.submit(waits)
        assert begun.wait(PATIENCE_SECONDS)
        assert news.newer({"people": 1}, 0.3) == {}
        links = signs(state, "links")

        assert patient.result(PATIENCE_SECONDS) == {"links": links}


def test_a_damaged_list_is_said_to_be(state: State) -> None:
    """It is not handed on."""
    (state.folder / "people" / "crl.pem").write_bytes(b"-----BEGIN X509 CRL-----\n")

    with pytest.raises(PkiRefused) as refused:
        News(state.folder).newer(HELD, 0)

    assert refused.value.code is Code.ZP003


def test_an_address_has_room_for_a_few(state: State) -> None:
    """And another one has its own; room that is left is free again."""
    news = News(state.folder)
    rooms = [news.room("10.1.0.1") for _ in range(MOST_WAITING_EACH + 1)]

    assert [room.__enter__() for room in rooms] == [True] * MOST_WAITING_EACH + [False]
    with news.room("10.1.0.2") as other:
        assert other
    for room in rooms:
        room.__exit__(None, None, None)
    with news.room("10.1.0.1") as again:
        assert again
