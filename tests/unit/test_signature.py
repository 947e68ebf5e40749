"""A plan is taken only as two people signed it; everything else is refused, with its reason."""

import json
import os
import textwrap
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384, SHA512
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.catalogue.signature import TEXTS
from gateway.errors import NOWHERE, Language, Refused
from gateway.policy.algorithms import ALGORITHMS
from gateway.policy.canonical import LARGEST_NUMBER, readable_bytes, time_text
from gateway.policy.documents import Document
from gateway.policy.release import read_release, write_release
from gateway.policy.signature import Release, parse_release, sign
from gateway.policy.signers import (
    SignerRole,
    Trust,
    load_certificate,
    load_key,
    load_trust,
    read_small_file,
)
from gateway.policy.statement import LONGEST_WINDOW, Base, parse_statement, prepare_statement
from gateway.policy.succession import Accepted, check_may_follow
from tests.signing import (
    AUTHOR,
    AUTHORITY,
    BEGIN,
    BUREAU,
    DIFFERENCE,
    DOCUMENTS,
    END,
    NOW,
    PLAN,
    ROLE_POLICY,
    SIGNED,
    Office,
    Person,
    Shape,
    forge,
    issue,
    make_key,
    open_office,
    revocations,
    statement,
)

OFFICE = open_office()
OFFICES = {"ed25519": OFFICE} | {
    name: open_office(name) for name in ALGORITHMS if name != "ed25519"
}
A, B = SignerRole.AUTHOR, SignerRole.BUREAU


def codes(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    """Give the codes of a refusal."""
    return {problem.code for problem in refused.value.problems}


def refusal(act: Callable[[], object]) -> set[str]:
    """Do what must be refused, and give the codes."""
    with pytest.raises(Refused) as refused:
        act()
    return codes(refused)


# --- what is taken ---------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_plan_that_two_people_signed_is_taken(algorithm: str) -> None:
    """Each algorithm carries a release from the signers' desks to the host."""
    office = OFFICES[algorithm]
    office = replace(office, release=parse_release(office.release.content))

    verified = office.check()

    assert verified.statement == statement()
    assert verified.digest == statement().digest
    assert (verified.author.name, verified.bureau.name) == (AUTHOR.name, BUREAU.name)
    assert {s.algorithm for s in office.release.signatures} == {algorithm}


@pytest.mark.parametrize("first", [A, B], ids=["author first", "bureau first"])
def test_the_two_may_sign_in_either_order(first: SignerRole) -> None:
    """The order of the desks is not the product's business, nor does it show in the file."""
    people = {A: OFFICE.author, B: OFFICE.bureau}
    second = B if first is A else A

    once = OFFICE.add(Release(statement()), first, people[first])
    twice = OFFICE.add(once, second, people[second])

    assert replace(OFFICE, release=parse_release(twice.content)).check().digest
    assert list(json.loads(twice.content)["signatures"][0].values())[2] == "author"


def test_the_window_includes_its_beginning() -> None:
    """A release is valid from the second it names."""
    assert OFFICE.check(now=BEGIN).digest


def test_the_window_includes_its_end() -> None:
    """A release is valid until the second it names."""
    fresh = revocations(OFFICE.authority, begin=END - timedelta(days=1))

    assert OFFICE.trusting(revocations=(fresh,)).check(now=END).digest


def test_a_time_zone_does_not_change_what_is_signed() -> None:
    """Zunyi's clock and UTC say the same moment."""
    local = timezone(timedelta(hours=8))

    here = statement(not_before=BEGIN.astimezone(local), not_after=END.astimezone(local))

    assert here.digest == statement().digest


# --- documents and difference ------------------------------------------------------------------


ALTERED = (replace(DOCUMENTS[0], content=b"document: conduits \n"), *DOCUMENTS[1:])
RENAMED = (replace(DOCUMENTS[0], path="a.yml"), *DOCUMENTS[1:])


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        pytest.param(ALTERED, {"ZG311"}, id="an altered document"),
        pytest.param((*DOCUMENTS, Document("z.yml", b"")), {"ZG312"}, id="an added document"),
        pytest.param(DOCUMENTS[1:], {"ZG313"}, id="a missing document"),
        pytest.param(RENAMED, {"ZG312", "ZG313"}, id="a renamed document"),
        pytest.param((), {"ZG313"}, id="no document"),
        pytest.param(
            (*DOCUMENTS, Document("a\u202eb.yml", b"")), {"ZG312"}, id="one with a hidden sign"
        ),
        pytest.param((*DOCUMENTS, DOCUMENTS[0]), {"ZG312"}, id="a document twice"),
    ],
)
def test_other_documents_than_the_signed_ones_are_refused(
    documents: tuple[Document, ...], expected: set[str]
) -> None:
    """The signature covers each document by its path and its bytes."""
    assert refusal(lambda: OFFICE.check(documents=documents)) == expected


@pytest.mark.parametrize("difference", [b"", DIFFERENCE + b" ", DIFFERENCE[:-1]])
def test_another_difference_than_the_reviewed_one_is_refused(difference: bytes) -> None:
    """The difference that people read is the one that they signed."""
    assert refusal(lambda: OFFICE.check(difference=difference)) == {"ZG314"}


def test_a_release_of_another_plan_is_refused() -> None:
    """Even where the documents are the same."""
    assert refusal(lambda: OFFICE.check(plan="大城")) == {"ZG310"}


def test_every_reason_is_given_at_once() -> None:
    """A reader who repairs one thing does not find the next only then."""
    alone = OFFICE.with_signatures(OFFICE.signature(A)).trusting(revocations=())

    refused = refusal(
        lambda: alone.check(documents=ALTERED, difference=b"", now=END + timedelta(1), plan="x")
    )

    assert refused == {"ZG310", "ZG311", "ZG314", "ZG317", "ZG330", "ZG353"}


# --- time ----------------------------------------------------------------------------------------


def test_a_release_that_is_not_yet_valid_is_refused() -> None:
    """One second early is early."""
    assert refusal(lambda: OFFICE.check(now=BEGIN - timedelta(seconds=1))) == {"ZG316"}


def test_an_expired_release_is_refused() -> None:
    """One second late is late."""
    fresh = revocations(OFFICE.authority, begin=END - timedelta(days=1))
    office = OFFICE.trusting(revocations=(fresh,))

    assert refusal(lambda: office.check(now=END + timedelta(seconds=1))) == {"ZG317"}


