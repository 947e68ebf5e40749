"""The gates of this host: brought into force with the policy, proven with it, closed without it.

A gate is open only while four things are known to hold: the proxy does what was
signed, the lists of revocations are good, the decisions are being recorded,
and all that was so a moment ago.  So what is in force has an end, a few
minutes ahead, which each proof moves on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gateway.agent.requests import problems_json
from gateway.agent.signed import SignedPlan
from gateway.artefacts import GateMaps, Generation
from gateway.artefacts import Proxy as Compiled
from gateway.compile.gate_maps import compile_maps
from gateway.compile.proxy import FOLDER, Layout, compile_proxy
from gateway.errors import Problem, Refused, Where, problem
from gateway.haproxy import Haproxy, HaproxyRefused
from gateway.load import gates
from gateway.load.accepted import put_in_place
from gateway.load.gate_lists import AUTHORITIES, SEEN_FILE, GateLists, read_lists, remember
from gateway.load.gate_program import Maps, Program
from gateway.load.gates import Proxy
from gateway.load.identity_key import identity_key
from gateway.load.identity_tokens import TokenSigner
from gateway.policy.gates import gates_at
from gateway.policy.names import gateway_identity
from gateway.verify.gate_proof import SignedGates, find_in_gates
from gateway.verify.gate_tokens import find_in_tokens
from gateway.verify.gates import LiveGates, read_gates

#: So long after the last proof nothing passes any more; a token lasts as long.
LASTS = timedelta(minutes=5)

#: The proxy has a folder of the role's, one of the loader's, and its sockets.
GIVEN, RUN = Path(FOLDER), Path("/run/loushan/proxy")

#: The role's: lists of revocations, and who certifies those that may ask.
LISTS, TRUSTED = "lists", "clients.pem"

_SHOWN, _OWN = "shown", "gateway.pem"
_TRUSTED = (TRUSTED, "services.pem")


@dataclass(frozen=True, slots=True)
class GateState:
    """Whether requests pass at the gates of a host, and if not, why not."""

    is_open: bool
    problems: tuple[Problem, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        return {"open": self.is_open, "problems": problems_json(self.problems)}


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Gates:
    """The gates of one site's gateway.

    `state` is the loader's own folder; `is_recording` tells whether decisions are written down.
    """

    site: str
    state: Path
    is_recording: Callable[[], bool] = _always
    given: Path = GIVEN
    run: Path = RUN

    def bring(self, signed: SignedPlan) -> GateState:
        """Bring a policy's gates into force; what must be and is not leaves them closed.

        Raises:
            Refused: ZG530 to ZG532, the proxy does not take them; the last ones are in force
                until their time is over.
        """
        if not gates_at(signed.plan, self.site):
            return self._without(signed)
        lists = self._lists(signed)
        if isinstance(lists, GateState):
            self._have_it_run(signed)
            return lists
        remember(self.state / SEEN_FILE, lists)
        begun = self._have_it_run(signed, lists)
        if not (begun and self._read().letter):
            self._put_in(signed, lists)
        live = self._read()
        if self._differences(signed, lists, live):
            # What was changed at its control socket goes with the process.
            self._have_it_run(signed, lists, anew=True)
            live = self._read()
        self._note(live)
        return GateState(is_open=True)

    def keep(self, signed: SignedPlan) -> tuple[GateState, list[Problem]]:
        """Prove the gates and let them stay open; give how they are, and what differs.

        A proxy that began anew is given what it lost.

        Raises:
            Refused: ZG530 to ZG532, the proxy does not answer or does not take it.
        """
        if not gates_at(signed.plan, self.site):
            return self._without(signed), []
        lists = self._lists(signed)
        if isinstance(lists, GateState):
            return lists, []
        live = self._read()
        if not live.letter:
            return self.bring(signed), []
        if live.maps.get("revoked") != lists.revoked:
            remember(self.state / SEEN_FILE, lists)
            gates.revoke(self.proxy, lists.revoked)
            live = self._read()
        found = self._differences(signed, lists, live)
        if found:
            return GateState(is_open=False, problems=tuple(found)), found
        tokens, until = self._tokens(signed), self._until(signed, lists)
        gates.tell(self.proxy, tokens)
        gates.prolong(self.proxy, until)
        maps = compile_maps(signed.plan, self.site, Generation(live.letter))
        gates.end_what_is_over(self.proxy, maps, lists.revoked, datetime.now(UTC))
        current = gates.in_force(maps.generation, _revision(signed), until)
        # What was read and proven, with what was put in since: not read again, for what
        # somebody else changed meanwhile is to be seen as a difference.
        self._note(replace(live, maps={**live.maps, "tokens": tokens, "current": current}))
        return GateState(is_open=True), []

    def differences(self, signed: SignedPlan) -> list[Problem]:
        """Give what differs from the signed policy; change nothing.

        Raises:
            Refused: as `keep`, or the lists are not in order.
        """
        if not gates_at(signed.plan, self.site):
            return []
        lists = self._read_lists(signed.plan.links.grace_hours)
        return self._differences(signed, lists, self._read())

    def revoke(self) -> int:
        """Have the lists on the disk count from the next request on; give how many are on them.

        Raises:
            Refused: ZG530, the proxy does not take them; or the lists are not in order.
        """
        lists = self._read_lists(grace_hours=0)
        if self._answers():
            gates.revoke(self.proxy, lists.revoked)
        return len(lists.revoked)

    def close(self) -> None:
        """Let no request pass; where no proxy answers, none does."""
        self._note(None)
        if self._answers():
            gates.close(self.proxy)

    def lists_at(self) -> tuple[int, ...]:
        """Give when each list was put in its place, in nanoseconds; 0 for one that is missing."""
        return tuple(_time_of(self.given / LISTS / f"{name}.crl") for name in AUTHORITIES)

    @property
    def held_file(self) -> Path:
        """What the proxy held when it was proven last, as a digest; empty where it was closed."""
        return self.state / "proxy/held"

    @property
    def proxy(self) -> Proxy:
        """The running proxy, and its maps."""
        return Proxy(self._haproxy, PurePosixPath(self._maps))

    def _answers(self) -> bool:
        try:
            self._haproxy.info()
        except HaproxyRefused:
            return False
        return True

    @property
    def _haproxy(self) -> Haproxy:
        return Haproxy(self.run / "control.sock")

    @property
    def _maps(self) -> Path:
        return self.state / "proxy/maps"

    @property
    def _configuration(self) -> Path:
        return self.state / "proxy/haproxy.cfg"

    def _without(self, signed: SignedPlan) -> GateState:
        """Have no gate where the plan has none: what ran for another plan is closed."""
        if self._configuration.exists():
            self._have_it_run(signed)
        return GateState(is_open=False)

    def _have_it_run(
        self, signed: SignedPlan, lists: GateLists | None = None, *, anew: bool = False
    ) -> bool:
        """Have the program run with a policy's gates, with nothing in force where no lists are."""
        wanted, master = self._compiled(signed), Haproxy(self.run / "master.sock")
        program = Program(self._configuration, self._maps, self._haproxy, master)

        def begins() -> Maps:
            maps = self._next_maps(signed)
            if lists is None:
                return gates.beginning(maps, {}, {}, {})
            current = gates.in_force(maps.generation, _revision(signed), self._until(signed, lists))
            return gates.beginning(maps, current, lists.revoked, self._tokens(signed))

        return program.run_with(wanted.text, wanted.digest, begins, anew=anew)

    def _next_maps(self, signed: SignedPlan) -> GateMaps:
        """Compile what a policy lets pass, for the generation that is not in force."""
        letter = self._read().letter if self._answers() else ""
        generation = Generation(letter).other if letter else Generation.A
        return compile_maps(signed.plan, self.site, generation)

    def _lists(self, signed: SignedPlan) -> GateLists | GateState:
        """Give the lists; where they do not count, or nothing is recorded, close the gates."""
        identity_key(self.state)  # it is published before the first request, open or not
        try:
            lists = self._read_lists(signed.plan.links.grace_hours)
        except Refused as refused:
            return self._shut(*refused.problems)
        if lists.until <= datetime.now(UTC):
            return self._shut(problem("ZG536", until=lists.until.isoformat()))
        if not self.is_recording():
            return self._shut(problem("ZG533"))
        return lists

    def _shut(self, *why: Problem) -> GateState:
        self.close()
        return GateState(is_open=False, problems=why)

    def _read_lists(self, grace_hours: int) -> GateLists:
        trusted, seen = self.given / TRUSTED, self.state / SEEN_FILE
        return read_lists(self.given / LISTS, trusted, grace_hours, seen)

    def _put_in(self, signed: SignedPlan, lists: GateLists) -> None:
        gates.revoke(self.proxy, lists.revoked)
        gates.tell(self.proxy, self._tokens(signed))
        maps, until = self._next_maps(signed), self._until(signed, lists)
        gates.bring_into_force(self.proxy, maps, _revision(signed), until)

    def _compiled(self, signed: SignedPlan) -> Compiled:
        layout = Layout(str(self.given), str(self._maps), str(self._haproxy.control))
        return compile_proxy(signed.plan, self.site, layout)

    def _note(self, live: LiveGates | None) -> None:
        """Write down what was proven, so that who looks every second sees that it changed."""
        put_in_place(self.held_file, (live.digest_of_all if live else "").encode())

    def _differences(self, signed: SignedPlan, lists: GateLists, live: LiveGates) -> list[Problem]:
        wanted = self._compiled(signed)
        what = SignedGates(
            signed.plan,
            self.site,
            _revision(signed),
            wanted.digest,
            wanted.text,
            self._authorities(),
            self._certificates(),
            frozenset(lists.revoked),
            datetime.now(UTC) + LASTS,
        )
        key = identity_key(self.state).public_key()
        tokens = live.maps.get("tokens", {})
        return [
            *find_in_gates(what, live),
            *find_in_tokens(signed.plan, self.site, tokens, key, datetime.now(UTC)),
        ]

    def _read(self) -> LiveGates:
        try:
            return read_gates(self._haproxy)
        except HaproxyRefused as fault:
            raise Refused(problem("ZG530", error=fault)) from fault

    def _until(self, signed: SignedPlan, lists: GateLists) -> datetime:
        return min(datetime.now(UTC) + LASTS, lists.until, signed.verified.statement.not_after)

    def _tokens(self, signed: SignedPlan) -> dict[str, str]:
        signer = TokenSigner(
            gateway_identity(signed.plan.name, self.site),
            _revision(signed),
            identity_key(self.state),
            int(LASTS.total_seconds()),
        )
        hosts = sorted({gate.host for gate in gates_at(signed.plan, self.site)})
        made = signer.tokens(signed.plan.subjects.values(), hosts, datetime.now(UTC))
        return {f"{who.subject}:{who.zone}:{who.audience}": text for who, text in made.items()}

    def _authorities(self) -> dict[str, frozenset[str]]:
        """Give whom the role's files trust, by file, as the program names certificates."""
        files = [self.given / name for name in _TRUSTED]
        return {str(file): frozenset(_fingerprints(file)) for file in files}

    def _certificates(self) -> dict[str, str]:
        """Give what the role had certified, by the file that the program reads it from.

        The program's files have its keys in them; beside them stand the certificates alone.
        """
        shown = sorted((self.given / _SHOWN).glob("*.pem"))
        return {str(self.given / _read_from(file.name)): _fingerprints(file)[0] for file in shown}


def _revision(signed: SignedPlan) -> int:
    return signed.verified.statement.revision


def _time_of(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _read_from(name: str) -> str:
    """Give which of the program's files has the key of a certificate that is shown."""
    return name if name == _OWN else f"certificates/{name}"


def _fingerprints(file: Path) -> list[str]:
    """Give certificates as the program names them."""
    try:
        certificates = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as fault:
        raise Refused(problem("ZG531", Where(str(file)), error=fault)) from fault
    return [
        each.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - so HAProxy names them
        for each in certificates
    ]


def gates_of(site: str, state: Path, is_recording: Callable[[], bool] = _always) -> Gates | None:
    """Give the gates of the host that this runs on; None where no role made any."""
    return Gates(site, state, is_recording) if GIVEN.exists() else None
