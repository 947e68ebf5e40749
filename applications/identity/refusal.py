"""Why an identity is refused: one closed list, for an application's log."""

from enum import StrEnum


class Reason(StrEnum):
    """What was wrong; the first that was found."""

    NO_HEADER = "no_header"
    SEVERAL_HEADERS = "several_headers"
    SPELLING = "spelling"
    FORM = "form"
    ALGORITHM = "algorithm"
    NO_KEYS = "no_keys"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    LIFETIME = "lifetime"
    NOT_YET = "not_yet"
    EXPIRED = "expired"


class IdentityRefused(Exception):  # noqa: N818 - says what happened, not that a program failed
    """Nobody is known to ask; the request must not be served.

    The reason is for the application's own log.  Who asked learns only that it
    was refused: a forger would learn from more.
    """

    def __init__(self, reason: Reason) -> None:
        """Name the reason."""
        super().__init__(reason.value)
        self.reason = reason