@pytest.mark.parametrize(
    ("begin", "end", "code"),
    [
        pytest.param(END, BEGIN, "ZG318", id="ends before it begins"),
        pytest.param(BEGIN, BEGIN, "ZG318", id="ends when it begins"),
        pytest.param(BEGIN, BEGIN + LONGEST_WINDOW + timedelta(seconds=1), "ZG319", id="too long"),
    ],
)
def test_a_wrong_window_is_refused_when_made_when_signed_and_when_read(
    begin: datetime, end: datetime, code: str
) -> None:
    """Even two true signatures do not stretch the window."""
    wrong = statement(not_before=begin, not_after=end)
    both = (forge(wrong, A, OFFICE.author), forge(wrong, B, OFFICE.bureau))
    office = replace(OFFICE, release=Release(wrong, both))

    made = refusal(
        lambda: prepare_statement(
            plan=PLAN,
            revision=7,
            not_before=begin,
            not_after=end,
            documents=DOCUMENTS,
            difference=DIFFERENCE,
            base=None,
        )
    )
    signed = refusal(lambda: sign(wrong, A, OFFICE.author.key, OFFICE.author.certificate, SIGNED))

    assert made == signed == {code}
    assert code in refusal(office.check)


def test_the_largest_revision_is_taken() -> None:
    """In the file as at the desk."""
    last = statement(revision=LARGEST_NUMBER, base=Base(LARGEST_NUMBER - 1, "ab" * 32))
    signature = sign(last, A, OFFICE.author.key, OFFICE.author.certificate, SIGNED)

    assert parse_release(Release(last, (signature,)).content).statement == last


def test_the_longest_window_is_taken() -> None:
    """400 days, not a second less."""
    long = statement(not_after=BEGIN + LONGEST_WINDOW)

    assert sign(long, A, OFFICE.author.key, OFFICE.author.certificate, SIGNED).value


@pytest.mark.parametrize(
    ("signed_at", "code"),
    [
        pytest.param(NOW + timedelta(seconds=1), "ZG336", id="signed in the future"),
        pytest.param(END + timedelta(seconds=1), "ZG337", id="signed after the end"),
        pytest.param(SIGNED - timedelta(days=31), "ZG341", id="signed before the certificate"),
    ],
)
def test_a_signature_at_an_impossible_time_is_refused(signed_at: datetime, code: str) -> None:
    """The time of a signature is judged, not only kept."""
    late = forge(OFFICE.release.statement, A, OFFICE.author, signed_at=signed_at)

    assert code in refusal(OFFICE.with_signatures(late, OFFICE.signature(B)).check)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(BEGIN.replace(tzinfo=None), id="no time zone"),
        pytest.param(BEGIN.replace(microsecond=1), id="a part of a second"),
    ],
)
def test_a_time_that_has_two_forms_is_the_callers_mistake(moment: datetime) -> None:
    """It never reaches a signature."""
    with pytest.raises(ValueError, match="2026"):
        time_text(moment)


# --- two people ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        pytest.param((), {"ZG330"}, id="no signature"),
        pytest.param((A,), {"ZG330"}, id="the author alone"),
        pytest.param((B,), {"ZG330"}, id="the bureau alone"),
        pytest.param((A, A), {"ZG330", "ZG331", "ZG332"}, id="the author twice"),
        pytest.param((B, B), {"ZG330", "ZG331", "ZG332"}, id="the bureau twice"),
        pytest.param((A, B, B), {"ZG331", "ZG332"}, id="a third signature"),
    ],
)
def test_anything_but_one_signature_in_each_role_is_refused(
    kept: tuple[SignerRole, ...], expected: set[str]
) -> None:
    """Two people, two roles."""
    office = OFFICE.with_signatures(*(OFFICE.signature(role) for role in kept))

    assert refusal(office.check) == expected


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(replace(BUREAU, number=AUTHOR.number), id="the same number"),
        pytest.param(replace(BUREAU, number="A1"), id="the same number in capitals"),
        pytest.param(replace(BUREAU, name=AUTHOR.name), id="the same name"),
        pytest.param(replace(BUREAU, name=f" {AUTHOR.name} "), id="the same name with spaces"),
    ],
)
def test_two_signatures_of_one_person_are_refused(shape: Shape) -> None:
    """One mark in common is enough: a second certificate does not make a second person."""
    double = issue(shape, OFFICE.authority)

    assert refusal(OFFICE.signed_by(OFFICE.author, double).check) == {"ZG332"}


def test_two_signatures_by_one_key_are_refused() -> None:
    """Two names that share a key are one hand."""
    double = issue(BUREAU, OFFICE.authority, OFFICE.author.key)

    assert refusal(OFFICE.signed_by(OFFICE.author, double).check) == {"ZG332"}


# --- what a signature covers ---------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_moved_to_the_other_role_is_refused(algorithm: str) -> None:
    """The role is part of what is signed, and of the certificate."""
    office = OFFICES[algorithm]
    a, b = office.signature(A), office.signature(B)

    moved = office.with_signatures(replace(a, role=B), replace(b, role=A))

    assert refusal(moved.check) == {"ZG333", "ZG343"}


def test_the_role_is_covered_even_where_one_certificate_could_have_both() -> None:
    """Shown on the value alone, without the certificate's help."""
    a = OFFICE.signature(A)

    assert a.covered(statement()) != replace(a, role=B).covered(statement())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"signed_at": SIGNED + timedelta(seconds=1)}, id="its time"),
        pytest.param({"value": b""}, id="an empty value"),
        pytest.param({"value": bytes(64)}, id="a value of zeros"),
    ],
)
def test_a_changed_signature_is_refused(change: dict[str, Any]) -> None:
    """Each signature covers itself."""
    office = OFFICE.with_signatures(replace(OFFICE.signature(A), **change), OFFICE.signature(B))

    assert refusal(office.check) == {"ZG333"}


def test_a_swapped_certificate_is_refused() -> None:
    """Even a second certificate for the same key and the same name: it was not the one used."""
    again = issue(AUTHOR, OFFICE.authority, OFFICE.author.key)
    swapped = replace(OFFICE.signature(A), certificate=again.certificate)

    assert refusal(OFFICE.with_signatures(swapped, OFFICE.signature(B)).check) == {"ZG333"}


