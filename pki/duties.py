"""The duties of administrators, which are kept apart: nobody is certified for two of them.

A certificate names an account together with its duty, as in `audit:liming`; a host lets in
whom its inventory gives that account with that duty, and nobody else.
"""

from collections.abc import Iterable, Sequence

from pki.errors import Code, PkiRefused

#: Three that are kept apart (三员), and that of who makes a host by playbooks.
DUTIES = ("system", "security", "audit", "build")

_MARK = ":"


def duties_of(principals: Iterable[str]) -> set[str]:
    """Give the duties that principals name."""
    return {principal.partition(_MARK)[0] for principal in principals if _MARK in principal}


def check_duties(name: str, principals: Sequence[str], in_force: Iterable[str]) -> None:
    """Return nothing, or raise.

    Args:
        name: who is to be certified.
        principals: what the certificate is to name.
        in_force: what certificates of the same person or key that still count name.

    Raises:
        PkiRefused: a duty is none, or somebody would have two.
    """
    asked = duties_of(principals)
    if unknown := sorted(asked - set(DUTIES)):
        raise PkiRefused(Code.ZP061, duty=unknown[0], known=", ".join(DUTIES))
    together = asked | duties_of(in_force)
    if asked and len(together) > 1:
        raise PkiRefused(Code.ZP062, name=name, duties=", ".join(sorted(together)))
