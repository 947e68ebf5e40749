"""The catalogue of clauses is whole, and what is printed says neither more nor less than the hosts.

What the rows judge is tried in `test_evidence_judges.py`.
"""

import gc
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import yaml

from gateway.cli.evidence_page import page, pdf
from gateway.cli.evidence_signed import held_to, waivers_of
from gateway.cli.evidence_words import brief, printable
from gateway.evidence.clauses import Where, catalogue, clause_of
from gateway.evidence.evidence import Evidence, SignedBy
from gateway.evidence.hosts_asked import VARIABLES, Answer, AskedHost, Command, host_from_json
from gateway.evidence.judge import Outcome, SignedWaiver, judge, judge_all
from gateway.evidence.rows import ROWS, questions
from gateway.evidence.settings import KERNEL, MODULES, NEEDLESS_UNITS, NETWORK, UNWANTED_PACKAGES
from gateway.policy.host_settings import HOST_SETTINGS
from tests.evidence_answers import AT, BY_NAME, DIGEST, GOOD, HOST, OTHER, answered
from tests.plans import TODAY, built
from tests.repo.tree import ROOT
from tests.unit.test_waivers import waiving

#: GB/T 22239-2019, chapters 8.1.2 to 8.1.5: how many clauses each section has.
SECTIONS = {"8.1.2": 3, "8.1.3": 6, "8.1.4": 11, "8.1.5": 4}

SIGNED = SignedBy("lab", "样例城市", 1, DIGEST, ("编制岗", "保密局审签岗"))


def role() -> dict[str, Any]:
    """Give the table of the role that sets what rows ask about."""
    read: dict[str, Any] = yaml.safe_load(
        (ROOT / "roles/hardening/vars/main.yml").read_text("utf-8")
    )
    return read


def evidence(*hosts: AskedHost) -> Evidence:
    """Judge hosts without waivers."""
    return Evidence("0.1.0", AT, SIGNED, hosts, tuple(judge_all(ROWS, hosts, {})))


def everything(host: AskedHost = HOST) -> AskedHost:
    """Give a host that answers every row rightly."""
    answers: dict[Command, Answer] = {}
    for row in ROWS:
        if row.applies(host) is None:
            answers |= answered(row, GOOD[row.name], host).answers
    return replace(host, answers=answers)


# --- the catalogue ------------------------------------------------------------------------------


def test_every_clause_of_the_four_chapters_is_there_in_order() -> None:
    """By its number, once, with words in both languages."""
    wanted = [f"{part}.{n}" for part, most in SECTIONS.items() for n in range(1, most + 1)]

    assert list(catalogue()) == wanted
    for clause in catalogue().values():
        words = (clause.heading, clause.asks, clause.does, clause.left)
        assert all(en and re.search("[一-鿿]|8.1", zh) for en, zh in words), clause.number


def test_a_clause_of_the_product_is_shown_by_a_row_and_one_outside_by_none() -> None:
    """Nothing is claimed without a question to a host."""
    served = {clause_of(item) for row in ROWS for item in row.clauses}

    assert served == {n for n, clause in catalogue().items() if clause.where is Where.PRODUCT}


def test_an_item_has_the_standards_form() -> None:
    """As in `8.1.4.1 b)`, or the clause alone."""
    items = {item for row in ROWS for item in row.clauses}

    assert [i for i in items if not re.fullmatch(r"8\.1\.[2-5]\.[0-9]{1,2}( [a-g]\))?", i)] == []


def test_rows_of_settings_are_those_of_the_role() -> None:
    """The same names and clauses, so that a waiver meets its row."""
    rows = {row.name: set(row.clauses) for row in ROWS if row.setting}

    assert rows.keys() == HOST_SETTINGS.keys()
    assert rows == {each["name"]: set(each["clauses"]) for each in role()["hardening_settings"]}
    assert all(row.setting == row.name for row in ROWS if row.setting)


def test_what_rows_want_is_what_the_role_sets() -> None:
    """Modules, packages, units, and the kernel's settings."""
    table = role()
    settings = {each["name"]: each for each in table["hardening_settings"]}
    said = {k.replace("/", "."): str(v) for k, v in settings["network_stack"]["sysctls"].items()}

    assert {k: list(v) for k, v in MODULES.items()} == table["hardening_modules"]
    assert list(UNWANTED_PACKAGES) == table["hardening_unwanted_packages"]
    assert list(NEEDLESS_UNITS) == [each["name"] for each in table["hardening_needless_units"]]
    assert said == NETWORK
    for name, wanted in KERNEL.items():
        kernel = settings[name]["kernel"].items()
        assert {k.replace("/", "."): str(v) for k, v in kernel} == wanted


# --- hosts --------------------------------------------------------------------------------------