def test_the_two_certificates_cannot_change_places() -> None:
    """Nor can the values."""
    a, b = OFFICE.signature(A), OFFICE.signature(B)
    crossed = OFFICE.with_signatures(
        replace(a, certificate=b.certificate), replace(b, certificate=a.certificate)
    )

    assert refusal(crossed.check) == {"ZG333", "ZG343"}


def test_signatures_of_another_revision_are_refused() -> None:
    """A signature cannot be cut from one release and pasted into the next."""
    other = replace(OFFICE.release, statement=statement(revision=8))

    assert refusal(replace(OFFICE, release=other).check) == {"ZG333"}


def test_what_was_signed_for_another_purpose_is_refused() -> None:
    """The line before the JSON separates our signatures from any other use of the key."""
    bare = forge(OFFICE.release.statement, A, OFFICE.author, change=lambda b: b.split(b"\n", 1)[1])

    assert refusal(OFFICE.with_signatures(bare, OFFICE.signature(B)).check) == {"ZG333"}


# --- algorithms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ALGORITHMS)
@pytest.mark.parametrize("claimed", ALGORITHMS)
def test_the_key_decides_the_algorithm(key: str, claimed: str) -> None:
    """A signature that names another algorithm than its key's is refused."""
    office = OFFICES[key]
    lied = forge(office.release.statement, A, office.author, algorithm=claimed)
    office = office.with_signatures(lied, office.signature(B))

    if key == claimed:
        assert office.check().digest
    else:
        assert refusal(office.check) == {"ZG335"}


@pytest.mark.parametrize("name", ["none", "NONE", "Ed25519", "hmac-sha256", "sm2-sm3", "rsa"])
def test_an_unknown_algorithm_is_refused(name: str) -> None:
    """And the advice says which are known."""
    unknown = forge(OFFICE.release.statement, A, OFFICE.author, algorithm=name)

    with pytest.raises(Refused) as refused:
        OFFICE.with_signatures(unknown, OFFICE.signature(B)).check()

    assert codes(refused) == {"ZG334"}
    assert all(known in str(refused.value) for known in ALGORITHMS)


@pytest.mark.parametrize("key", [name for name in ALGORITHMS if name != "ed25519"] + ["rsa"])
def test_an_algorithm_does_not_touch_another_kind_of_key(key: str) -> None:
    """Even where nobody asked first whether it fits."""
    person = make_key(key)

    with pytest.raises(TypeError):
        ALGORITHMS["ed25519"].sign(person, b"")
    with pytest.raises(InvalidSignature):
        ALGORITHMS["ed25519"].verify(person.public_key(), bytes(64), b"")


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name != "ed25519"])
@pytest.mark.parametrize("key", ["ed25519", "rsa"])
def test_ecdsa_does_not_touch_another_kind_of_key(name: str, key: str) -> None:
    """Likewise."""
    person = make_key(key)

    with pytest.raises(TypeError):
        ALGORITHMS[name].sign(person, b"")
    with pytest.raises(InvalidSignature):
        ALGORITHMS[name].verify(person.public_key(), bytes(64), b"")


def test_a_curve_does_not_verify_what_another_signed() -> None:
    """P-256 is not P-384, whatever hash both were given."""
    key = make_key("ecdsa-p256-sha256")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    value = key.sign(b"plan", ec.ECDSA(SHA384()))

    with pytest.raises(InvalidSignature):
        ALGORITHMS["ecdsa-p384-sha384"].verify(key.public_key(), value, b"plan")


def test_a_kind_of_key_that_no_algorithm_takes_is_refused() -> None:
    """An RSA key signs no plan."""
    person = issue(AUTHOR, OFFICE.authority, make_key("rsa"))
    claimed = replace(OFFICE.signature(A), certificate=person.certificate)

    assert refusal(OFFICE.with_signatures(claimed, OFFICE.signature(B)).check) == {"ZG349"}


# --- certificates --------------------------------------------------------------------------------


STRANGER = issue(AUTHORITY)
SUB_AUTHORITY = issue(replace(AUTHORITY, name="下级机构"), OFFICE.authority)
OTHER_CONDITION = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
BOTH_ROLES = (ROLE_POLICY[A], ROLE_POLICY[B])


@pytest.mark.parametrize(
    ("author", "code"),
    [
        pytest.param(issue(AUTHOR, STRANGER), "ZG340", id="another authority, of the same name"),
        pytest.param(issue(AUTHOR), "ZG340", id="a certificate that signs itself"),
        pytest.param(issue(AUTHOR, SUB_AUTHORITY), "ZG340", id="an authority below the trusted"),
        pytest.param(issue(AUTHOR, OFFICE.bureau), "ZG340", id="issued by another signer"),
        pytest.param(OFFICE.authority, "ZG345", id="the authority itself"),
        pytest.param(SUB_AUTHORITY, "ZG345", id="an authority's certificate"),
        pytest.param(
            issue(replace(AUTHOR, ca=True), OFFICE.authority), "ZG345", id="may be an authority"
        ),
        pytest.param(
            issue(replace(AUTHOR, ca=None), OFFICE.authority), "ZG345", id="does not say if it may"
        ),
        pytest.param(
            issue(replace(AUTHOR, signs=False), OFFICE.authority), "ZG345", id="not for signatures"
        ),
        pytest.param(
            issue(replace(AUTHOR, issues=True), OFFICE.authority), "ZG345", id="may also issue"
        ),
        pytest.param(
            issue(replace(AUTHOR, revokes=True), OFFICE.authority), "ZG345", id="may also revoke"
        ),
        pytest.param(
            issue(replace(AUTHOR, usage=False), OFFICE.authority), "ZG345", id="not said what for"
        ),
        pytest.param(
            issue(replace(AUTHOR, name=" "), OFFICE.authority), "ZG347", id="a name of nothing"
        ),
        pytest.param(
            issue(BUREAU, OFFICE.authority), "ZG343", id="the bureau's certificate as author"
        ),
        pytest.param(issue(replace(AUTHOR, policies=()), OFFICE.authority), "ZG344", id="no role"),
        pytest.param(
            issue(replace(AUTHOR, policies=("1.2.3",)), OFFICE.authority), "ZG344", id="other role"
        ),
        pytest.param(
            issue(replace(AUTHOR, policies=BOTH_ROLES), OFFICE.authority), "ZG344", id="both roles"
        ),
        pytest.param(
            issue(replace(AUTHOR, extra=OTHER_CONDITION), OFFICE.authority),
            "ZG346",
            id="a critical extension that is not understood",
        ),
        pytest.param(
            issue(replace(AUTHOR, number=None), OFFICE.authority), "ZG347", id="no number"
        ),
        pytest.param(
            issue(replace(AUTHOR, end=NOW - timedelta(1)), OFFICE.authority), "ZG341", id="expired"
        ),
        pytest.param(
            issue(replace(AUTHOR, begin=NOW + timedelta(1)), OFFICE.authority),
            "ZG341",
            id="not yet valid",
        ),
    ],
)
def test_a_wrong_author_is_refused(author: Person, code: str) -> None:
    """The signature is true in each case; who made it does not count."""
    office = OFFICE.with_signatures(forge(OFFICE.release.statement, A, author), OFFICE.signature(B))

    assert code in refusal(office.check)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(replace(AUTHOR, begin=SIGNED, end=NOW), id="no second longer than needed"),
        pytest.param(
            replace(AUTHOR, extra=OTHER_CONDITION, extra_is_critical=False),
            id="an extension that need not be understood",
        ),
    ],
)
def test_an_unusual_but_good_author_is_taken(shape: Shape) -> None:
    """What is refused is refused for a reason."""
    author = issue(shape, OFFICE.authority)

    assert OFFICE.signed_by(author, OFFICE.bureau).check().author.name == AUTHOR.name


