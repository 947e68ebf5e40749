"""The steps of a load, told to whoever listens."""

from enum import StrEnum
from typing import Protocol


class Step(StrEnum):
    """What has just been done; after each of them the host is whole."""

    LOCKED = "locked"
    CLEANED = "cleaned"
    SCAFFOLDED = "scaffolded"
    STAGED = "staged"
    CHECKED = "checked"
    COMMITTED = "committed"
    SESSIONS_CUT = "sessions_cut"
    LINKED = "linked"
    LISTS_ENDED = "lists_ended"
    GATES_SET = "gates_set"
    PROVED = "proved"
    ACCEPTED = "accepted"
    FORWARDING = "forwarding"
    CONFIRMED = "confirmed"
    REVERTED = "reverted"


class Events(Protocol):
    """Who is told; must be quick, for the loader waits."""

    def step(self, step: Step, detail: str) -> None:
        """Hear of a step; `detail` is for a person to read and may be empty."""


class Silence:
    """Tells nobody."""

    def step(self, step: Step, detail: str) -> None:
        """Hear of a step and keep it."""
