"""What the summary of a run says beside what passed: what could not be tested at all."""

from pathlib import Path

import pytest

_LIST = Path(__file__).resolve().parents[1] / "docs" / "not-tested-here.md"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """After tests of the lab, list what a lab cannot show; it neither passed nor was skipped."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, [])]
    if not any(str(report.nodeid).startswith("tests/lab/") for report in reports):
        return
    terminalreporter.section(f"not tested here, see docs/{_LIST.name}")
    for line in _LIST.read_text("utf-8").splitlines():
        if line.startswith("- "):
            terminalreporter.line(line.removeprefix("- ").replace("**", ""))
