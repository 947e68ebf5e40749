"""Everything once more over a city that was just provisioned; by its name it is the first here."""

import pytest

from tests.lab.recap import recap
from tests.lab.town import Town

pytestmark = pytest.mark.lab

#: Hosts that are no gateways: of applications, the one that watches, and the one that misses it.
OTHERS = ("city.applications", "city.monitoring", "city.operations")


def test_a_second_run_changes_nothing(town: Town) -> None:
    """The first has brought every host to the plan; the second finds all as it must be."""
    second = town.playbook("site")

    assert second.returncode == 0, second.stdout[-3000:]
    assert recap(second.stdout, "changed") == dict.fromkeys((*town.gateways, *OTHERS), 0)
