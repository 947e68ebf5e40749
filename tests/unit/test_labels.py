"""Levels, labels and markings as values; the markings here are samples (样例)."""

import pytest

from gateway.labels import Label, Level, dominates, parse_label, parse_marking


def test_a_marking_is_read_and_written_as_it_stands() -> None:
    """样例: 秘密★1年."""
    assert str(parse_marking("秘密★1年")) == "秘密★1年"  # 样例


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("秘密★11年", id="样例: longer than article 20 allows"),
        pytest.param("机密★21年", id="样例: longer than article 20 allows, 机密"),
        pytest.param("内部★1年", id="not a secret"),
        pytest.param("秘密☆1年", id="another star"),
        pytest.param("秘密", id="no term"),
    ],
)
def test_what_is_not_the_official_form_is_no_marking(text: str) -> None:
    """Disguises are the guard's to find; here they are refused."""
    with pytest.raises(ValueError, match=r"marking|years"):
        parse_marking(text)


def test_dominating_takes_level_and_categories() -> None:
    """Higher alone is not enough, nor wider alone."""
    personal = parse_label("内部 个人信息")

    assert dominates(personal, Label(Level.公开))
    assert not dominates(Label(Level.机密), personal)
    assert not dominates(personal, Label(Level.秘密, frozenset({"个人信息"})))


@pytest.mark.parametrize("text", ["机要", "内部 个人信息 个人信息"])
def test_what_is_not_a_label_is_refused(text: str) -> None:
    """A level first, and no category twice."""
    with pytest.raises(ValueError, match=r"level|repeated"):
        parse_label(text)
