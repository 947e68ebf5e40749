"""What strongSwan's words mean; each line was said by strongSwan 6.0.1 of a link broken so."""

from datetime import UTC, datetime

import pytest

from gateway.diagnose.words import Sign, is_decided, is_life, read, time_of

#: What is said whether something is wrong or not.
ORDINARY = (
    "vici initiate CHILD_SA 'suiyang'",
    "initiating IKE_SA suiyang[3] to fd5f:5d51:4787:5351:18d0:a35:0:2",
    "parsed IKE_SA_INIT response 0 [ SA KE No N(NATD_S_IP) N(NATD_D_IP) CERTREQ N(FRAG_SUP) ]",
    "selected proposal: IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384",
    "remote host is behind NAT",
    "authentication of 'yangchuan-gw' (myself) with ECDSA_WITH_SHA384_DER successful",
    "establishing CHILD_SA suiyang{4}",
    'received end entity cert "C=CN, O=lab, OU=links, CN=suiyang-gw"',
    'checking certificate status of "C=CN, O=lab, OU=links, CN=suiyang-gw"',
    "  crl is valid: until Dec 02 18:08:59 2026",
    "certificate status is good",
    "authentication of 'suiyang-gw.gw.lab.internal' with ECDSA_WITH_SHA384_DER successful",
    "IKE_SA suiyang[3] established between fd5f::3[a]...fd5f::2[b]",
)

NOBODY_TRUSTED = "no trusted ECDSA public key found for 'suiyang-gw.gw.lab.internal'"
FAILED = "received AUTHENTICATION_FAILED notify error"


@pytest.mark.parametrize(
    ("said", "sign"),
    [
        pytest.param(
            "no private key found for 'yangchuan-gw.gw.lab.internal'", Sign.NO_KEY, id="no key"
        ),
        pytest.param(
            "certificate was revoked on Nov 25 17:20:38 UTC 2026, reason: unspecified",
            Sign.REVOKED,
            id="revoked",
        ),
        pytest.param(
            "  crl is not valid: until Nov 26 18:20:38 2026", Sign.LIST_AHEAD, id="a list ahead"
        ),
        pytest.param(
            "  crl is stale: since Nov 23 18:20:38 2026", Sign.LIST_ENDED, id="a list run out"
        ),
        pytest.param("certificate status is not available", Sign.LIST_MISSING, id="no list"),
        pytest.param(
            "subject certificate invalid (valid from Oct 26 18:20:20 2026 to Nov 24 18:20:20 2026)",
            Sign.OUT_OF_TIME,
            id="a certificate out of its time",
        ),
        pytest.param(
            "signature validation failed, looking for another key", Sign.NOT_ITS_KEY, id="its key"
        ),
        pytest.param("no matching peer config found", Sign.ANOTHER_NAME, id="another name"),
        pytest.param(NOBODY_TRUSTED, Sign.NOT_TRUSTED, id="nobody that we trust"),
        pytest.param(
            "constraint check failed: RULE_CRL_VALIDATION is FAILED, but requires at least GOOD",
            Sign.NOT_TRUSTED,
            id="a condition that does not hold",
        ),
        pytest.param(
            "no IKE config found for fd5f::3...fd5f::2, sending NO_PROPOSAL_CHOSEN",
            Sign.NO_SUCH_LINK,
            id="no such link here",
        ),
        pytest.param("received proposals unacceptable", Sign.OTHER_ALGORITHMS, id="theirs"),
        pytest.param("no acceptable proposal found", Sign.OTHER_ALGORITHMS, id="theirs, inside"),
        pytest.param(
            "received NO_PROPOSAL_CHOSEN notify error", Sign.OTHER_ALGORITHMS, id="not ours"
        ),
        pytest.param(
            "received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built",
            Sign.OTHER_ALGORITHMS,
            id="not ours, inside",
        ),
        pytest.param(
            "traffic selectors 192.0.2.0/24 === 192.0.2.0/24 unacceptable",
            Sign.OTHER_ADDRESSES,
            id="their addresses",
        ),
        pytest.param(
            "received TS_UNACCEPTABLE notify, no CHILD_SA built",
            Sign.OTHER_ADDRESSES,
            id="not our addresses",
        ),
        pytest.param(
            "ignoring IKE_SA setup from fd5f::3, per-IP half-open IKE_SA limit of 10 reached",
            Sign.CROWDED,
            id="too many",
        ),
        pytest.param(FAILED, Sign.REFUSED, id="the peer refuses"),
        pytest.param(
            "parsed INFORMATIONAL request 2 [ N(AUTH_FAILED) ]", Sign.REFUSED, id="afterwards"
        ),
        pytest.param(
            "retransmit 1 of request with message ID 0", Sign.NO_ANSWER, id="nobody answers"
        ),
        pytest.param("giving up after 5 retransmits", Sign.NO_ANSWER, id="and none will"),
    ],
)
def test_each_fault_has_its_words(said: str, sign: Sign) -> None:
    """Among all that is said anyway, and whatever comes after."""
    reading = read([*ORDINARY, said, "IKE_SA deleted"])

    assert reading is not None
    assert reading.sign is sign
    assert reading.said == said.strip()


