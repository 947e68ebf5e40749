"""Who asks, as the gateway says it: the check that every application behind it makes."""

from applications.identity.check import HEADER, Asker, IdentityCheck
from applications.identity.jwks import KeyFile, KeySetError, read_keys
from applications.identity.refusal import IdentityRefused, Reason

__all__ = [
    "HEADER",
    "Asker",
    "IdentityCheck",
    "IdentityRefused",
    "KeyFile",
    "KeySetError",
    "Reason",
    "read_keys",
]
