"""Judge a request (PKCS #10): who made it has the key, and asks for nothing but its own name.

A request is hostile until it is judged: nothing of it but the key comes into a certificate.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtensionOID

from pki.errors import Code, PkiRefused
from pki.parts import PublicKey, algorithm_of
from pki.state import MALFORMED

_DIGESTS = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def read_request(untrusted: bytes) -> x509.CertificateSigningRequest:
    """Read a request in PEM or DER.

    Raises:
        PkiRefused: it is none.
    """
    try:
        if untrusted.lstrip().startswith(b"-----BEGIN"):
            request = x509.load_pem_x509_csr(untrusted)
        else:
            request = x509.load_der_x509_csr(untrusted)
        _ = (list(request.subject), list(request.extensions), request.public_key())
    except MALFORMED as error:
        raise PkiRefused(Code.ZP030) from error
    return request


def judge_request(
    request: x509.CertificateSigningRequest,
    keys: tuple[str, ...],
    subject: x509.Name,
    hosts: tuple[str, ...],
) -> PublicKey:
    """Give the key of a request, or raise.

    Args:
        request: as it came.
        keys: the algorithms that the profile takes.
        subject: the whole name that is authorised.
        hosts: the DNS names that are authorised, its own first; a request names that one or none.

    Raises:
        PkiRefused: who asks does not have the key, the key is of a kind that the profile
            does not take, or another name or anything else is asked for.
    """
    key = request.public_key()
    found = algorithm_of(key)
    if found is None or found not in keys:
        raise PkiRefused(Code.ZP032, found=found or type(key).__name__, known=", ".join(keys))
    if not _proves_possession(request):
        raise PkiRefused(Code.ZP031)
    _judge_name(request, subject, hosts)
    return key  # type: ignore[return-value]  # algorithm_of knows only such keys


def _proves_possession(request: x509.CertificateSigningRequest) -> bool:
    try:
        digest = request.signature_hash_algorithm
        return (digest is None or isinstance(digest, _DIGESTS)) and request.is_signature_valid
    except (UnsupportedAlgorithm, *MALFORMED):
        return False


def _judge_name(
    request: x509.CertificateSigningRequest, subject: x509.Name, hosts: tuple[str, ...]
) -> None:
    wanted = {(part.oid, part.value) for part in subject}
    asked = {(part.oid, part.value) for part in request.subject}
    common = next(part for part in subject if part.oid == x509.NameOID.COMMON_NAME)
    whole = (common.oid, common.value) in asked and asked <= wanted
    if not whole:
        raise PkiRefused(
            Code.ZP033, asked=ascii(request.subject.rfc4514_string()), name=common.value
        )
    for extension in request.extensions:
        if extension.oid != ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
            raise PkiRefused(Code.ZP034, extension=extension.oid.dotted_string)
        names = list(extension.value)
        if names != [x509.DNSName(host) for host in hosts[: len(names)] or hosts[:1]]:
            asked_names = ", ".join(ascii(str(name.value)) for name in names)
            raise PkiRefused(Code.ZP033, asked=asked_names, name=", ".join(hosts) or "-")