def test_an_authors_certificate_does_not_sign_for_the_bureau() -> None:
    """Two authors are not an author and the Bureau."""
    second = issue(replace(AUTHOR, name="另一岗", number="a2"), OFFICE.authority)

    assert refusal(OFFICE.signed_by(OFFICE.author, second).check) == {"ZG343"}


# --- the authority and its revocations -----------------------------------------------------------


def revoked(*people: Person) -> Office:
    """Give the office after these were revoked."""
    return OFFICE.trusting(revocations=(revocations(OFFICE.authority, *people),))


@pytest.mark.parametrize(
    "people",
    [
        pytest.param((OFFICE.author,), id="the author"),
        pytest.param((OFFICE.bureau,), id="the bureau"),
        pytest.param((OFFICE.author, OFFICE.bureau), id="both"),
    ],
)
def test_a_revoked_signer_is_refused(people: tuple[Person, ...]) -> None:
    """Also where the signature was made before the revocation."""
    assert refusal(revoked(*people).check) == {"ZG348"}


def test_a_revocation_of_somebody_else_changes_nothing() -> None:
    """Revoking is exact."""
    assert revoked(issue(AUTHOR, OFFICE.authority)).check().digest


def test_an_old_list_beside_a_fresh_one_still_revokes() -> None:
    """A revocation is not forgotten because a newer list leaves it out."""
    old = revocations(OFFICE.authority, OFFICE.author, begin=SIGNED - timedelta(days=90))
    office = OFFICE.trusting(revocations=(revocations(OFFICE.authority), old))

    assert refusal(office.check) == {"ZG348"}


ONLY_AUTHORITIES = x509.IssuingDistributionPoint(
    full_name=None,
    relative_name=None,
    only_contains_user_certs=False,
    only_contains_ca_certs=True,
    only_some_reasons=None,
    indirect_crl=False,
    only_contains_attribute_certs=False,
)
STRANGERS_TWIN = issue(replace(AUTHORITY, name="别的机构"))


@pytest.mark.parametrize(
    ("lists", "code"),
    [
        pytest.param((), "ZG353", id="missing"),
        pytest.param((revocations(STRANGERS_TWIN),), "ZG353", id="another authority's"),
        pytest.param((revocations(OFFICE.authority, signed_by=STRANGER),), "ZG354", id="forged"),
        pytest.param(
            (revocations(OFFICE.authority, begin=NOW - timedelta(days=31)),), "ZG355", id="expired"
        ),
        pytest.param(
            (revocations(OFFICE.authority, begin=NOW + timedelta(seconds=1)),),
            "ZG356",
            id="of the future",
        ),
        pytest.param(
            (revocations(OFFICE.authority, extra=x509.DeltaCRLIndicator(1)),),
            "ZG357",
            id="only what changed",
        ),
        pytest.param(
            (
                revocations(
                    OFFICE.authority, extra=x509.DeltaCRLIndicator(1), extra_is_critical=False
                ),
            ),
            "ZG357",
            id="only what changed, said softly",
        ),
        pytest.param(
            (revocations(OFFICE.authority, extra=ONLY_AUTHORITIES),),
            "ZG357",
            id="only authorities",
        ),
    ],
)
def test_without_a_good_list_of_revocations_nobody_signs(
    lists: tuple[x509.CertificateRevocationList, ...], code: str
) -> None:
    """Who hides the list does not hide a revocation."""
    assert refusal(OFFICE.trusting(revocations=lists).check) == {code}


def test_a_list_signed_with_an_algorithm_that_we_do_not_take_does_not_count() -> None:
    """By the true key, with a hash that the format does not have."""
    office = OFFICES["ecdsa-p256-sha256"]
    odd = revocations(office.authority, digest=SHA512())

    assert refusal(office.trusting(revocations=(odd,)).check) == {"ZG354"}


def test_a_list_signed_by_a_weak_kind_of_key_does_not_count() -> None:
    """An authority's key must be of a kind that we take."""
    authority = issue(AUTHORITY, key=make_key("rsa"))
    author, bureau = issue(AUTHOR, authority), issue(BUREAU, authority)
    trust = Trust((authority.certificate,), (revocations(authority),))

    assert refusal(replace(OFFICE, trust=trust).signed_by(author, bureau).check) == {"ZG340"}


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        pytest.param(replace(AUTHORITY, ca=False), "ZG351", id="it is none"),
        pytest.param(replace(AUTHORITY, issues=False), "ZG351", id="may not issue"),
        pytest.param(replace(AUTHORITY, revokes=False), "ZG351", id="may not revoke"),
        pytest.param(replace(AUTHORITY, usage=False), "ZG351", id="not said what for"),
        pytest.param(replace(AUTHORITY, end=NOW - timedelta(1)), "ZG352", id="it has expired"),
        pytest.param(replace(AUTHORITY, begin=SIGNED + timedelta(1)), "ZG352", id="too young"),
    ],
)
def test_an_authority_that_may_not_be_one_is_refused(shape: Shape, code: str) -> None:
    """What stands in authority.pem is judged too."""
    authority = issue(shape)
    people = issue(AUTHOR, authority), issue(BUREAU, authority)
    trust = Trust((authority.certificate,), (revocations(authority),))
    office = replace(OFFICE, trust=trust).signed_by(*people)

    assert code in refusal(office.check)


