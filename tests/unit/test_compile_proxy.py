"""The proxy's configuration: its steps are the reference's, and its names are ones it can have."""

import re
from dataclasses import replace

from gateway.compile.judgement import steps
from gateway.compile.proxy import compile_proxy
from gateway.policy.request_reasons import RequestReason
from tests.plans import built, changed, lab_documents


def test_the_steps_are_those_of_the_reference_in_its_order() -> None:
    """Each reason has one step, but that of who passes."""
    reasons = [step.reason for step in steps("/maps", 443, is_http=True)]

    assert reasons == [reason for reason in RequestReason if reason is not RequestReason.GRANT]


def test_it_calls_itself_by_its_digest() -> None:
    """Another configuration calls itself otherwise, and the same one alike."""
    lab = built(lab_documents())
    other = built(changed("services.yml", "tcp: 8443", "tcp: 8444"))
    one, again, two = (compile_proxy(plan, "city") for plan in (lab, lab, other))

    assert f"    description {one.digest}\n" in one.text
    assert (one.digest, one.text) == (again.digest, again.text)
    assert two.digest != one.digest


def test_a_site_without_gates_listens_nowhere() -> None:
    """Nor does one whose gateway is not ours."""
    lab = built(lab_documents())

    assert "bind" in compile_proxy(lab, "city").text
    for site in ("tax", "province"):
        assert "\n    bind " not in compile_proxy(lab, site).text


def test_chinese_names_become_ones_that_it_takes() -> None:
    """A section's name is of letters, digits and a few signs."""
    documents = {name: text.replace("business", "业务") for name, text in lab_documents().items()}

    text = compile_proxy(built(documents), "city").text

    sections = re.findall(r"^(?:frontend|backend) (.+)$", text, re.MULTILINE)
    assert len(sections) == 7
    assert all(re.fullmatch(r"[A-Za-z0-9_.:-]+", name) for name in sections)


def test_no_two_gates_are_called_alike() -> None:
    """A name may have `_` in it, so that no name is put together with it."""
    plan = built(lab_documents())
    service = replace(plan.services["https"], name="queue_https")
    zone = replace(plan.zones["city.business"], name="city.business_queue")
    one = replace(plan.resources["cases"], name="one", service="queue_https")
    two = replace(plan.resources["cases"], name="two", zone=zone.name)
    alike = replace(
        plan,
        services={**plan.services, service.name: service},
        zones={**plan.zones, zone.name: zone},
        resources={"one": one, "two": two},
    )

    text = compile_proxy(alike, "city").text

    assert len(set(re.findall(r"^backend (.+)$", text, re.MULTILINE))) == 5
