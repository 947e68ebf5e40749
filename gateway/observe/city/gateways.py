"""Judge one gateway by what it says of itself; pure.

The bounds are those of the alerts (`monitoring/gateways.rules.yml`), so that
the picture and the alerts tell the same story.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.observe.city.answers import Answers, Series
from gateway.observe.city.questions import Question
from gateway.observe.city.standing import Standing, worst, worst_first
from gateway.observe.city.state import Fact, GatewayState
from gateway.policy.reasons import Verdict

#: Asked longer ago than this says nothing of now; Prometheus asks every five seconds.
SCRAPE_LASTS_SECONDS = 30.0

#: A proof lasts so many of its intervals, and this much more for the proving itself.
_PROOFS_LAST, _PROVING_SECONDS = 3, 180.0

_DAY_SECONDS = 86_400.0
_SOON_DAYS, _URGENT_DAYS = 30.0, 3.0

#: What should be renewed, after so much of its life.
_LATE = 2 / 3

_MOST_GAPS = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one gateway: its values by name, and its counts by question."""

    values: dict[str, list[Series]] = field(default_factory=dict)
    counts: dict[Question, list[Series]] = field(default_factory=dict)

    def value(self, name: str, **labels: str) -> float | None:
        """Give the one value of that name with those labels; None where nothing is said."""
        for each in self.values.get(name, ()):
            if labels.items() <= each.labels.items():
                return each.value
        return None

    def by_reason(self, question: Question, verdict: str = "") -> dict[str, float]:
        """Give counts by their reason; one that is not above nothing is left out."""
        return {
            each.labels.get("reason", ""): each.value
            for each in self.counts.get(question, ())
            if each.value > _MOST_GAPS and (not verdict or each.labels.get("verdict") == verdict)
        }

    @property
    def is_asked(self) -> bool:
        """Whether anybody asks this gateway at all."""
        return bool(self.values.get("up"))


def told_of_each(answers: Answers) -> dict[str, Told]:
    """Sort what was answered by the gateway that it is about."""
    found: dict[str, Told] = {}
    for question, rows in answers.series.items():
        for each in rows:
            told = found.setdefault(each.labels.get("instance", ""), Told())
            if question is Question.STATE:
                told.values.setdefault(each.name, []).append(each)
            else:
                told.counts.setdefault(question, []).append(each)
    return found


def is_heard(told: Told, now: float) -> bool:
    """Tell whether a gateway was asked just now, and answered."""
    return _lost(told, now) is None


def judge_gateway(host: str, told: Told, now: float, newest: float | None) -> GatewayState:
    """Judge one gateway; `newest` is the highest revision that any has in force."""
    lost = _lost(told, now)
    if lost is not None:
        return GatewayState(host, Standing.UNKNOWN, Standing.UNKNOWN, (lost,))
    proof = _proof(told, now)
    facts = (
        *_of_sources(told),
        *([] if proof is None else [proof]),
        *_of_policy(told, now, newest),
        *_of_requests(told),
        *_of_lives(told, now, "certificate"),
        *_of_lives(told, now, "revocations"),
    )
    expiry = told.value("loushan_policy_expiry_timestamp_seconds")
    requests = {
        **told.by_reason(Question.DECISIONS, Verdict.DROP),
        **told.by_reason(Question.UNASKED),
    }
    return GatewayState(
        host=host,
        standing=worst((fact.standing for fact in facts), Standing.GOOD),
        proof=Standing.GOOD if proof is None else proof.standing,
        facts=tuple(sorted(facts, key=lambda fact: worst_first(fact.standing))),
        proven_at=told.value("loushan_proof_timestamp_seconds"),
        revision=told.value("loushan_policy_revision"),
        policy_days=None if expiry is None else (expiry - now) / _DAY_SECONDS,
        certificate_days=_shortest(told, now, "certificate"),
        list_days=_shortest(told, now, "revocations"),
        active=_flag(told.value("loushan_pair_active")),
        gates_open=_flag(told.value("loushan_gates_open")),
        recording=_flag(told.value("loushan_log_recording")),
        accepted=sum(told.by_reason(Question.DECISIONS, Verdict.ACCEPT).values()),
        packets=told.by_reason(Question.PACKETS),
        requests=requests,
    )