def test_a_second_authority_may_stand_beside_the_first() -> None:
    """A new authority is brought in before the old one goes."""
    new = issue(replace(AUTHORITY, name="新机构"))
    office = OFFICE.trusting(
        authorities=(new.certificate, OFFICE.authority.certificate),
        revocations=(revocations(new), revocations(OFFICE.authority)),
    )

    assert office.check().digest
    assert office.signed_by(issue(AUTHOR, new), OFFICE.bureau).check().digest


# --- the file ------------------------------------------------------------------------------------


def refusal_of(content: bytes, office: Office = OFFICE) -> set[str]:
    """Read these bytes as the release, verify it, and give the codes of the refusal."""
    return refusal(lambda: replace(office, release=parse_release(content)).check())


def leaves(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    """Give the way to every value that is no object or list."""
    if isinstance(data, dict | list):
        for key in data if isinstance(data, dict) else range(len(data)):
            yield from leaves(data[key], (*path, key))
    else:
        yield path


def objects(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    """Give the way to every object."""
    if isinstance(data, dict):
        yield path
    if isinstance(data, dict | list):
        for key in data if isinstance(data, dict) else range(len(data)):
            yield from objects(data[key], (*path, key))


def at(data: Any, path: tuple[Any, ...]) -> Any:  # noqa: ANN401 - JSON
    """Give the part that the way leads to."""
    for key in path:
        data = data[key]
    return data


def with_base() -> Office:
    """Give an office whose statement uses every field."""
    signed = statement(base=Base(6, "ab" * 32))
    both = (forge(signed, A, OFFICE.author), forge(signed, B, OFFICE.bureau))
    return replace(OFFICE, release=Release(signed, both))


FULL = with_base()
GOOD = json.loads(FULL.release.content)


def other_values(value: object) -> list[object]:
    """Give values near this one, of the same type and of others."""
    others: list[object] = [None, True, 1.5, [], {}, "", -1, 0, [value], str(value) + " "]
    if isinstance(value, int):
        return [*others, value + 1, str(value), float(value), 10**30]
    text = str(value)
    return [
        *others,
        *(text[:i] + chr(ord(text[i]) ^ 1) + text[i + 1 :] for i in (0, len(text) // 2, -2)),
        text[:-1],
        text.swapcase(),
        text + "\u200b",
        text + "\ud800",
        "e\u0301",
    ]


@pytest.mark.parametrize("path", list(leaves(GOOD)), ids=lambda p: ".".join(map(str, p)))
def test_no_value_of_the_file_can_be_another(path: tuple[Any, ...]) -> None:
    """Each value is signed, or has one form only."""
    value = at(GOOD, path)
    for other in other_values(value):
        if other == value and type(other) is type(value):
            continue
        data = json.loads(FULL.release.content)
        at(data, path[:-1])[path[-1]] = other
        content = json.dumps(data, sort_keys=True, indent=1).encode() + b"\n"
        escaped = json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False) + "\n"

        for form in (content, escaped.encode("utf-8", "surrogatepass")):
            assert refusal_of(form, FULL), other


@pytest.mark.parametrize(
    "path", list(objects(GOOD)), ids=lambda p: ".".join(map(str, p)) or "release"
)
def test_no_object_of_the_file_has_a_field_more_or_less(path: tuple[Any, ...]) -> None:
    """What is not understood is refused, what is missing too."""
    for name in at(GOOD, path):
        data = json.loads(FULL.release.content)
        del at(data, path)[name]
        assert refusal_of(readable_bytes(data), FULL)
    data = json.loads(FULL.release.content)
    at(data, path)["note"] = "ab" * 32

    assert refusal_of(readable_bytes(data), FULL)


@pytest.mark.parametrize("other", [None, [], "text", 1], ids=["null", "list", "text", "number"])
@pytest.mark.parametrize("path", [p for p in objects(GOOD) if p and p != ("statement", "base")])
def test_no_object_of_the_file_can_be_something_else(path: tuple[Any, ...], other: object) -> None:
    """Refused with the reason, not with a stack of calls."""
    data = json.loads(FULL.release.content)
    at(data, path[:-1])[path[-1]] = other

    assert refusal_of(readable_bytes(data), FULL) <= {"ZG304", "ZG305"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@settings(max_examples=150, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_bit_of_the_file_can_be_another(algorithm: str, place: float, bit: int) -> None:
    """Wherever it is flipped: in a digest, a certificate, a space."""
    content = bytearray(OFFICES[algorithm].release.content)
    content[int(place * len(content))] ^= 1 << bit

    assert refusal_of(bytes(content), OFFICES[algorithm])


# The library also warns of what it will not read much longer; we refuse it today.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@settings(max_examples=300, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_no_byte_of_a_certificate_can_be_another(algorithm: str, place: float, byte: int) -> None:
    """However the file is written; and a damaged certificate is refused, never stumbled over."""
    office = OFFICES[algorithm]
    der = office.author.certificate.public_bytes(Encoding.DER)
    position = int(place * len(der))
    changed = der[:position] + bytes([byte]) + der[position + 1 :]
    data = json.loads(office.release.content)
    pem = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
    lines = textwrap.wrap(b64encode(changed).decode(), 64)
    data["signatures"][0]["certificate"] = pem.format("\n".join(lines))

    if changed == der:
        assert readable_bytes(data) == office.release.content
    else:
        assert refusal_of(readable_bytes(data), office)


@settings(max_examples=100, deadline=None)
@given(
    place=st.integers(0, len(FULL.release.content)),
    removed=st.integers(0, 40),
    added=st.binary(max_size=8),
)
def test_nothing_can_be_cut_or_pasted(place: int, removed: int, added: bytes) -> None:
    """The file is taken only as it was written."""
    content = FULL.release.content
    changed = content[:place] + added + content[place + removed :]

    if changed != content:
        assert refusal_of(changed, FULL)


REVISION = b'"revision": 7'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(
            FULL.release.content.replace(REVISION, REVISION + b',\n  "revision": 9'),
            "ZG303",
            id="a key twice",
        ),
        pytest.param(FULL.release.content + b"{}", "ZG302", id="more after the end"),
        pytest.param(FULL.release.content + b"\n", "ZG306", id="a line after the end"),
        pytest.param(json.dumps(GOOD).encode(), "ZG306", id="the same on one line"),
        pytest.param(b"\xef\xbb\xbf" + FULL.release.content, "ZG302", id="a byte order mark"),
        pytest.param(FULL.release.content.decode().encode("utf-16"), "ZG302", id="not UTF-8"),
        pytest.param(
            FULL.release.content.replace(REVISION, b'"revision": 7.0'), "ZG302", id="a fraction"
        ),
        pytest.param(
            FULL.release.content.replace(REVISION, b'"revision": NaN'), "ZG302", id="not a number"
        ),
        pytest.param(
            FULL.release.content.replace(REVISION, b'"revision": ' + b"7" * 5000),
            "ZG302",
            id="a number without end",
        ),
        pytest.param(
            FULL.release.content.replace(REVISION, b'"revision": true'), "ZG305", id="a truth"
        ),
        pytest.param(
            FULL.release.content.replace(b'"format": 1', b'"format": 2'), "ZG307", id="a new form"
        ),
        pytest.param(b"[" * 500_000, "ZG302", id="nested without end"),
        pytest.param(b" " * 2_000_000, "ZG005", id="huge"),
        pytest.param(b"", "ZG302", id="empty"),
        pytest.param(b"null", "ZG304", id="nothing"),
        pytest.param(
            readable_bytes({**GOOD, "signatures": GOOD["signatures"][::-1]}),
            "ZG306",
            id="the signatures in another order",
        ),
        pytest.param(
            readable_bytes({**GOOD, "signatures": GOOD["signatures"] * 2}), "ZG305", id="four"
        ),
        pytest.param(readable_bytes({**GOOD, "signatures": []}), "ZG330", id="emptied block"),
        pytest.param(readable_bytes({**GOOD, "signatures": None}), "ZG305", id="no block"),
        pytest.param(
            readable_bytes({"statement": GOOD["statement"]}), "ZG304", id="a stripped block"
        ),
    ],
)
def test_a_file_in_any_other_form_is_refused(content: bytes, code: str) -> None:
    """Strict reading: one form, and nothing beside it."""
    assert refusal_of(content, FULL) == {code}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: s + "\n", id="a line more"),
        pytest.param(lambda s: s.replace("==", "="), id="padding left out"),
        pytest.param(lambda s: s[:4] + " " + s[4:], id="a space inside"),
        pytest.param(lambda s: s.replace("=", "") + "=" * 5, id="padding beyond need"),
        pytest.param(lambda s: s[:-3] + chr(ord(s[-3]) + 1) + s[-2:], id="unused bits set"),
    ],
)
def test_base64_has_one_form(change: Callable[[str], str]) -> None:
    """What decodes to the same bytes but is written otherwise is refused."""
    data = json.loads(OFFICE.release.content)
    value = data["signatures"][0]["value"]
    data["signatures"][0]["value"] = change(value)

    assert refusal_of(readable_bytes(data)) <= {"ZG305", "ZG306"}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: "note\n" + s, id="text before it"),
        pytest.param(lambda s: s + s, id="a second one after it"),
        pytest.param(lambda s: s.replace("\n", "\r\n"), id="other line ends"),
        pytest.param(lambda _: "", id="none"),
    ],
)
def test_a_certificate_has_one_form(change: Callable[[str], str]) -> None:
    """One certificate, as it would be written, and nothing around it."""
    data = json.loads(OFFICE.release.content)
    data["signatures"][0]["certificate"] = change(data["signatures"][0]["certificate"])

    assert refusal_of(readable_bytes(data)) <= {"ZG306", "ZG338"}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("e\u0301.yml", id="not NFC"),
        pytest.param("a\u202egnp.yml", id="turns the reading direction"),
        pytest.param("a\x1b[2K.yml", id="speaks to the terminal"),
        pytest.param("a\u200b.yml", id="hides a character"),
    ],
)
def test_a_name_that_a_reader_cannot_see_is_not_signed(path: str) -> None:
    """Neither prepared nor read."""
    documents = (Document(path, b""),)
    data = statement().as_json() | {"documents": {path: documents[0].digest}}

    prepared = refusal(
        lambda: prepare_statement(
            plan=PLAN,
            revision=1,
            not_before=BEGIN,
            not_after=END,
            documents=documents,
            difference=b"",
            base=None,
        )
    )
    read = refusal(lambda: parse_statement(data, NOWHERE))

    assert prepared == read == {"ZG321"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"revision": 0}, "ZG305", id="revision 0"),
        pytest.param({"revision": 10**9}, "ZG305", id="a revision beyond counting"),
        pytest.param({"documents": ()}, "ZG305", id="no document"),
        pytest.param({"plan": ""}, "ZG321", id="no name"),
        pytest.param({"base": Base(7, "ab" * 32)}, "ZG320", id="compared with itself"),
        pytest.param({"base": Base(8, "ab" * 32)}, "ZG320", id="compared with a later one"),
    ],
)
def test_a_statement_that_cannot_be_meant_is_not_signed(
    change: dict[str, object], code: str
) -> None:
    """Whoever asks."""
    person = OFFICE.author

    refused = refusal(lambda: sign(statement(**change), A, person.key, person.certificate, SIGNED))

    assert refused == {code}


