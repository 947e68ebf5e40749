"""The root's key in a token (SoftHSM2): it signs there, and never comes out."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pkcs11
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pki.__main__ import main
from pki.errors import Code, PkiRefused
from pki.state import ROOT, Secrets, open_token
from pki.token_key import TokenKey, make_token_key, open_token_key

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so")
PIN = "24681357"


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a token of this run's own; the library reads its place once in a process."""
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    patch = pytest.MonkeyPatch()
    patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
    subprocess.run(
        [
            *("softhsm2-util", "--init-token", "--free", "--label", "loushan"),
            *("--pin", PIN, "--so-pin", "97531864"),
        ],
        check=True,
        capture_output=True,
    )
    yield next(Path(name) for name in MODULES if Path(name).exists())
    patch.undo()


def test_a_ceremony_with_a_token_from_the_command_line(
    module: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The root signs its authorities and its lists in the token; no file has its key."""
    folder, pin, wrong = tmp_path / "pki", tmp_path / "pin", tmp_path / "wrong"
    pin.write_text(f"{PIN}\n")
    wrong.write_text("00000000\n")
    known = ["--plan-name", "zunyi", "--pkcs11", str(module), "--pin-file", str(pin)]

    made = main(["init", str(folder), *known])
    renewed = main(["crl", str(folder), "--authority", ROOT, "--pin-file", str(pin)])
    refused = main(["crl", str(folder), "--authority", ROOT, "--pin-file", str(wrong)])

    assert (made, renewed, refused) == (0, 0, 1)
    assert capsys.readouterr().err.startswith("ZP055")
    assert not (folder / ROOT / "authority.key").exists()
    root, links = (
        x509.load_pem_x509_certificate((folder / name / "authority.pem").read_bytes())
        for name in (ROOT, "links")
    )
    root.verify_directly_issued_by(root)
    links.verify_directly_issued_by(root)
    assert x509.load_pem_x509_crl((folder / ROOT / "crl.pem").read_bytes()).is_signature_valid(
        root.public_key()  # type: ignore[arg-type]  # the root's key is one that signs
    )


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ecdsa-p384"])
def test_a_key_in_a_token_only_signs(module: Path, tmp_path: Path, algorithm: str) -> None:
    """Whatever else is asked of it is refused."""
    made = make_token_key(module, "loushan", algorithm, PIN)
    file = tmp_path / made.file
    file.write_bytes(made.content)

    key = open_token_key(file, PIN)

    assert isinstance(key, TokenKey)
    assert key.public_key() == made.key.public_key()
    assert key.key_size == int(algorithm[-3:])
    held = key._key  # noqa: SLF001 - what the token says of it, which nothing else needs
    assert held[pkcs11.Attribute.EXTRACTABLE] is False
    assert held[pkcs11.Attribute.SENSITIVE] is True
    with pytest.raises(TypeError):
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(TypeError):
        key.private_numbers()
    with pytest.raises(TypeError):
        key.exchange(ec.ECDH(), key.public_key())


@pytest.mark.parametrize(
    ("token", "pin"), [("loushan", "00000000"), ("loushan", ""), ("another", PIN)]
)
def test_a_token_that_does_not_agree_is_said(module: Path, token: str, pin: str) -> None:
    """A wrong PIN, none, or another token."""
    with pytest.raises(PkiRefused) as refused:
        make_token_key(module, token, "ecdsa-p256", pin)

    assert refused.value.code is Code.ZP055


@pytest.mark.parametrize("content", [b"", b"{}", b'{"module": "/x", "token": "x", "id": "zz"}'])
def test_a_damaged_description_is_refused(tmp_path: Path, content: bytes) -> None:
    """With its file."""
    (tmp_path / "token.json").write_bytes(content)

    with pytest.raises(PkiRefused) as refused:
        open_token(tmp_path / "token.json", PIN)

    assert refused.value.code is Code.ZP003
    assert Secrets().pin is None
