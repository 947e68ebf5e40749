"""What a proxy has under way is read as it wrote it, or not at all."""

import pytest

from gateway.load.streams import Stream

KEY = "17|fd72:6a5e:11:1::9|people|3A0F|市.局/https|GET|/cases/1|tax|clerk"


def test_a_stream_is_read_whole() -> None:
    """A certificate's name may have any sign in it, also the one that stands between."""
    found = Stream.read(KEY)

    assert (found.number, str(found.source), found.certificate) == (
        17, "fd72:6a5e:11:1::9", "people/3A0F",
    )  # fmt: skip
    assert (found.gate, found.method, found.path, found.name) == (
        "市.局/https", "GET", "/cases/1", "tax|clerk",
    )  # fmt: skip


@pytest.mark.parametrize("key", ["", "17", "x|10.1.1.1|a|b|c|d|e|f", KEY.replace("fd72:", "x")])
def test_what_is_none_is_none(key: str) -> None:
    """Nothing is guessed of whom it is."""
    with pytest.raises(ValueError, match=r"not enough values|invalid literal|does not appear"):
        Stream.read(key)
