"""The refusals as a page for readers: `make errors` adds it to docs/errors.md."""

import sys

from pki.errors import Code


def error_section() -> str:
    """Give every code with its words, in order."""
    entries = (
        f"### {code.name}\n\n{code.value.en}  \nhelp: {code.value.en_help}  \n"
        f"{code.value.zh}  \n办法: {code.value.zh_help}\n"
        for code in Code
    )
    return "\n" + "\n".join(["## pki\n", *entries])


if __name__ == "__main__":
    sys.stdout.write(error_section())