def test_what_is_said_of_every_link_is_no_fault() -> None:
    """Nor is nothing at all."""
    assert read(ORDINARY) is None
    assert read([]) is None


@pytest.mark.parametrize(
    ("lines", "sign"),
    [
        pytest.param(
            ["certificate was revoked on Nov 25 17:20:38 UTC 2026, reason: x", NOBODY_TRUSTED],
            Sign.REVOKED,
            id="who is revoked is not trusted",
        ),
        pytest.param(
            [FAILED, "subject certificate invalid (valid from a to b)", NOBODY_TRUSTED],
            Sign.OUT_OF_TIME,
            id="the peer refuses too, since we did",
        ),
        pytest.param(
            [
                "  crl is not valid: until Nov 26 18:20:38 2026",
                "certificate status is not available",
                "constraint check failed: RULE_CRL_VALIDATION is SKIPPED, but requires GOOD",
            ],
            Sign.LIST_AHEAD,
            id="a list that does not count yet is as none",
        ),
        pytest.param(
            ["retransmit 1 of request with message ID 0", FAILED],
            Sign.REFUSED,
            id="slow, and then refused",
        ),
    ],
)
def test_what_is_nearest_to_the_cause_counts(lines: list[str], sign: Sign) -> None:
    """In whatever order it was said."""
    for each in (lines, lines[::-1]):
        reading = read(each)
        assert reading is not None
        assert reading.sign is sign


def test_what_stands_in_the_words_is_given() -> None:
    """The times, and whose certificate it was that was being looked at."""
    invalid = (
        "subject certificate invalid (valid from Oct 26 18:20:20 2026 to Nov 24 18:20:20 2026)"
    )
    reading = read([*ORDINARY, invalid])

    assert reading is not None
    assert reading.found["since"] == "Oct 26 18:20:20 2026"
    assert reading.found["until"] == "Nov 24 18:20:20 2026"
    assert reading.found["subject"].endswith("CN=suiyang-gw")


def test_silence_is_waited_for_and_a_refusal_is_not() -> None:
    """Who retransmits may still be answered."""
    assert not is_decided(None)
    assert not is_decided(read(["retransmit 1 of request with message ID 0"]))
    assert is_decided(read([FAILED]))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("parsed INFORMATIONAL response 44 [ ]", True, id="it answers us"),
        pytest.param("parsed INFORMATIONAL request 3 [ ]", True, id="it asks us"),
        pytest.param("generating INFORMATIONAL request 44 [ ]", False, id="we ask it"),
        pytest.param("parsed INFORMATIONAL request 2 [ N(AUTH_FAILED) ]", False, id="it refuses"),
        pytest.param("parsed INFORMATIONAL request 2 [ D ]", False, id="it ends the link"),
        pytest.param("retransmit 1 of request with message ID 44", False, id="it is silent"),
    ],
)
def test_a_peer_that_is_alive_is_known_by_its_answers(line: str, expected: bool) -> None:  # noqa: FBT001 - an example of a table
    """What we say ourselves shows nothing."""
    assert is_life(line) is expected


def test_a_time_is_read_in_both_ways_it_is_written() -> None:
    """In UTC where it says so, else in the host's own zone."""
    local = datetime(2026, 11, 25, 17, 20, 38).astimezone(UTC)

    assert time_of("Nov 25 17:20:38 UTC 2026") == datetime(2026, 11, 25, 17, 20, 38, tzinfo=UTC)
    assert time_of("Nov 25 17:20:38 2026") == local
    assert time_of("yesterday") is None
