"""What is said to who is refused at a gate: a page in Chinese or English, or JSON.

The texts are HAProxy's log format: it puts in the decision's name and its
reason.  A page holds the words of every reason and shows those of its own, so
the proxy looks nothing up.  Nothing that the client sent stands on it.
"""

from gateway.errors import Language
from gateway.policy.request_reasons import REQUEST_REASON_WORDS, RequestReason

#: How the proxy names a decision, and says why.
_DECISION, _REASON = "%[unique-id]", "%[var(txn.reason)]"

_SHOWN = tuple(reason for reason in RequestReason if reason is not RequestReason.GRANT)

_TEXTS = {
    Language.ZH: (
        "zh-CN",
        "请求未获准许",
        "原因",
        "判定编号",
        "如认为有误,请致电信息中心并告知判定编号。重试不会改变结果。",
    ),
    Language.EN: (
        "en",
        "This request was not permitted",
        "Reason",
        "Decision",
        "If this is wrong, call the information centre and read out the decision.",
    ),
}

_STYLE = (
    "body{font:18px/1.6 'Noto Sans CJK SC',sans-serif;max-width:38em;margin:12vh auto;"
    "padding:0 1em;color:#1c2733;background:#fff}"
    "h1{font-size:1.5em;border-bottom:3px solid #b3261e;padding-bottom:.4em}"
    "dt{color:#5a6672;font-size:.85em;margin-top:1em}dd{margin:0}"
    ".id{font:1.25em/1.4 monospace;letter-spacing:.03em;overflow-wrap:anywhere}"
    "[data-reason]{display:none}"
)


def refusal_json() -> str:
    """Give what a program is answered, in HAProxy's log format."""
    return f'{{"decision": "{_DECISION}", "reason": "{_REASON}"}}\n'


def refusal_page(language: Language) -> str:
    """Give what a person is shown, in HAProxy's log format."""
    tongue, title, reason, decision, help_text = _TEXTS[language]
    index = 1 if language is Language.ZH else 0
    words = "".join(
        f'<span data-reason="{each}">{REQUEST_REASON_WORDS[each][index]}</span>' for each in _SHOWN
    )
    shown = ",".join(f".{each} [data-reason={each}]" for each in _SHOWN)
    return (
        f'<!DOCTYPE html>\n<html lang="{tongue}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{_STYLE}{shown}{{display:inline}}</style>\n</head>\n"
        f'<body class="{_REASON}">\n<h1>{title}</h1>\n<dl>\n'
        f"<dt>{reason}</dt><dd>{words}</dd>\n"
        f'<dt>{decision}</dt><dd class="id">{_DECISION}</dd>\n</dl>\n'
        f"<p>{help_text}</p>\n</body>\n</html>\n"
    )
