"""The lab's plan with every kind of right in it, for tests of requests."""

from ipaddress import ip_address

from tests.plans import lab_documents

#: Addresses that are in no zone.
NOWHERE = (ip_address("192.0.2.1"), ip_address("2001:db8::1"))

OFFICE_HOURS = """\
document: hours
hours:
  - name: office_hours
    title: 办公时间
    days: [1, 2, 3, 4, 5]
    times: ["08:30-12:00", "14:30-18:00"]
"""

SECRETARY = """\
  - name: secretary
    title: 领导秘书
    type: post
    zones: city.office
    clearance: 内部
    certificate: secretary
"""

DELEGATION = """\
document: delegations
delegations:
  - name: while_away
    title: 领导出差期间由秘书查看
    grants: [leader_supervises]
    to: secretary
    from: "2026-11-25"
    until: "2026-12-02"
"""

SEALED = (
    "  - {name: sealed, title: 不公开办件, zone: city.applications, service: approval, "
    "path: /cases/sealed/, label: 内部, methods: {read: [GET], decide: [DELETE]}}\n"
)

MORE_GRANTS = """\
  - name: tax_decides_sealed
    subject: tax_clerk
    resource: sealed
    actions: [decide]
    until: "2026-11-30"
"""


#: What is no HTTP: whoever may connect to it is judged once, and hears the whole of it.
COPIES = "  - {name: copies, title: 数据库复制, zone: city.applications, service: replication, "
COPIES += "stream: true, label: 内部}\n"
COUNTIES = "    from: {kind: county, zone: [business, office]}\n    to: city.applications\n"
COUNTIES += "    services: "
REPLICATION = "  - {name: replication, title: 数据库复制, tcp: 5432}\n"
COPYING = """\
  - name: huichuan_copies
    subject: huichuan_system
    resource: copies
    actions: [connect]
    until: "2026-12-31"
"""


def lab_with_rights() -> dict[str, str]:
    """Give the lab's documents with hours, a delegation, other methods, a stream and more."""
    documents = lab_documents()
    documents["subjects.yml"] += SECRETARY
    documents["subjects.yml"] = documents["subjects.yml"].replace(
        "zones: hall.counter", "zones: {site: [hall, city], zone: [counter, office]}"
    )
    documents["resources.yml"] += SEALED + COPIES
    documents["services.yml"] += REPLICATION
    documents["conduits.yml"] = documents["conduits.yml"].replace(
        f"{COUNTIES}[approval]", f"{COUNTIES}[approval, replication]"
    )
    grants = documents["grants.yml"].replace(
        "actions: [read, decide]", "actions: [read, decide], hours: office_hours"
    )
    grants = grants.replace("actions: [read, file]", "actions: [read, file], zones: hall.counter")
    documents["grants.yml"] = grants + MORE_GRANTS + COPYING
    return {**documents, "hours.yml": OFFICE_HOURS, "delegations.yml": DELEGATION}
