"""The catalogue as a page for readers: `make errors` writes docs/errors.md.

It knows the catalogue alone; a test compares the page with it.
"""

import sys
from collections.abc import Mapping

from gateway.catalogue import AREAS
from gateway.catalogue.text import Text

_HEAD = """\
# Errors 错误

Every error the product can give, by its code.
Written by `make errors` from `gateway/catalogue`; change it there.
Words in `{braces}` are filled in when it happens.

每个错误以代码标识,由 `make errors` 根据 `gateway/catalogue` 生成,请勿手工修改。
`{花括号}` 中的内容在出错时填入。
"""


def error_page() -> str:
    """Give the whole page as Markdown: areas in their order, codes in theirs."""
    areas = [_area(name, texts) for name, texts in AREAS.items() if texts]
    return "\n".join([_HEAD, *areas])


def _area(name: str, texts: Mapping[str, Text]) -> str:
    entries = [_entry(code, text) for code, text in sorted(texts.items())]
    return "\n".join([f"## {name}\n", *entries])


def _entry(code: str, text: Text) -> str:
    lines = [f"### {code}\n", f"{text.en}  "]
    if text.en_help:
        lines.append(f"help: {text.en_help}  ")
    lines.append(f"{text.zh}  ")
    if text.zh_help:
        lines.append(f"办法: {text.zh_help}  ")
    lines[-1] = lines[-1].rstrip()
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(error_page())
