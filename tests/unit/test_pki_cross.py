"""The province's authority is recognised by its fingerprint, and within its own names only."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from pki.build import Issuer
from pki.cross import issue_cross
from pki.errors import Code, PkiRefused
from pki.initialise import initialise, root_key_in_file
from pki.names import Realm
from pki.revoke import revoke
from pki.state import Record, State, open_state
from tests.authorities import NO_SECRETS, NOW, PASSPHRASE, ROOT_SECRETS, certify, make_state
from tests.linting import findings
from tests.unit.test_pki_paths import Forgery, forge, judged

DOMAIN = "gw.guizhou.internal"


@pytest.fixture
def ours(tmp_path: Path) -> State:
    """Make our authorities."""
    return make_state(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> State:
    """Make the province's."""
    key = root_key_in_file("ecdsa-p256", PASSPHRASE)
    initialise(tmp_path / "theirs", Realm("guizhou", "省电子政务中心"), key, NOW)
    return open_state(tmp_path / "theirs", NOW)


def recognised(
    ours: State,
    certificate: x509.Certificate,
    *,
    fingerprint: str | None = None,
    domain: str = DOMAIN,
    now: datetime = NOW,
) -> Record:
    """Recognise an authority whose fingerprint was compared."""
    found = fingerprint or certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    pem = certificate.public_bytes(Encoding.PEM)
    return issue_cross(ours, pem, found, domain, secrets=ROOT_SECRETS, now=now)


def judged_across(ours: State, theirs: State, leaf: x509.Certificate, above: Record) -> str:
    """Have OpenSSL judge the province's gateway by our root; their list is at hand too."""
    lists = ours.folder / "links" / "crl.pem"
    own = lists.read_bytes()
    lists.write_bytes(own + (theirs.folder / "links" / "crl.pem").read_bytes())
    verdict = judged(ours, leaf, above.certificate)
    lists.write_bytes(own)
    return verdict


def test_the_provinces_gateway_is_believed_by_ours(ours: State, theirs: State) -> None:
    """Until the recognition is taken back."""
    leaf = certify(theirs, name="province-gw").record.certificate

    above = recognised(ours, theirs.certificate("links"))

    assert findings(above.certificate.public_bytes(Encoding.DER)) == []
    assert judged_across(ours, theirs, leaf, above) == "OK"
    revoke(ours, f"{above.serial:x}", "cessationOfOperation", ROOT_SECRETS, NOW)
    assert judged_across(ours, theirs, leaf, above).startswith("error 23")


@pytest.mark.parametrize(
    ("forgery", "expected"),
    [
        pytest.param(Forgery(), "error 47", id="one of our gateways"),
        pytest.param(
            Forgery(
                subject=Realm("guizhou", "省电子政务中心").subject("links", "gw", None),
                names=(x509.DNSName("huichuan-gw.gw.zunyi.internal"),),
            ),
            "error 47",
            id="one of our hosts under its own organ",
        ),
    ],
)
def test_the_province_names_none_of_ours(
    ours: State, theirs: State, forgery: Forgery, expected: str
) -> None:
    """Though it has its own key, and could write anything."""
    above = recognised(ours, theirs.certificate("links"))
    issuer = theirs.issuer("links", NO_SECRETS)

    forged = forge(Issuer(issuer.key, issuer.certificate), forgery)

    assert judged_across(ours, theirs, forged, above).startswith(expected)


def test_only_what_was_compared_is_recognised(ours: State, theirs: State) -> None:
    """Another authority's certificate, a gateway's, one of ours, and one that has ended."""
    leaf = certify(theirs, name="province-gw").record.certificate
    links = theirs.certificate("links")
    print_of_links = links.fingerprint(hashes.SHA256()).hex()

    def refusal(certificate: x509.Certificate, **options: object) -> Code:
        with pytest.raises(PkiRefused) as refused:
            recognised(ours, certificate, **options)  # type: ignore[arg-type]  # of each case
        return refused.value.code

    assert refusal(theirs.certificate("people"), fingerprint=print_of_links) is Code.ZP071
    assert refusal(leaf) is Code.ZP070
    assert refusal(links, now=NOW + timedelta(days=1095)) is Code.ZP070
    assert refusal(ours.certificate("links")) is Code.ZP072
    assert refusal(links, domain="gw.zunyi.internal") is Code.ZP072
    assert refusal(links, domain="") is Code.ZP035
    assert ours.records("root") == ()


def test_what_is_no_certificate_is_refused(ours: State) -> None:
    """With what to ask for."""
    with pytest.raises(PkiRefused) as refused:
        issue_cross(ours, b"rubbish", "00", DOMAIN, secrets=ROOT_SECRETS, now=NOW)

    assert refused.value.code is Code.ZP070
