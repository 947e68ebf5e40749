"""The evidence on paper: a page for an assessor, in Chinese, as PDF/A-2b.

Everything that a host said is escaped and shortened; the whole of it stands in
the JSON, whose digest is printed, so that paper and data are known to belong
together.
"""

import hashlib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template

from gateway.cli.evidence_words import brief, local_time, printable
from gateway.errors import Refused, problem
from gateway.evidence.clauses import Where
from gateway.evidence.evidence import STANDARD, Evidence, Section
from gateway.evidence.hosts_asked import shown
from gateway.evidence.judge import OUTCOMES, Judged, Outcome

_TEMPLATE = Path(__file__).with_name("evidence.html")

#: So much of a command and of an answer is printed, in characters.
_COMMAND, _ANSWER = 220, 360

_WHERE = {Where.PRODUCT: "本产品", Where.OUTSIDE: "产品之外", Where.NOT_APPLICABLE: "不适用"}


def pdf(evidence: Evidence, body: bytes) -> bytes:
    """Give the evidence as a PDF; `body` is the JSON that is kept beside it.

    Raises:
        Refused: ZG916, what it takes to write one is not here.
    """
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as fault:
        raise Refused(problem("ZG916", error=str(fault).splitlines()[0])) from fault
    html = HTML(string=page(evidence, hashlib.sha256(body).hexdigest()), url_fetcher=_fetch_nothing)
    written: bytes = html.write_pdf(pdf_variant="pdf/a-2b")
    return written


def _fetch_nothing(url: str, *_: object, **__: object) -> dict[str, object]:
    """Refuse: a page holds what a host said, and nothing in it may reach anybody."""
    raise ValueError(url)


def page(evidence: Evidence, digest: str) -> str:
    """Give the page as HTML; `digest` is of the JSON, in hex."""
    signed = evidence.signed
    plan = f"{signed.title}({signed.plan})" if signed.digest else f"无:{signed.problem}"
    return Template(_TEMPLATE.read_text("utf-8")).substitute(
        standard=STANDARD,
        plan=_text(plan),
        revision=signed.revision or "-",
        plan_digest=signed.digest or "-",
        signers=_text("、".join(signed.signers) or "-"),
        taken=local_time(evidence.taken_at),
        version=_text(evidence.version),
        digest=digest,
        hosts=_text("、".join(host.name for host in evidence.hosts)),
        counts=_counts(evidence),
        summary="".join(_summary(evidence)),
        failures="".join(_failures(evidence)),
        sections="".join(_section(section) for section in evidence.sections()),
    )


def _text(text: str) -> str:
    return escape(printable(text))


def _counts(evidence: Evidence) -> str:
    counted = ((o, evidence.counts[o], OUTCOMES[o].zh) for o in Outcome)
    return "".join(f'<div class="count {o}"><b>{n}</b>{words}</div>' for o, n, words in counted)


def _summary(evidence: Evidence) -> Iterator[str]:
    """Give a line for each clause: what its rows say, and what is left to whom."""
    for section in evidence.sections():
        clause = section.clause
        if clause is None:
            continue
        counts = section.counts
        cells = "".join(
            f'<td class="number {o if counts[o] else "none"}">{counts[o] or "·"}</td>'
            for o in Outcome
        )
        yield (
            f"<tr><td>{clause.number}</td><td>{_text(clause.heading.zh)}</td>"
            f"<td>{_WHERE[clause.where]}</td>{cells}<td>{_text(clause.left.zh)}</td></tr>"
        )


def _failures(evidence: Evidence) -> Iterator[str]:
    """List what an assessor asks about first; hosts that say the same are one line."""
    asked = [e for e in evidence.judged if e.outcome in {Outcome.FAIL, Outcome.WAIVED}]
    if not asked:
        yield "<p>无不符合项,无豁免项。</p>"
        return
    alike: dict[tuple[str, str], list[Judged]] = {}
    for each in asked:
        alike.setdefault((each.row.name, each.why.zh), []).append(each)
    yield '<table class="rows"><thead><tr><th>条款</th><th>控制措施</th><th>主机</th><th>情况</th>'
    yield "<th>结论</th></tr></thead>"
    for group in alike.values():
        yield _failure(group)
    yield "</table>"


def _failure(group: list[Judged]) -> str:
    first = group[0]
    clauses = "、".join(first.row.clauses[:2]) or "-"
    return (
        f"<tr><td>{clauses}</td><td>{_text(first.row.control.zh)}</td>"
        f"<td>{_text('、'.join(each.host.name for each in group))}</td>"
        f"<td>{_text(brief(first.why.zh, _ANSWER))}</td>{_outcome(first)}</tr>"
    )


def _outcome(judged: Judged) -> str:
    return f'<td class="outcome {judged.outcome}">{OUTCOMES[judged.outcome].zh}</td>'


def _section(section: Section) -> str:
    return "".join(_section_parts(section))


def _section_parts(section: Section) -> Iterator[str]:
    clause = section.clause
    if clause is None:
        yield "<h2>标准条款以外</h2>"
    else:
        yield f"<h2>{clause.number} {_text(clause.heading.zh)}</h2><dl>"
        yield f"<dt>要求(转述)</dt><dd>{_text(clause.asks.zh)}</dd>"
        yield f"<dt>本产品</dt><dd>{_text(clause.does.zh)}</dd>"
        yield f"<dt>其余</dt><dd>{_text(clause.left.zh)}</dd>"
        if section.also:
            yield f"<dt>另见</dt><dd>{_text('、'.join(section.also))}</dd>"
        yield "</dl>"
    shown_rows = [e for e in section.judged if e.outcome is not Outcome.NOT_APPLICABLE]
    if not shown_rows:
        return
    yield '<table class="rows"><thead><tr><th>控制措施</th><th>主机</th><th>询问命令</th>'
    yield "<th>回答(摘录)</th><th>时间</th><th>结论</th></tr></thead>"
    for number, each in enumerate(shown_rows):
        is_first = not number or shown_rows[number - 1].row is not each.row
        yield _row(each, is_first=is_first)
    yield "</table>"


def _row(judged: Judged, *, is_first: bool) -> str:
    """Give one row; the control is said once for all its hosts."""
    row = judged.row
    control = ""
    if is_first:
        items = "、".join(row.clauses)
        control = f"{_text(row.control.zh)}<small>{row.name} {items}</small>"
    commands = "同上"
    if is_first:
        commands = "<br>".join(_text(brief(shown(each), _COMMAND)) for each in judged.commands)
    said = _text(brief(judged.rests, _ANSWER))
    why = f'<p class="why">{_text(brief(judged.why.zh, _ANSWER))}</p>' if judged.why.zh else ""
    return (
        f'<tr class="{"first" if is_first else ""}"><td>{control}</td>'
        f"<td>{_text(judged.host.name)}</td><td><code>{commands}</code></td>"
        f"<td>{why}<code>{said}</code></td>"
        f'<td class="time">{local_time(judged.at, short=True)}</td>{_outcome(judged)}</tr>'
    )
