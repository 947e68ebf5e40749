"""How a run is divided among its workers, and what its summary says beside what passed."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_LIST = Path(__file__).resolve().parents[1] / "docs" / "not-tested-here.md"

#: They take long, and run when they are asked for; then nothing else does.
_PARITY = Path(__file__).with_name("parity")

#: What one worker does by itself, one after the other, on what is set up once: by where it lies.
#: Two cities stand at a time, and no third: three take longer together than one after the other.
_SCOPES = {
    "tests/lab/county/": "tests/lab/county",
    "tests/lab/test_lab_bare.py": "tests/lab/county",
    "tests/lab/": "tests/lab",
    "tests/kernel/test_proxy.py": "tests/kernel/proxy",
    **{
        f"tests/kernel/test_proxy_{of}.py": f"tests/kernel/proxy/{of}"
        for of in ("attacks", "connections", "streams", "tls")
    },
    # Every namespace sees it, so it is done before the city is up.
    "tests/kernel/test_verify_bpf.py": "tests/lab",
}


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, also where a shell began the run in the background.

    And give drawn examples time.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A machine that has much else to do stands still at times, which is no fault of an example.
    patient = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile("patient", settings.default, **patient)
    settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the word that asks for the parity tests."""
    parser.addoption("--parity", action="store_true", help="the parity tests, and no others")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the parity tests, or all others; also where somebody names their file."""
    asked = bool(config.getoption("--parity"))
    left_out = [item for item in items if item.path.is_relative_to(_PARITY) is not asked]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item.path.is_relative_to(_PARITY) is asked]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what others found, and after tests of the lab, what a lab cannot show.

    The latter neither passed nor was skipped.
    """
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, [])]
    for title, text in (kept for report in reports for kept in report.user_properties):
        terminalreporter.section(title)
        terminalreporter.write(f"{text}\n")
    if not any(str(report.nodeid).startswith("tests/lab/") for report in reports):
        return
    terminalreporter.section(f"not tested here, see docs/{_LIST.name}")
    for line in _LIST.read_text("utf-8").splitlines():
        if line.startswith("- "):
            terminalreporter.line(line.removeprefix("- ").replace("**", ""))


class _OneWorkerForOneStand(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Gives all tests of a booted city, or of a running proxy, to one worker; others as they come.

    xdist has a mark for this, `xdist_group`, which does nothing under pytest 9.
    """

    def _split_scope(self, nodeid: str) -> str:
        found = (scope for start, scope in _SCOPES.items() if nodeid.startswith(start))
        return next(found, nodeid)


def pytest_xdist_auto_num_workers() -> int:
    """Have one worker more than there are processors: who tests a city mostly waits for it."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _OneWorkerForOneStand:
    """Divide the tests."""
    return _OneWorkerForOneStand(config, log)
