"""The page for application authors teaches what really runs."""

import re
from pathlib import Path

import pytest

from applications.identity import HEADER, IdentityCheck, KeyFile, Reason
from gateway.load.identity_tokens import key_set
from tests.applications.tokens import KEY, NOW, OTHER_KEY, REST, gateways_token, token
from tests.repo.tree import ROOT

PAGE = (ROOT / "docs" / "for-application-authors.md").read_text("utf-8")


@pytest.fixture(name="example")
def _example(tmp_path: Path) -> dict[str, object]:
    """Give the application of the page, as it stands there but for the file and the clock."""
    [text] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {"__name__": "example"}
    exec(compile(text, "docs/for-application-authors.md", "exec"), names)  # noqa: S102 - our own page
    check = names["check"]
    assert isinstance(check, IdentityCheck)
    file = tmp_path / "gateway.jwks"
    file.write_text(key_set(KEY.public_key()))
    names["check"] = IdentityCheck(
        host=check.host, gateway=check.gateway, keys=KeyFile(file), clock=NOW.timestamp
    )
    return names


def test_the_example_knows_who_asks(example: dict[str, object]) -> None:
    """By the header that the gateway puts there."""
    client = example["app"].test_client()  # type: ignore[attr-defined]  # Flask's own
    answer = client.get("/cases/", headers={HEADER: gateways_token() + REST})

    assert answer.status_code == 200
    assert answer.text.startswith("税务局经办岗 tax_clerk 5f3a09c1d2e4b687 tax.office 7 city-gw.")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="nobody"),
        pytest.param([(HEADER, token(key=OTHER_KEY) + REST)], id="a forger"),
        pytest.param([(HEADER, gateways_token() + REST)] * 2, id="two headers"),
    ],
)
def test_the_example_refuses_everybody_else(
    example: dict[str, object], headers: list[tuple[str, str]]
) -> None:
    """And does not say why."""
    client = example["app"].test_client()  # type: ignore[attr-defined]  # Flask's own
    answer = client.get("/cases/", headers=headers)

    assert answer.status_code == 403
    assert not any(reason in answer.text for reason in Reason)


def test_the_page_says_every_reason() -> None:
    """And no other."""
    table = PAGE.partition("## Why a header is refused")[2].partition("##")[0]
    said = {
        word
        for row in table.splitlines()
        for word in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }

    assert said == set(Reason)
