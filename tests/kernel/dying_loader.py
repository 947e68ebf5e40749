"""Load a policy in this process and namespace, and be killed at a named step.

Run as a command: directory for the loader's files, plan, revision, step.
"""

import os
import signal
import sys
from pathlib import Path

from gateway.load.events import Step
from gateway.load.loader import Places, load
from tests.kernel import policies


class Killed:
    """Kills the process at a step."""

    def __init__(self, at: Step) -> None:
        """Say at which step."""
        self.at = at

    def step(self, step: Step, detail: str) -> None:
        """Be killed, if this is the step."""
        del detail
        if step is self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def main(directory: str, plan: str, revision: str, step: str) -> None:
    """Load, until killed."""
    places = Places(run=Path(directory, "run"), state=Path(directory, "state"))
    what = policies.candidate(getattr(policies, plan), int(revision))
    load(what, lambda: None, events=Killed(Step(step)), places=places)


if __name__ == "__main__":
    main(*sys.argv[1:])
