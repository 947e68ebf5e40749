"""How values are said on a page: ages, days, standings, reasons; in the reader's language."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from flask import Flask, request, url_for

from gateway.console.words import WORDS
from gateway.errors import Language
from gateway.observe.city.standing import Standing
from gateway.observe.city.words import LINKS, PROOFS, STANDINGS, fact_text, reason_text, said

#: Times are those of China, which has no summer time.
CHINA = timezone(timedelta(hours=8), "CST")

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0


def language() -> Language:
    """Give the reader's language: that of `?lang=`, else the browser's, else Chinese."""
    asked = request.args.get("lang", "")
    if asked in set(Language):
        return Language(asked)
    best = request.accept_languages.best_match([str(each) for each in (Language.ZH, Language.EN)])
    return Language(best or Language.ZH)


def age_text(seconds: float) -> str:
    """Say how long something is: `12 秒`, `5 分钟`, `3 小时`, `20 天`."""
    for size, word in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {_word(word)}"
    return f"{max(seconds, 0):.0f} {_word('seconds')}"


def set_up_words(app: Flask) -> None:
    """Have templates say everything in the reader's language."""
    app.jinja_env.globals.update(
        age=age_text,
        clock=lambda at: datetime.fromtimestamp(at, CHINA).strftime("%H:%M:%S"),
        day=lambda at: datetime.fromtimestamp(at, CHINA).strftime("%Y-%m-%d"),
        fact=lambda each: fact_text(each["key"], each["params"], language()),
        link_word=_in(LINKS),
        proof_word=_in(PROOFS),
        reason=lambda name: reason_text(name, language()),
        standing_word=_in(STANDINGS),
        to=_to,
        total=lambda counts: sum(counts.values()),
    )

    @app.context_processor
    def known_to_pages() -> dict[str, Any]:
        here = language()
        return {
            "language": here,
            "other": Language.EN if here is Language.ZH else Language.ZH,
            "say": {key: said(pair, here) for key, pair in WORDS.items()},
        }


def _in(table: Mapping[Standing, tuple[str, str]]) -> Callable[[str], str]:
    def word(standing: str) -> str:
        return said(table.get(Standing(standing), STANDINGS[Standing(standing)]), language())

    return word


def _to(endpoint: str, **values: str) -> str:
    """Give the address of a page, in the language that was asked for."""
    asked = request.args.get("lang", "")
    kept = {"lang": asked} if asked in set(Language) else {}
    return url_for(endpoint, **kept, **values)  # type: ignore[arg-type]  # values of a query


def _word(key: str) -> str:
    return said(WORDS[key], language())
