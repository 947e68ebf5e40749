"""Every row of evidence, in the order in which they are printed."""

from gateway.evidence import boundary, duties, hosts, settings
from gateway.evidence.clauses import catalogue, clause_of
from gateway.evidence.hosts_asked import AskedHost, Command
from gateway.evidence.row import Row


def _place(row: Row) -> int:
    order = list(catalogue())
    return order.index(clause_of(row.clauses[0])) if row.clauses else len(order)


ROWS: tuple[Row, ...] = tuple(
    sorted((*boundary.ROWS, *hosts.ROWS, *settings.ROWS, *duties.ROWS), key=_place)
)


def questions(host: AskedHost) -> tuple[Command, ...]:
    """Give what a host is asked, each thing once."""
    asked = [c for row in ROWS if row.applies(host) is None for c in row.ask(host)]
    return tuple(dict.fromkeys(asked))
