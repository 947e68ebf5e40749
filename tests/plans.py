"""The lab's plan as text that a test can change in one place, and what is then wrong with it."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from gateway.errors import Problem, Refused
from gateway.policy.check import check_plan
from gateway.policy.documents import Document
from gateway.policy.model import Plan
from gateway.policy.plan import build_plan

ROOT = Path(__file__).resolve().parents[1]
LAB = ROOT / "policy" / "lab"
TODAY = date(2026, 11, 23)


def lab_documents() -> dict[str, str]:
    """Give the lab's documents by file name."""
    return {file.name: file.read_text("utf-8") for file in sorted(LAB.glob("*.yml"))}


def changed(name: str, old: str, new: str) -> dict[str, str]:
    """Give the lab's documents with one piece of text replaced, once."""
    documents = lab_documents()
    assert old in documents[name], f"{name} has no {old!r}"
    documents[name] = documents[name].replace(old, new, 1)
    return documents


def added(name: str, text: str) -> dict[str, str]:
    """Give the lab's documents with text at the end of one, or with one more document."""
    documents = lab_documents()
    documents[name] = documents.get(name, "") + text
    return documents


def built(documents: Mapping[str, str]) -> Plan:
    """Resolve documents into a plan."""
    return build_plan([Document(n, t.encode()) for n, t in documents.items()], "plan")


def problems(documents: Mapping[str, str], today: date = TODAY) -> list[Problem]:
    """Give everything that is wrong with a plan: what cannot be read, else what is forbidden."""
    try:
        return check_plan(built(documents), today)
    except Refused as refused:
        return list(refused.problems)


def codes(documents: Mapping[str, str], today: date = TODAY) -> set[str]:
    """Give the codes alone."""
    return {problem.code for problem in problems(documents, today)}


def places(documents: Mapping[str, str]) -> set[str]:
    """Give code and place of each problem, as `ZG102 plan/conduits.yml:9`."""
    return {f"{problem.code} {problem.where}" for problem in problems(documents)}