def _lost(told: Told, now: float) -> Fact | None:
    """Say why nothing is known of a gateway; None where something is."""
    up = told.value("up")
    if up is None:
        return Fact(Standing.UNKNOWN, "unwatched")
    if up != 1:
        return Fact(Standing.UNKNOWN, "silent")
    scraped = max((each.value for each in told.counts.get(Question.SCRAPED, ())), default=None)
    if scraped is None or now - scraped > SCRAPE_LASTS_SECONDS:
        return Fact(Standing.UNKNOWN, "asked_long_ago")
    return None


def _proof(told: Told, now: float) -> Fact | None:
    """Say why a gateway is not proven; None where it is."""
    proven, at = told.value("loushan_proven"), told.value("loushan_proof_timestamp_seconds")
    if proven is None or told.value("loushan_source_up", source="agent") != 1:
        return Fact(Standing.UNKNOWN, "proof_unknown")
    interval = told.value("loushan_proof_interval_seconds")
    if proven != 1:
        return Fact(Standing.URGENT, "unproven")
    if at is None or interval is None:
        return Fact(Standing.UNKNOWN, "proof_unknown")
    if now - at >= _PROOFS_LAST * interval + _PROVING_SECONDS:
        return Fact(Standing.URGENT, "proof_old")
    return None


def _of_sources(told: Told) -> Iterator[Fact]:
    for each in told.values.get("loushan_source_up", ()):
        source = each.labels.get("source", "")
        if each.value != 1 and source != "agent":
            yield Fact(Standing.UNKNOWN, "part_silent", {"part": source})


def _of_policy(told: Told, now: float, newest: float | None) -> Iterator[Fact]:
    if told.value("loushan_closed") == 1:
        yield Fact(Standing.URGENT, "closed")
    if told.value("loushan_probation") == 1:
        yield Fact(Standing.WARNING, "probation")
    revision = told.value("loushan_policy_revision")
    if revision is not None and newest is not None and revision < newest:
        yield Fact(Standing.WARNING, "older_policy", {"revision": revision, "newest": newest})
    expiry = told.value("loushan_policy_expiry_timestamp_seconds")
    if expiry is not None and expiry - now < _SOON_DAYS * _DAY_SECONDS:
        days = (expiry - now) / _DAY_SECONDS
        standing = Standing.URGENT if days < _URGENT_DAYS else Standing.WARNING
        yield Fact(standing, "policy_ended" if days < 0 else "policy_ending", {"days": days})
    drifts = sum(each.value for each in told.counts.get(Question.DRIFTS, ()))
    if drifts > _MOST_GAPS:
        yield Fact(Standing.WARNING, "drifted", {"count": round(drifts)})


def _of_requests(told: Told) -> Iterator[Fact]:
    if told.value("loushan_gates_open") == 0:
        yield Fact(Standing.URGENT, "gates_closed")
    if told.value("loushan_log_recording") == 0:
        yield Fact(Standing.URGENT, "log_stopped")
    if (told.value("loushan_log_damaged") or 0) > 0:
        yield Fact(Standing.URGENT, "log_damaged")


def _of_lives(told: Told, now: float, what: str) -> Iterator[Fact]:
    """Say which certificates or lists of revocations should have been replaced."""
    is_list = what == "revocations"
    for name, begin, expiry in _lives(told, what):
        days = (expiry - now) / _DAY_SECONDS
        params: dict[str, str | float] = {"name": name, "days": days}
        if expiry <= 0:
            yield Fact(Standing.URGENT, f"{what}_missing", params)
        elif days < (0 if is_list else _URGENT_DAYS):
            yield Fact(Standing.URGENT, f"{what}_ending", params)
        elif begin is not None and now - begin > _LATE * (expiry - begin):
            yield Fact(Standing.WARNING, f"{what}_late", params)


def _lives(told: Told, what: str) -> Iterator[tuple[str, float | None, float]]:
    for each in told.values.get(f"loushan_{what}_expiry_timestamp_seconds", ()):
        own = {n: v for n, v in each.labels.items() if n in {"certificate", "authority", "of"}}
        begin = told.value(f"loushan_{what}_begin_timestamp_seconds", **own)
        yield own.get("certificate") or own.get("authority", ""), begin, each.value


def _shortest(told: Told, now: float, what: str) -> float | None:
    days: Iterable[float] = ((expiry - now) / _DAY_SECONDS for _, _, expiry in _lives(told, what))
    shortest = min(days, default=None)
    return None if shortest is None else max(shortest, 0.0)


def _flag(value: float | None) -> bool | None:
    return None if value is None else value == 1
