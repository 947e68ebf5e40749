"""Alerts by mail: Debian's Alertmanager, with our configuration, to a server that takes mail."""

import email
import email.policy
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.monitoring.alertmanager import NOWHERE, Alertmanager, filled_in, running
from tests.monitoring.watchers import free_port, until

TO, FROM, USER, PASSWORD = "duty@lab.internal", "loushan@lab.internal", "loushan", "样例-secret"

ALERT = {"alertname": "LinkDown", "severity": "urgent", "site": "tax"}
WORDS = {
    "zh": "tax 至 city 的链路中断。",
    "en": "The link from tax to city is down.",
    "runbook": "docs/runbooks/LinkDown.md",
}


@dataclass
class Box:
    """What was delivered, and what was said of those who came."""

    mails: list[EmailMessage] = field(default_factory=list)
    senders: list[tuple[str | None, list[str]]] = field(default_factory=list)
    came: int = 0

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take a mail in."""
        del server, session
        content = envelope.original_content or b""
        self.mails.append(email.message_from_bytes(content, policy=email.policy.default))
        self.senders.append((envelope.mail_from, envelope.rcpt_tos))
        return "250 OK"

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        """Note that somebody came."""
        del server, envelope
        self.came += 1
        session.host_name = hostname
        return answers


def _may(server: object, session: object, envelope: object, how: str, said: object) -> AuthResult:
    del server, session, envelope, how
    good = isinstance(said, LoginPassword) and said == LoginPassword(
        USER.encode(), PASSWORD.encode()
    )
    return AuthResult(success=good)


def _certified(folder: Path, name: str) -> Path:
    """Make a certificate for a server that stands for itself, and its key, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / f"{name}.pem"
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    file.write_bytes(private + certificate)
    return file


@contextmanager
def mail_server(certificate: Path | None) -> Iterator[tuple[Box, int]]:
    """Run a server that wants a name and a password; without a certificate it knows no TLS."""
    box, context = Box(), None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=context is not None,
        authenticator=_may,
        auth_required=context is not None,
        # aiosmtpd asks for a name in words that are Microsoft's, and Alertmanager knows others.
        auth_exclude_mechanism=["LOGIN"],
    )
    controller.start()
    try:
        yield box, controller.port
    finally:
        controller.stop()


@contextmanager
def told_by_mail(folder: Path, port: int, trusted: Path, password: str) -> Iterator[Alertmanager]:
    """Run Alertmanager, which tells by mail alone."""
    mail = {"to": TO, "from": FROM, "smarthost": f"localhost:{port}"}
    configuration = folder / "alertmanager.yml"
    configuration.write_text(
        filled_in(
            webhook="",
            alive="",
            local=f"{NOWHERE}local",
            mail={**mail, "username": USER, "password": password},
        ),
        "utf-8",
    )
    with running(configuration, trusted) as alertmanager:
        yield alertmanager


def test_an_alert_is_a_mail_and_so_is_its_end(tmp_path: Path) -> None:
    """In words, in both languages, with what to read; nothing of it is HTML."""
    own = _certified(tmp_path, "localhost")
    with (
        mail_server(own) as (box, port),
        told_by_mail(tmp_path, port, own, PASSWORD) as alertmanager,
    ):
        with alertmanager.firing([ALERT], WORDS):
            assert until(lambda: len(box.mails) == 1), (tmp_path / "said").read_text("utf-8")
        assert until(lambda: len(box.mails) == 2)
    began, ended = box.mails

    assert box.senders == [(FROM, [TO])] * 2
    assert (began["Subject"], ended["Subject"]) == ("【告警】LinkDown tax", "【解除】LinkDown tax")
    assert (began["To"], began["From"]) == (TO, FROM)
    text = "".join(str(p.get_content()) for p in began.walk() if p.get_content_maintype() == "text")
    assert all(word in text for word in WORDS.values())
    assert "urgent" in text
    assert {part.get_content_type() for part in began.walk()} <= {
        "text/plain",
        "multipart/alternative",
    }


def _without_tls(folder: Path) -> tuple[Path | None, Path, str]:
    return None, _certified(folder, "localhost"), PASSWORD


def _by_a_stranger(folder: Path) -> tuple[Path | None, Path, str]:
    (folder / "other").mkdir()
    return _certified(folder, "localhost"), _certified(folder / "other", "localhost"), PASSWORD


def _by_another_name(folder: Path) -> tuple[Path | None, Path, str]:
    other = _certified(folder, "elsewhere.internal")
    return other, other, PASSWORD


def _without_the_password(folder: Path) -> tuple[Path | None, Path, str]:
    own = _certified(folder, "localhost")
    return own, own, "another"


@pytest.mark.parametrize(
    "made", [_without_tls, _by_a_stranger, _by_another_name, _without_the_password]
)
def test_a_server_that_is_not_the_one_is_given_nothing(
    tmp_path: Path, made: Callable[[Path], tuple[Path | None, Path, str]]
) -> None:
    """Neither the mail nor, in the clear or to a stranger, the password."""
    certificate, trusted, password = made(tmp_path)
    with (
        mail_server(certificate) as (box, port),
        told_by_mail(tmp_path, port, trusted, password) as alertmanager,
        alertmanager.firing([ALERT], WORDS),
    ):
        assert until(lambda: box.came > 0)
        assert until(lambda: "notify" in (tmp_path / "said").read_text("utf-8").lower())

    assert box.mails == []