# --- signing -------------------------------------------------------------------------------------

ONCE = OFFICE.with_signatures(OFFICE.signature(A)).release


@pytest.mark.parametrize(
    ("documents", "difference", "code"),
    [
        pytest.param(ALTERED, DIFFERENCE, "ZG311", id="an altered document"),
        pytest.param((*DOCUMENTS, Document("z.yml", b"")), DIFFERENCE, "ZG312", id="an added one"),
        pytest.param(DOCUMENTS[1:], DIFFERENCE, "ZG313", id="a missing one"),
        pytest.param(DOCUMENTS, b"{}", "ZG314", id="another difference"),
    ],
)
def test_nobody_countersigns_what_has_changed_since(
    documents: tuple[Document, ...], difference: bytes, code: str
) -> None:
    """The Bureau signs what lies in the folder, or nothing."""
    refused = refusal(lambda: OFFICE.add(ONCE, B, OFFICE.bureau, documents, difference))

    assert refused == {code}


def test_nobody_countersigns_a_false_signature() -> None:
    """What is there already is verified before the second hand is put to it."""
    false = replace(ONCE, signatures=(replace(ONCE.signatures[0], value=bytes(64)),))

    assert refusal(lambda: OFFICE.add(false, B, OFFICE.bureau)) == {"ZG333"}