def test_a_host_is_asked_each_thing_once_and_only_what_applies() -> None:
    """A host of applications is not asked how its links are."""
    asked, other = questions(HOST), questions(OTHER)

    assert len(asked) == len(set(asked))
    assert ("swanctl", "--list-sas", "--raw") in asked
    assert [command for command in other if command[0] in {"swanctl", "loushan", "nft"}] == []


def test_a_row_that_does_not_apply_says_why() -> None:
    """And is no pass."""
    found = judge(BY_NAME["links_encrypted"], OTHER, {})

    assert found.outcome is Outcome.NOT_APPLICABLE
    assert "no link" in found.why.en


@pytest.mark.parametrize(
    ("group", "row", "other"),
    [
        pytest.param("time", "time_authenticated", "time_kept", id="who tells the time"),
        pytest.param("logs", "journal_forwarded", "journal_kept", id="who keeps the logs"),
    ],
)
def test_a_host_is_not_asked_for_what_it_gives_others(group: str, row: str, other: str) -> None:
    """It follows nobody and sends to nobody; the rest it is asked like any other."""
    host = AskedHost("city.monitoring", groups=frozenset({group}))

    assert BY_NAME[row].applies(host) is not None
    assert BY_NAME[other].applies(host) is None


def test_a_signed_waiver_is_no_pass_and_is_said_with_its_end_and_who_signed() -> None:
    """Though the host has the setting all the same."""
    host = replace(everything(), waived={"tmp_mounts": "2026-12-26"})
    waiver = SignedWaiver("tmp_mounts", "驱动升级", date(2026, 12, 26), ("甲", "乙"))

    found = judge(BY_NAME["tmp_mounts"], host, {("tmp_mounts", "city", "gateways"): waiver})

    assert found.outcome is Outcome.WAIVED
    assert found.why.zh == "豁免至 2026-12-26,签署人 甲, 乙:驱动升级"
    assert judge(BY_NAME["umask"], host, {}).outcome is Outcome.PASS


def test_a_waiver_counts_where_the_plan_has_it_and_not_where_a_variable_says_so() -> None:
    """Whoever writes an inventory lets nobody off, and no plan that nobody signed does."""
    plan = built(waiving("setting: tmp_mounts, at: {site: city}, hosts: gateways"))
    says_so = replace(HOST, waived={"umask": "2999-01-01"})

    held = {kind: held_to(replace(says_so, kind=kind), plan, DIGEST, TODAY) for kind in _KINDS}
    unsigned = held_to(says_so, None, "", TODAY)

    waived = {kind: dict(host.waived) for kind, host in held.items()}
    assert waived == {"gateways": {"tmp_mounts": "2027-03-31"}, "applications": {}, "": {}}
    assert (dict(unsigned.waived), unsigned.signed) == ({}, "")
    assert waivers_of(plan, ("甲", "乙")).keys() == {("tmp_mounts", "city", "gateways")}


_KINDS = ("gateways", "applications", "")

_NO_LINK = ["list-sas reply {}\n", '[{"addr_info": [{"local": "10.1.255.3"}]}]']


def test_of_a_pair_the_one_that_stands_by_needs_no_link() -> None:
    """Where the other one has them."""
    row = BY_NAME["links_encrypted"]
    active = answered(row, GOOD[row.name])
    standing_by = answered(row, _NO_LINK, replace(HOST, name="city-gw-2"))

    outcomes = [each.outcome for each in judge_all([row], [active, standing_by], {})]

    assert outcomes == [Outcome.PASS, Outcome.NOT_APPLICABLE]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(answered(BY_NAME["links_encrypted"], _NO_LINK), id="both stand by"),
        pytest.param(replace(HOST, trouble="no route"), id="the other is not reached"),
        pytest.param(replace(HOST, site="tax"), id="the other is of another site"),
    ],
)
def test_who_stands_by_for_nobody_fails(other: AskedHost) -> None:
    """Nobody is let off by saying that somebody else has the links."""
    row = BY_NAME["links_encrypted"]
    standing_by = answered(row, _NO_LINK, replace(HOST, name="city-gw-2"))

    found = [each.outcome for each in judge_all([row], [other, standing_by], {})]

    assert found[1] is Outcome.FAIL


