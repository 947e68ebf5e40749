"""`loushan lab ask`: ask at a gate as somebody at a desk of the lab that is up."""

import argparse
from dataclasses import asdict

from gateway.cli.asked import add_asked, asked_for, subject_named
from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Language
from gateway.policy.request_reasons import REQUEST_REASON_WORDS, RequestReason
from lab.manners import require_root

_FIRST_REFUSAL = 400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_asked(parser)
    parser.add_argument(
        "--from",
        dest="zone",
        metavar="ZONE",
        help="at whose host, as in tax.office; the subject's first zone unless said | 从何处发起",
    )
    parser.add_argument(
        "--body", default="", metavar="JSON", help="what is sent with it | 随请求发送的内容"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print the answer; 0 where it was let pass."""
    require_root()
    from gateway.policy.plan import read_plan  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.asking import seat  # noqa: PLC0415 - as above
    from lab.hosts.describe import described  # noqa: PLC0415 - as above
    from lab.hosts.desk import Desk, lend_card  # noqa: PLC0415 - as above
    from lab.hosts.places import places  # noqa: PLC0415 - as above
    from lab.layout import lay_out  # noqa: PLC0415 - as above

    here = places()
    plan = read_plan(here.plan)
    subject = subject_named(plan, arguments.subject)
    asked = asked_for(plan, arguments.resource)
    own = described(here).host(subject.zones[0]).name
    host = described(here).host(arguments.zone).name if arguments.zone else own
    seat(here, subject, own)
    if host != own:
        lend_card(here, subject.certificate, own, host)
    address = lay_out(plan).nodes[asked.site].addresses[0]
    headers = ["Accept: application/json"]
    headers += ["Content-Type: application/json"] if arguments.body else []
    desk = Desk(here, host, subject.certificate, address, asked.gate)
    answer = desk.ask(arguments.method, asked.path, arguments.body, headers)
    if arguments.json:
        say_json(asdict(answer))
    else:
        why = answer.reason or RequestReason.GRANT
        index = 1 if arguments.language is Language.ZH else 0
        known = why in set(RequestReason)
        text = REQUEST_REASON_WORDS[RequestReason(why)][index] if known else why
        decision = words(arguments, "decision", "判定")
        say(f"{answer.status}  {text}  {decision}: {answer.decision or '-'}")
        if not answer.reason:
            say(answer.text.rstrip())
    return ExitStatus.OK if answer.status < _FIRST_REFUSAL else ExitStatus.REFUSED
