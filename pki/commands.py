"""What each command of `loushan pki` does, between its words and its answer.

Whatever changes a folder holds its lock, and opens it anew under it.
"""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pki.codes import enrol, issue_by_code
from pki.cross import issue_cross
from pki.deliver import Delivered, begun
from pki.document import ceremony_text
from pki.errors import Code, PkiRefused
from pki.files import locked, read_file, replace_file
from pki.initialise import REVOKED_KEYS, RootKey, initialise, root_key_in_file
from pki.issue import Issued, issue, newest_of, renew
from pki.keys import read_passphrase
from pki.names import Realm
from pki.profiles import CrossProfile, SshProfile, load_profiles
from pki.revoke import renew_list, revoke
from pki.signers import make_signers, renew_revocations, revoke_signer
from pki.ssh import issue_ssh, revoke_ssh
from pki.state import ROOT, Secrets, State, open_state
from pki.status import ALARMING, CertificateLine, ListLine, certificate_lines, list_lines


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command says: lines for a person, data for a machine, and its exit status."""

    lines: tuple[str, ...]
    data: object = None
    status: int = 0


def signers(options: argparse.Namespace, now: datetime) -> Answer:
    """Make the signers' authority that stands alone."""
    passphrase = _secrets(options).passphrase
    made = make_signers(options.folder, options.algorithm, passphrase, now)
    return Answer(tuple(map(str, made)))


def revoke_one_signer(options: argparse.Namespace, now: datetime) -> Answer:
    """Revoke a signer of such an authority."""
    passphrase = _secrets(options).passphrase
    return Answer((f"{revoke_signer(options.folder, options.wanted, passphrase, now):x}",))


def renew_signers_list(options: argparse.Namespace, now: datetime) -> Answer:
    """Renew the list of such an authority."""
    renew_revocations(options.folder, _secrets(options).passphrase, now)
    return Answer((str(options.folder / "crl.pem"),))


def init(options: argparse.Namespace, now: datetime) -> Answer:
    """Make a plan's authorities."""
    realm = Realm(options.plan_name, options.organ or options.plan_name)
    algorithm = load_profiles(options.profiles).root.key
    made = initialise(
        options.folder,
        realm,
        _new_root_key(options, algorithm),
        now,
        issuing_passphrase=_passphrase(options.issuing_passphrase_file),
        list_url=options.list_url,
        profiles=options.profiles,
    )
    return Answer(tuple(map(str, made)), [str(file) for file in made])


def _new_root_key(options: argparse.Namespace, algorithm: str) -> RootKey:
    secrets = _secrets(options)
    if options.pkcs11 is None:
        return root_key_in_file(algorithm, secrets.passphrase)
    try:
        from pki.token_key import make_token_key  # noqa: PLC0415 - an optional library
    except ImportError as error:
        raise PkiRefused(Code.ZP054) from error
    return make_token_key(options.pkcs11, options.token, algorithm, secrets.pin or "")


def issue_one(options: argparse.Namespace, now: datetime) -> Answer:
    """Certify a name: from a request, an SSH key, or another organ's certificate."""
    with _opened(options, now) as state:
        profile = state.profiles.by_name.get(options.profile)
        if isinstance(profile, SshProfile):
            return _issue_ssh(options, state, now)
        if isinstance(profile, CrossProfile):
            return _issue_cross(options, state, now)
        asked, secrets = read_file(_given(options, "request")), _secrets(options)
        if options.code is None:
            issued = issue(state, options.profile, options.name, asked, secrets=secrets, now=now)
        else:
            issued = issue_by_code(
                state,
                options.code,
                options.name,
                asked,
                secrets=secrets,
                now=now,
                profile_name=options.profile,
            )
    return _issued(options, issued)


def _issue_ssh(options: argparse.Namespace, state: State, now: datetime) -> Answer:
    file = issue_ssh(
        state,
        options.profile,
        options.name,
        tuple(options.principal),
        read_file(_given(options, "public_key")),
        secrets=_secrets(options),
        now=now,
    )
    out: Path = options.out or Path(f"{options.name}-cert.pub")
    replace_file(out, read_file(file))
    return Answer((str(out),), {"certificate": str(out), "name": options.name})