@pytest.mark.parametrize(
    ("role", "person", "code"),
    [
        pytest.param(A, OFFICE.author, "ZG373", id="the same once more"),
        pytest.param(
            A,
            issue(replace(AUTHOR, name="另一岗", number="a2"), OFFICE.authority),
            "ZG373",
            id="another in the same role",
        ),
        pytest.param(B, OFFICE.author, "ZG343", id="the author as the bureau"),
        pytest.param(
            B,
            issue(replace(BUREAU, number=AUTHOR.number), OFFICE.authority),
            "ZG332",
            id="the same person with another certificate",
        ),
        pytest.param(
            B, Person(OFFICE.author.key, OFFICE.bureau.certificate), "ZG370", id="another's key"
        ),
        pytest.param(
            B, Person(make_key("rsa"), OFFICE.bureau.certificate), "ZG370", id="an RSA key"
        ),
        pytest.param(
            B,
            issue(replace(BUREAU, end=SIGNED - timedelta(1)), OFFICE.authority),
            "ZG341",
            id="an expired certificate",
        ),
        pytest.param(
            B,
            issue(replace(BUREAU, begin=SIGNED + timedelta(1)), OFFICE.authority),
            "ZG341",
            id="a certificate of tomorrow",
        ),
        pytest.param(B, issue(BUREAU, STRANGER), "ZG340", id="a stranger"),
        pytest.param(B, OFFICE.authority, "ZG345", id="the authority"),
    ],
)
def test_a_second_signature_by_the_wrong_person_is_not_made(
    role: SignerRole, person: Person, code: str
) -> None:
    """Refused at the desk, not only at the gate."""
    assert code in refusal(lambda: OFFICE.add(ONCE, role, person))


def test_a_revoked_person_cannot_sign() -> None:
    """The list is asked at the desk too."""
    assert refusal(lambda: revoked(OFFICE.bureau).add(ONCE, B, OFFICE.bureau)) == {"ZG348"}


@pytest.mark.parametrize("shape", [replace(AUTHOR, begin=SIGNED), replace(AUTHOR, end=SIGNED)])
def test_a_certificate_signs_from_its_first_to_its_last_second(shape: Shape) -> None:
    """Not a second less."""
    person = issue(shape, OFFICE.authority)

    assert sign(statement(), A, person.key, person.certificate, SIGNED).signed_at == SIGNED


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "shape", [replace(AUTHOR, begin=SIGNED + SECOND), replace(AUTHOR, end=SIGNED - SECOND)]
)
def test_a_certificate_signs_at_no_other_time(shape: Shape) -> None:
    """Not a second more."""
    person = issue(shape, OFFICE.authority)

    refused = refusal(lambda: sign(statement(), A, person.key, person.certificate, SIGNED))

    assert refused == {"ZG341"}


def test_a_statement_is_signed_and_read_until_its_last_second() -> None:
    """Late, but not too late."""
    fresh = revocations(OFFICE.authority, begin=END - timedelta(days=1))
    late = forge(OFFICE.release.statement, A, OFFICE.author, signed_at=END)
    office = OFFICE.with_signatures(late, OFFICE.signature(B)).trusting(revocations=(fresh,))
    person = OFFICE.author

    assert sign(statement(), A, person.key, person.certificate, END) == late
    assert office.check(now=END).digest


def test_an_expired_statement_is_not_signed_any_more() -> None:
    """Its time is over."""
    person = OFFICE.bureau
    late = END + timedelta(seconds=1)

    assert refusal(lambda: sign(statement(), B, person.key, person.certificate, late)) == {"ZG317"}


# --- no way back ---------------------------------------------------------------------------------

DIGEST, OTHER = statement().digest, "cd" * 32


@pytest.mark.parametrize(
    ("base", "accepted"),
    [
        pytest.param(None, None, id="a first release on a new host"),
        pytest.param(Base(6, OTHER), None, id="any release on a new host"),
        pytest.param(Base(6, OTHER), Accepted(PLAN, 6, OTHER), id="compared with the one in force"),
        pytest.param(Base(6, OTHER), Accepted(PLAN, 5, DIGEST), id="a host that missed one"),
    ],
)
def test_a_release_may_follow_what_it_was_compared_with(
    base: Base | None, accepted: Accepted | None
) -> None:
    """People have seen everything that changes on this host."""
    verified = replace(OFFICE.check(), statement=statement(base=base))

    check_may_follow(verified, [accepted] if accepted else [])


@pytest.mark.parametrize(
    ("base", "accepted", "code"),
    [
        pytest.param(None, Accepted(PLAN, 6, OTHER), "ZG362", id="compared with nothing"),
        pytest.param(Base(5, OTHER), Accepted(PLAN, 6, OTHER), "ZG362", id="with an older one"),
        pytest.param(Base(6, DIGEST), Accepted(PLAN, 6, OTHER), "ZG362", id="with another 6"),
        pytest.param(None, Accepted("大城", 1, OTHER), "ZG363", id="another plan"),
    ],
)
def test_a_release_may_not_follow_what_nobody_compared_it_with(
    base: Base | None, accepted: Accepted, code: str
) -> None:
    """A difference that begins elsewhere is not what changes on this host."""
    verified = replace(OFFICE.check(), statement=statement(base=base))

    assert refusal(lambda: check_may_follow(verified, [accepted])) == {code}


# --- folders and files ---------------------------------------------------------------------------


def save_trust(folder: Path, office: Office = OFFICE) -> Path:
    """Write authority.pem and crl.pem."""
    pems = [c.public_bytes(Encoding.PEM) for c in office.trust.authorities]
    (folder / "authority.pem").write_bytes(b"".join(pems))
    lists = [c.public_bytes(Encoding.PEM) for c in office.trust.revocations]
    (folder / "crl.pem").write_bytes(b"".join(lists))
    return folder


