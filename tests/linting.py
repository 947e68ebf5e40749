"""pkilint as a second reader: what it finds in a certificate, a list or an OCSP answer."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from pkilint import loader, pkix
from pkilint.pkix import certificate, crl, extension, name, ocsp
from pkilint.validation import ValidationFindingSeverity

#: It reads a limit on URIs as if it were one; RFC 5280, 4.2.1.10, has a host there.
_MISREAD = ("nameConstraints.permittedSubtrees", "uniformResourceIdentifier")


@cache
def _certificates() -> Any:  # noqa: ANN401 - the linter has no types
    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(
            name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS
        ),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )


@cache
def _lists() -> Any:  # noqa: ANN401 - as above
    return crl.create_pkix_crl_validator_container(
        [
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [
            crl.create_issuer_validator_container([]),
            crl.create_validity_validator_container([]),
            crl.create_extensions_validator_container([]),
        ],
    )


@cache
def _answers() -> Any:  # noqa: ANN401 - as above
    return ocsp.create_pkix_ocsp_response_validator_container(
        [
            ocsp.create_response_decoder(),
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [],
    )


def findings(der: bytes) -> list[str]:
    """Give what is wrong with a certificate, to the last notice."""
    document = loader.load_certificate(der, "certificate")
    return list(_said(_certificates().validate(document.root)))


def list_findings(der: bytes) -> list[str]:
    """Give what is wrong with a list of revocations."""
    document = loader.load_crl(der, "list")
    return list(_said(_lists().validate(document.root)))


def answer_findings(der: bytes) -> list[str]:
    """Give what is wrong with an OCSP answer."""
    document = loader.load_ocsp_response(der, "answer")
    return list(_said(_answers().validate(document.root)))


def _said(outcomes: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    for outcome in outcomes:
        for found in outcome.finding_descriptions:
            place = str(outcome.node.path)
            is_notice = found.finding.severity <= ValidationFindingSeverity.NOTICE
            if is_notice and not all(part in place for part in _MISREAD):
                yield f"{place}: {found.finding.code}: {found.message}"