def _issue_cross(options: argparse.Namespace, state: State, now: datetime) -> Answer:
    record = issue_cross(
        state,
        read_file(_given(options, "certificate")),
        _given(options, "fingerprint"),
        _given(options, "domain"),
        secrets=_secrets(options),
        now=now,
    )
    return _issued(options, Issued(record, state.certificate(ROOT), again=False))


def _given(options: argparse.Namespace, word: str) -> Any:  # noqa: ANN401 - as argparse has it
    value = getattr(options, word)
    if value is None:
        wanted = f"`--{word.replace('_', '-')}`"
        raise PkiRefused(Code.ZP053, profile=options.profile, wanted=wanted)
    return value


def enrol_one(options: argparse.Namespace, now: datetime) -> Answer:
    """Make a one-time code for a host that has no certificate yet."""
    with _opened(options, now) as state:
        code = enrol(state, options.profile, options.name, options.hours, now)
    return Answer((code,), {"name": options.name, "profile": options.profile, "code": code})


def ceremony(options: argparse.Namespace, now: datetime) -> Answer:  # noqa: ARG001 - as every command
    """Print the document that people follow when the root is made."""
    realm = Realm(options.plan_name, options.organ or options.plan_name)
    return Answer(tuple(ceremony_text(realm, options.language).splitlines()))


def serve(options: argparse.Namespace, now: datetime) -> Answer:
    """Answer hosts that enrol and renew, until a signal ends it."""
    from pki.est import make_app  # noqa: PLC0415 - Flask takes half a second
    from pki.serve import TlsFiles, authorities_text, check_root_is_away, serving  # noqa: PLC0415 - as above

    check_root_is_away(options.folder)
    state = open_state(options.folder, now, options.profiles)
    app = make_app(options.folder, _secrets(options), _clock, options.profiles)
    tls = TlsFiles(options.certificate, options.key, authorities_text(state))
    with serving(options.listen, app, tls) as server:
        server.serve_forever()
    return Answer(())


def ocsp(options: argparse.Namespace, now: datetime) -> Answer:
    """Answer whether a certificate was revoked, until a signal ends it."""
    from pki.ocsp import Responders, make_app  # noqa: PLC0415 - Flask takes half a second
    from pki.serve import check_root_is_away, serving  # noqa: PLC0415 - as above

    check_root_is_away(options.folder)
    open_state(options.folder, now, options.profiles)
    responders = Responders(options.folder, _secrets(options), options.profiles)
    with serving(options.listen, make_app(responders, _clock), None) as server:
        server.serve_forever()
    return Answer(())


def _clock() -> datetime:
    return datetime.now(UTC)


def renew_one(options: argparse.Namespace, now: datetime) -> Answer:
    """Certify a name once more."""
    request = read_file(options.request)
    with _opened(options, now) as state:
        record = newest_of(state, options.name, options.profile)
        issued = renew(state, record, request, _secrets(options), now)
    return _issued(options, issued)


def revoke_one(options: argparse.Namespace, now: datetime) -> Answer:
    """Revoke a name, a serial or an authority; who is to know at once is told meanwhile."""
    delivery = begun(options.deliver, options.folder) if options.deliver else nullcontext()
    with _opened(options, now) as state, delivery as delivering:
        if options.profile is None:
            done = revoke(state, options.wanted, options.reason, _secrets(options), now)
            serials = tuple(f"{serial:x}" for serial in done.serials)
            authority, file, number = done.authority, "crl.pem", {"list_number": done.list_number}
        else:
            serials = revoke_ssh(state, options.profile, options.wanted)
            authority, file, number = options.profile, REVOKED_KEYS, {}
    made = str(options.folder / authority / file)
    data = {"authority": authority, "serials": list(serials), "list": made, **number}
    answer = Answer((*serials, made), data)
    return answer if delivering is None else _delivered(options, answer, data, delivering.end())


