"""What is said to who is refused: the reason in words, and the decision to read out."""

import json
import re

import pytest

from gateway.compile.refusal import refusal_json, refusal_page
from gateway.errors import Language
from gateway.policy.request_reasons import REQUEST_REASON_WORDS, RequestReason

REFUSALS = [reason for reason in RequestReason if reason is not RequestReason.GRANT]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("reason", REFUSALS)
def test_a_page_has_the_words_of_every_reason(language: Language, reason: RequestReason) -> None:
    """And shows those of its own: one rule for each, by the class of the body."""
    page = refusal_page(language)
    words = REQUEST_REASON_WORDS[reason][1 if language is Language.ZH else 0]

    assert f'<span data-reason="{reason}">{words}</span>' in page
    assert f".{reason} [data-reason={reason}]" in page


@pytest.mark.parametrize("language", list(Language))
def test_nothing_that_a_client_sent_stands_on_a_page(language: Language) -> None:
    """Two things are put in: the reason, of a closed list, and the name of the decision."""
    put_in = re.findall(r"%\[[^\]]*\]", refusal_page(language))

    assert put_in == ["%[var(txn.reason)]", "%[unique-id]"]
    # Any other would be read as HAProxy's.
    assert refusal_page(language).count("%") == len(put_in)


def test_programs_are_answered_by_json() -> None:
    """With the same two."""
    assert set(json.loads(refusal_json())) == {"decision", "reason"}