def test_a_written_release_is_read_as_it_was(tmp_path: Path) -> None:
    """And written again in its place."""
    write_release(tmp_path, ONCE, b"before")
    write_release(tmp_path, OFFICE.release, DIFFERENCE)

    release, difference = read_release(tmp_path)

    assert (release, difference) == (OFFICE.release, DIFFERENCE)
    assert {f.name for f in (tmp_path / "release").iterdir()} == {
        "release.json",
        "difference.json",
    }


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        (("release.json",), {"ZG301"}),
        (("difference.json",), {"ZG315"}),
        (("release.json", "difference.json"), {"ZG301", "ZG315"}),
    ],
)
def test_a_plan_without_its_release_is_refused(
    tmp_path: Path, missing: tuple[str, ...], expected: set[str]
) -> None:
    """Leaving the signature out is not a way past it."""
    write_release(tmp_path, OFFICE.release, DIFFERENCE)
    for name in missing:
        (tmp_path / "release" / name).unlink()

    assert refusal(lambda: read_release(tmp_path)) == expected


def test_a_plan_without_a_release_folder_is_refused(tmp_path: Path) -> None:
    """It was never signed."""
    assert refusal(lambda: read_release(tmp_path)) == {"ZG301", "ZG315"}


@pytest.mark.parametrize("name", ["release.json", "difference.json"])
def test_a_link_in_the_release_folder_is_refused(tmp_path: Path, name: str) -> None:
    """What it points to may change after it was read."""
    write_release(tmp_path, OFFICE.release, DIFFERENCE)
    file = tmp_path / "release" / name
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")

    assert refusal(lambda: read_release(tmp_path)) == {"ZG007"}


def test_a_release_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """Likewise."""
    (tmp_path / "real").mkdir()
    write_release(tmp_path / "real", OFFICE.release, DIFFERENCE)
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan/release").symlink_to(tmp_path / "real/release")

    assert refusal(lambda: read_release(tmp_path / "plan")) == {"ZG004"}


def test_a_trust_folder_is_read(tmp_path: Path) -> None:
    """With one authority or two."""
    new = issue(replace(AUTHORITY, name="新机构"))
    two = OFFICE.trusting(
        authorities=(new.certificate, OFFICE.authority.certificate),
        revocations=(revocations(new), revocations(OFFICE.authority)),
    )

    assert replace(OFFICE, trust=load_trust(save_trust(tmp_path))).check().digest
    assert replace(OFFICE, trust=load_trust(save_trust(tmp_path, two))).check().digest


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        pytest.param("authority.pem", None, "ZG350", id="no authority"),
        pytest.param("authority.pem", b"", "ZG350", id="an empty authority"),
        pytest.param("authority.pem", b"-----BEGIN CERTIFICATE-----\n", "ZG350", id="a cut one"),
        pytest.param("crl.pem", None, "ZG353", id="no list"),
        pytest.param("crl.pem", b"", "ZG353", id="an empty list"),
        pytest.param(
            "crl.pem",
            b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
            "ZG358",
            id="not a list",
        ),
        pytest.param("crl.pem", b" " * 1_100_000, "ZG005", id="a huge list"),
    ],
)
def test_a_trust_folder_that_lacks_something_is_refused(
    tmp_path: Path, name: str, content: bytes | None, code: str
) -> None:
    """Nobody is trusted by default."""
    file = save_trust(tmp_path) / name
    file.unlink()
    if content is not None:
        file.write_bytes(content)

    assert refusal(lambda: load_trust(tmp_path)) == {code}


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """It is not waited for, nor read."""
    make(tmp_path / "odd")

    assert refusal(lambda: read_small_file(tmp_path / "odd")) == {"ZG004"}


def save_key(file: Path, passphrase: bytes | None, mode: int = 0o600) -> Path:
    """Write the author's key."""
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    file.write_bytes(OFFICE.author.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    file.chmod(mode)
    return file


@pytest.mark.parametrize("passphrase", [None, "口令口令".encode()])
def test_a_key_is_read_with_its_passphrase(tmp_path: Path, passphrase: bytes | None) -> None:
    """Or without, where it has none."""
    key = load_key(save_key(tmp_path / "k", passphrase), passphrase)

    assert key.public_key() == OFFICE.author.certificate.public_key()


@pytest.mark.parametrize(
    ("saved", "used", "mode", "code"),
    [
        pytest.param(b"long enough", b"wrong", 0o600, "ZG371", id="a wrong passphrase"),
        pytest.param(b"long enough", None, 0o600, "ZG371", id="no passphrase"),
        pytest.param(None, b"needless", 0o600, "ZG371", id="a needless passphrase"),
        pytest.param(None, None, 0o640, "ZG372", id="a key that a group may read"),
        pytest.param(None, None, 0o604, "ZG372", id="a key that others may read"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(
    tmp_path: Path, saved: bytes | None, used: bytes | None, mode: int, code: str
) -> None:
    """With what to do about it."""
    file = save_key(tmp_path / "k", saved, mode)

    assert refusal(lambda: load_key(file, used)) == {code}


def test_exactly_one_certificate_is_read(tmp_path: Path) -> None:
    """Which of two would be meant is not guessed."""
    pem = OFFICE.author.certificate.public_bytes(Encoding.PEM)
    file = tmp_path / "c.pem"
    file.write_bytes(pem)
    assert load_certificate(file) == OFFICE.author.certificate

    for wrong in (pem + pem, b"", pem[:-40]):
        file.write_bytes(wrong)
        assert refusal(lambda: load_certificate(file)) == {"ZG338"}


# --- words ---------------------------------------------------------------------------------------


def test_every_error_has_words_and_advice_in_both_languages() -> None:
    """A reader is never left with a code."""
    assert all(all(text) for text in TEXTS.values())


def test_a_refusal_is_said_in_both_languages() -> None:
    """With everything filled in, and nothing that a terminal would hide."""
    with pytest.raises(Refused) as refused:
        OFFICE.with_signatures().check(
            documents=(*ALTERED, Document("a\u202eb.yml", b"")), now=BEGIN - timedelta(days=1)
        )

    for problem in refused.value.problems:
        assert "\u202e" not in problem.render(Language.EN)
        assert "{" not in problem.render(Language.EN) + problem.render(Language.ZH)