def _delivered(
    options: argparse.Namespace, answer: Answer, data: Mapping[str, object], done: Delivered
) -> Answer:
    """Say who has the new list; 1 where a gateway does not have it yet."""
    zh = options.language == "zh"
    lines = [f"已送达:{len(done.have)}" if zh else f"delivered to {len(done.have)} hosts"]
    if done.missing:
        names = ", ".join(done.missing)
        later = "尚未送达,恢复后将自行取回" if zh else "not yet, and will fetch it when back"
        if options.profile is not None:
            # Nobody fetches the list of ssh.
            play = "playbooks/revoke.yml"
            later = f"尚未送达,恢复后请运行 {play}" if zh else f"not yet; run {play} when back"
        lines.append(f"{later}: {names}")
    more = {"delivered": list(done.have), "missing": list(done.missing)}
    return Answer((*answer.lines, *lines), {**data, **more}, int(bool(done.missing)))


def crl(options: argparse.Namespace, now: datetime) -> Answer:
    """Write fresh lists: of the named authorities, or of all below the root."""
    with _opened(options, now) as state:
        names = options.authority or [n for n in state.authority_names() if n != ROOT]
        unknown = [name for name in names if name not in state.authority_names()]
        if unknown:
            known = ", ".join(state.authority_names())
            raise PkiRefused(Code.ZP024, name=unknown[0], known=known)
        secrets = _secrets(options)
        numbers = {name: renew_list(state, name, secrets, now) for name in names}
    lines = tuple(f"{state.folder / name / 'crl.pem'} {n}" for name, n in numbers.items())
    return Answer(lines, numbers)


def status(options: argparse.Namespace, now: datetime) -> Answer:
    """Say what is due; 1 where something is overdue or has ended."""
    state = open_state(options.folder, now, options.profiles)
    certificates = [c for c in certificate_lines(state, now) if _is_asked(options, c)]
    lists = [line for line in list_lines(state, now) if options.name is None]
    standings = [c.standing for c in certificates] + [line.standing for line in lists]
    lines = (*map(_certificate_line, certificates), *map(_list_line, lists))
    data = {
        "certificates": [asdict(line) for line in certificates],
        "lists": [asdict(line) for line in lists],
    }
    return Answer(lines, data, int(any(s in ALARMING for s in standings)))


def _is_asked(options: argparse.Namespace, line: CertificateLine) -> bool:
    return options.name in {None, line.name}


def _certificate_line(line: CertificateLine) -> str:
    left = f"{line.days_left:8.1f} d"
    return f"{line.standing:9}{left}  {line.authority}/{line.profile}  {line.name}  {line.serial}"


def _list_line(line: ListLine) -> str:
    return (
        f"{line.standing:9}{line.days_left:8.1f} d  {line.authority}/crl  "
        f"number {line.number}, {line.revoked} revoked, {line.age_days} d old, "
        f"until {line.next_update}"
    )


def _issued(options: argparse.Namespace, issued: Issued) -> Answer:
    file: Path = options.out or Path(f"{issued.record.name}.pem")
    replace_file(file, issued.chain())
    data = {
        "certificate": str(file),
        "name": issued.record.name,
        "serial": f"{issued.record.serial:x}",
        "ends_at": issued.record.ends_at.isoformat(),
        "again": issued.again,
    }
    return Answer((str(file),), data)


@contextmanager
def _opened(options: argparse.Namespace, now: datetime) -> Iterator[State]:
    with locked(options.folder):
        yield open_state(options.folder, now, options.profiles)


def _secrets(options: argparse.Namespace) -> Secrets:
    pin_file: Path | None = getattr(options, "pin_file", None)
    pin = read_file(pin_file).decode().split("\n", 1)[0].rstrip("\r") if pin_file else None
    return Secrets(_passphrase(options.passphrase_file), pin)


def _passphrase(file: Path | None) -> bytes | None:
    return None if file is None else read_passphrase(file)