def test_what_the_playbook_wrote_is_read_whole() -> None:
    """With what the inventory says, and the host's own words."""
    variables = {
        "ansible_connection": "ssh",
        "ansible_user": "operator",
        "base_operators": [{"name": "li", "duty": "audit"}],
        "group_names": ["gateways", "kind_city"],
        "hardening_mirror": "https://mirror.test/debian",
        "loushan_addresses": ["10.1.255.2/32"],
        "loushan_gates": ["a.svc.lab.internal"],
        "loushan_interfaces": [{"name": "l-suiyang", "beyond": "link"}],
        "loushan_monitoring": "m.svc.lab.internal",
        "loushan_pair": {"shared": [{"interface": "business", "address": "10.1.1.1/24"}]},
        "loushan_site": "city",
        "loushan_waivers": {"umask": "2026-12-01"},
    }
    answer = {
        "command": ["sshd", "-T"], "status": 0, "said": "port 22\n", "complained": "",
        "at": AT, "cut": False,
    }  # fmt: skip
    read = host_from_json(
        {"host": "city-gw", "variables": variables, "answers": [answer], "trouble": ""}
    )

    assert set(variables) <= set(VARIABLES)
    assert (read.kind, read.site, read.addresses) == ("gateways", "city", ("10.1.255.2",))
    assert (read.has_links, read.is_pair, read.is_monitored, read.own_kernel) == (True,) * 4
    assert (read.asker, read.operators[0].duty, read.waived) == (
        "operator", "audit", {"umask": "2026-12-01"},
    )  # fmt: skip
    assert read.answers["sshd", "-T"].as_json() == answer


# --- what is printed ----------------------------------------------------------------------------


def test_a_city_that_has_everything_holds_and_one_host_that_is_away_is_enough() -> None:
    """Unreachable is a failure of each row, and no row is left out for it."""
    well = evidence(everything())
    away = evidence(everything(), replace(HOST, name="away", trouble="no route to host"))

    assert well.holds
    assert set(well.counts) == {Outcome.PASS}
    assert not away.holds
    assert away.counts[Outcome.FAIL] == len(ROWS)


def test_the_json_has_each_row_beside_the_raw_answers() -> None:
    """So that somebody else may judge anew."""
    body = json.loads(json.dumps(evidence(everything()).as_json()))

    row = next(each for each in body["rows"] if each["row"] == "umask")
    host = body["hosts"][0]
    assert row["commands"] == ["su --login root -c umask"]
    assert (row["outcome"], row["at"], row["host"]) == ("pass", AT, "city-gw")
    assert [a["said"] for a in host["answers"] if a["command"][-1] == "umask"] == ["0027\n"]
    assert body["plan"]["digest"] == DIGEST
    assert len(body["clauses"]) == sum(SECTIONS.values()) + 1


def test_a_clause_counts_every_row_that_serves_it() -> None:
    """Also those that are printed under another."""
    sections = {s.clause.number: s for s in evidence(everything()).sections() if s.clause}

    assert sections["8.1.4.7"].judged == ()
    assert sections["8.1.4.7"].counts[Outcome.PASS] == 5
    assert "as_packaged" in sections["8.1.4.7"].also


def test_the_page_obeys_nothing_that_a_host_says() -> None:
    """A host may be somebody else's: no mark-up, no way out, no terminal's command."""
    said = 'Authorised.\n<img src="https://away.test/x"><script>\x1b]0;x\x07\u202e'
    host = everything()
    command = ("cat", "/etc/issue.net")
    hostile = replace(host.answers[command], said=said)

    text = page(evidence(replace(host, answers={**host.answers, command: hostile})), "0" * 64)

    assert "<img" not in text
    assert "<script" not in text
    assert "&lt;img" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_paper_names_the_plan_who_signed_it_and_the_data() -> None:
    """And has lines for who reviews, which are empty."""
    text = page(evidence(everything()), "ab" * 32)

    for wanted in (DIGEST, "ab" * 32, "样例城市", "编制岗、保密局审签岗", "复核人", "修订 1"):
        assert wanted in text
    assert "无不符合项,无豁免项" in text


# WeasyPrint leaves the file of its colours open until it is collected.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_a_pdf_is_made_for_the_archive() -> None:
    """By the real program, as PDF/A-2b, with the letters of its Chinese in it."""
    made = pdf(evidence(everything()), b"{}")
    gc.collect()

    inside = b"".join(inflated(made))
    assert made.startswith(b"%PDF-1.7")
    assert b'pdfaid:part="2"' in inside or b"<pdfaid:part>2" in inside
    assert re.search(rb"/FontFile[23] ", inside)
    assert re.search(rb"/BaseFont ?/[A-Z+]*Noto-?Sans-?CJK", inside)


def inflated(made: bytes) -> Iterator[bytes]:
    """Give a PDF, and what its compressed parts hold."""
    yield made
    for match in re.finditer(rb"stream\r?\n", made):
        with suppress(zlib.error):
            yield zlib.decompressobj().decompress(made[match.end() :])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\nb", "a · b", id="lines become one"),
        pytest.param("x" * 9, "xxxxxxx…", id="what is long is cut, and it shows"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_an_excerpt_is_short(text: str, expected: str) -> None:
    """On one line."""
    assert brief(text, 8) == expected


@pytest.mark.parametrize("hidden", ["\x1b[2J", "\x07", "\u202e", "\u200b", "\x9b31m"])
def test_what_a_terminal_obeys_is_shown_as_what_it_is(hidden: str) -> None:
    """And Chinese is left alone."""
    assert all(character.isprintable() for character in printable(hidden))
    assert printable("未测 ok") == "未测 ok"
