"""A bundle is believed whole and signed or not at all, and nothing of it lies anywhere before."""

import tarfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from ansible.errors import AnsibleLookupError

from gateway.bundle import judge as judging
from gateway.bundle.judge import Trust, judge, unpack, unpacked_hosts
from gateway.bundle.lists import MANIFEST, SIGNATURE, SUMS, read_sums
from gateway.bundle.signature import Signers
from gateway.errors import Refused, Where
from playbooks.plugins.lookup.bundle_hosts import LookupModule
from tests.bundles import CONTENT, NOW, Makers, keygen, signed, tree, write

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def makers(tmp_path_factory: pytest.TempPathFactory) -> Makers:
    """Have operators of each duty."""
    made = Makers.begin(tmp_path_factory.mktemp("makers"))
    for name, duty in (("wei", "build"), ("li", "audit"), ("he", "system"), ("xu", "security")):
        made.operator(name, f"{duty}:{name}")
    made.operator("an")
    made.operator("old", "build:old", until="-2d")
    return made


def key(makers: Makers, name: str = "wei") -> Path:
    """Give an operator's certificate."""
    return makers.folder / f"{name}-cert.pub"


@pytest.fixture(scope="module")
def members(makers: Makers) -> Members:
    """Give what a bundle has that may be used."""
    content = {**CONTENT, "tree.tar": tree("loushan", "a/b.py")}
    return signed(makers.folder, key(makers), content)


def refusal(file: Path, trust: Trust) -> set[str]:
    """Give the codes with which a bundle is refused; it is not unpacked either."""
    folder = file.parent / "unpacked"
    with pytest.raises(Refused) as judged:
        judge(file, trust)
    with pytest.raises(Refused) as unpacked:
        unpack(file, folder, trust)

    assert not list(file.parent.glob("unpacked*")), "and nothing of it is left"
    assert judged.value.problems == unpacked.value.problems
    assert all(str(file) in str(each.where) for each in judged.value.problems)
    return {each.code for each in judged.value.problems}


def test_what_an_operator_of_the_duty_build_has_signed_is_taken(
    makers: Makers, members: Members, tmp_path: Path
) -> None:
    """And lies there as it was: the tree, and beside it the bundle itself."""
    file, folder = write(tmp_path / "b.tar", members), tmp_path / "new"

    judged = unpack(file, folder, makers.trust())

    assert (judged.signer, judged.files) == ("build:wei", len(CONTENT) + 2)
    assert judge(file, makers.trust()) == judged
    assert (folder / "loushan").stat().st_mode & 0o777 == 0o755
    assert (folder / "a/b.py").stat().st_mode & 0o777 == 0o644
    assert {n: (folder / "bundle" / n).read_bytes() for n in members} == members
    assert unpacked_hosts(folder / "bundle") == read_sums(
        members[SUMS].decode(), Where("b.tar")
    ).get("hosts.tar")


def changed(members: Members, name: str, data: bytes) -> Members:
    """Give a bundle with another content of one file."""
    return {**members, name: data}


ALTERED: list[tuple[str, Callable[[Members], Members | list[tuple[str, bytes]]], str]] = [
    ("a byte is another", lambda m: changed(m, "hosts.tar", b"packageS"), "ZG272"),
    ("a file was cut", lambda m: changed(m, "hosts.tar", b""), "ZG272"),
    ("its time was changed", lambda m: changed(m, MANIFEST, m[MANIFEST] + b" "), "ZG272"),
    ("a file is missing", lambda m: {n: d for n, d in m.items() if n != "hosts.tar"}, "ZG273"),
    ("a file is too many", lambda m: {**m, "more": b""}, "ZG274"),
    ("a file comes twice", lambda m: [*m.items(), ("hosts.tar", m["hosts.tar"])], "ZG274"),
    ("another comes by a listed name", lambda m: [*m.items(), ("hosts.tar", b"x")], "ZG274"),
    ("the list comes twice", lambda m: [*m.items(), (SUMS, m[SUMS])], "ZG274"),
    ("a file lies above", lambda m: {**m, "../up": b""}, "ZG274"),
    ("a file lies above, in the middle", lambda m: {**m, "a/../../up": b""}, "ZG274"),
    ("a file lies at the root", lambda m: {**m, "/etc/cron.d/x": b""}, "ZG274"),
    ("the signature is left out", lambda m: {n: m[n] for n in m if n != SIGNATURE}, "ZG271"),
    ("the signature is empty", lambda m: changed(m, SIGNATURE, b""), "ZG271"),
    ("the list is another", lambda m: changed(m, SUMS, m[SUMS].replace(b"a", b"b")), "ZG271"),
    ("the list is shorter", lambda m: changed(m, SUMS, m[SUMS].split(b"\n")[0]), "ZG271"),
    ("the list is left out", lambda m: {n: m[n] for n in m if n != SUMS}, "ZG270"),
    ("the list comes last", lambda m: {**{n: m[n] for n in m if n != SUMS}, SUMS: b""}, "ZG270"),
    ("nothing is in it", lambda _m: {}, "ZG270"),
]


@pytest.mark.parametrize(("change", "code"), [pytest.param(c, e, id=i) for i, c, e in ALTERED])
def test_what_was_altered_is_refused(
    makers: Makers,
    members: Members,
    tmp_path: Path,
    change: Callable[[Members], Members | list[tuple[str, bytes]]],
    code: str,
) -> None:
    """Whatever it is, and whoever held it."""
    assert refusal(write(tmp_path / "b.tar", change(members)), makers.trust()) == {code}


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a//b", "-x", "a b", SUMS])
def test_a_name_that_leads_elsewhere_is_refused_though_it_is_signed(
    makers: Makers, tmp_path: Path, name: str
) -> None:
    """By the list alone, before any file is looked at."""
    members = signed(tmp_path, key(makers), {**CONTENT, name: b"x"})

    assert refusal(write(tmp_path / "b.tar", members), makers.trust()) <= {"ZG274", "ZG270"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_what_is_no_file_is_refused(
    makers: Makers, members: Members, tmp_path: Path, kind: bytes
) -> None:
    """A link by a listed name would be written through."""
    file = write(tmp_path / "b.tar", members)
    with tarfile.open(file, "a") as archive:
        link = tarfile.TarInfo("hosts")
        link.type, link.linkname = kind, "/etc"
        archive.addfile(link)

    assert refusal(file, makers.trust()) == {"ZG274"}


@pytest.mark.parametrize(
    "name", ["../up", "/etc/passwd", "bundle/hosts.tar", "a/../../up", ".git/config"]
)
def test_a_tree_that_would_lie_elsewhere_is_refused_though_it_is_signed(
    makers: Makers, tmp_path: Path, name: str
) -> None:
    """Git makes no such tree."""
    members = signed(tmp_path, key(makers), {"tree.tar": tree("loushan", name)})
    with pytest.raises(Refused) as refused:
        unpack(write(tmp_path / "b.tar", members), tmp_path / "new", makers.trust())

    assert [each.code for each in refused.value.problems] == ["ZG274"]
    assert not list(tmp_path.glob("new*"))
    assert not (tmp_path / "up").exists()


def test_a_link_in_the_tree_is_refused_though_it_is_signed(makers: Makers, tmp_path: Path) -> None:
    """What follows it would be written where it leads."""
    inner = tmp_path / "tree"
    with tarfile.open(inner, "w") as archive:
        link = tarfile.TarInfo("docs")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    members = signed(tmp_path, key(makers), {"tree.tar": inner.read_bytes()})
    with pytest.raises(Refused) as refused:
        unpack(write(tmp_path / "b.tar", members), tmp_path / "new", makers.trust())

    assert [each.code for each in refused.value.problems] == ["ZG274"]


@pytest.mark.parametrize("name", ["li", "he", "xu", "an"])
def test_a_duty_that_makes_no_hosts_signs_no_bundle(
    makers: Makers, tmp_path: Path, name: str
) -> None:
    """Also where the list believes the authority about everybody."""
    file = write(tmp_path / "b.tar", signed(tmp_path, key(makers, name), CONTENT))
    everybody = tmp_path / "everybody"
    everybody.write_text(makers.signers.read_text().replace("build:* ", "* "))

    assert refusal(file, makers.trust()) == {"ZG271"}
    assert refusal(file, makers.trust(signers=Signers(everybody))) == {"ZG271"}


def test_who_is_certified_by_nobody_signs_no_bundle(makers: Makers, tmp_path: Path) -> None:
    """Neither with a key alone, nor with a certificate of an authority of their own."""
    other = tmp_path / "other"
    other.mkdir()
    certified = Makers.begin(other).operator("wei", "build:wei")
    for signer in (other / "wei", certified):
        file = write(tmp_path / "b.tar", signed(tmp_path, signer, CONTENT))

        assert refusal(file, makers.trust()) == {"ZG271"}


def test_a_certificate_counts_while_it_holds(makers: Makers, tmp_path: Path) -> None:
    """It need not hold when the bundle is unpacked, but when it was made."""
    signer = key(makers, "old")
    late = write(tmp_path / "late.tar", signed(tmp_path, signer, CONTENT))
    made = NOW - timedelta(days=5)
    then = write(tmp_path / "then.tar", signed(tmp_path, signer, CONTENT, made=made))

    assert refusal(late, makers.trust()) == {"ZG271"}
    assert judge(then, makers.trust()).signer == "build:old"


def test_a_revoked_key_counts_for_nothing(makers: Makers, members: Members, tmp_path: Path) -> None:
    """Whatever was signed with it; and no list of revocations that is named is passed over."""
    file, revoked = write(tmp_path / "b.tar", members), tmp_path / "revoked_keys"
    revoked.write_text((makers.folder / "wei.pub").read_text())
    there = makers.trust(signers=Signers(makers.signers, revoked))
    away = makers.trust(signers=Signers(makers.signers, tmp_path / "away"))

    assert refusal(file, there) == {"ZG271"}
    assert refusal(file, away) == {"ZG271"}


def test_what_was_signed_for_another_purpose_is_refused(
    makers: Makers, members: Members, tmp_path: Path
) -> None:
    """A signature is for a bundle, and not for whatever an operator signs by ssh."""
    message = tmp_path / SUMS
    message.write_bytes(members[SUMS])
    keygen("-Y", "sign", "-f", key(makers), "-n", "file", message)
    file = write(
        tmp_path / "b.tar", changed(members, SIGNATURE, (tmp_path / SIGNATURE).read_bytes())
    )
    anything = tmp_path / "anything"
    anything.write_text(makers.signers.read_text().replace(',namespaces="loushan-bundle"', ""))

    assert refusal(file, makers.trust()) == {"ZG271"}
    assert refusal(file, makers.trust(signers=Signers(anything))) == {"ZG271"}


@pytest.mark.parametrize(
    ("age", "other"),
    [
        pytest.param(timedelta(days=31), {}, id="older than a month"),
        pytest.param(timedelta(days=2), {"days": 1}, id="older than is asked for"),
        pytest.param(timedelta(hours=-1), {}, id="of the future"),
        pytest.param(timedelta(days=2), {"newer_than": NOW - timedelta(days=1)}, id="replayed"),
    ],
)
def test_an_old_bundle_is_refused(
    makers: Makers, tmp_path: Path, age: timedelta, other: dict[str, object]
) -> None:
    """Its packages' faults are known."""
    file = write(tmp_path / "b.tar", signed(tmp_path, key(makers), CONTENT, made=NOW - age))

    assert refusal(file, makers.trust(**other)) == {"ZG275"}


@pytest.mark.parametrize(
    "manifest",
    [b"{}", b"[]", b"", b"\xff", b'{"format": 2}', b'{"format": 1, "made": "2026-01-01T00:00:00"}'],
)
def test_what_a_bundle_says_of_itself_must_be_understood(
    makers: Makers, tmp_path: Path, manifest: bytes
) -> None:
    """Also where it is signed."""
    members = signed(tmp_path, key(makers), CONTENT, manifest=manifest or b" ")

    assert refusal(write(tmp_path / "b.tar", members), makers.trust()) == {"ZG270"}


def test_what_is_no_archive_is_no_bundle(makers: Makers, tmp_path: Path) -> None:
    """Nor is what is not there, or was cut while it was copied."""
    text, away = tmp_path / "text", tmp_path / "away"
    text.write_text("hello")

    assert refusal(text, makers.trust()) == {"ZG270"}
    assert refusal(away, makers.trust()) == {"ZG270"}


@pytest.mark.parametrize("left", [1, 600, 2000, 5000])
def test_a_bundle_that_was_cut_is_refused(
    makers: Makers, members: Members, tmp_path: Path, left: int
) -> None:
    """Wherever that was."""
    file = write(tmp_path / "b.tar", members)
    file.write_bytes(file.read_bytes()[:left])

    assert refusal(file, makers.trust()) <= {"ZG270", "ZG273", "ZG272"}


def test_what_changes_while_it_is_unpacked_is_refused(
    makers: Makers, members: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was judged, and is another by the time it is written."""
    file = write(tmp_path / "b.tar", members)
    judged = judging._judge  # noqa: SLF001 - the moment in between is nowhere else

    def then_altered(*words: object) -> object:
        found = judged(*words)  # type: ignore[arg-type]  # handed on as it came
        file.write_bytes(file.read_bytes().replace(b"packages", b"packageS"))
        return found

    monkeypatch.setattr(judging, "_judge", then_altered)
    with pytest.raises(Refused) as refused:
        unpack(file, tmp_path / "new", makers.trust())

    assert [each.code for each in refused.value.problems] == ["ZG272"]
    assert not list(tmp_path.glob("new*"))


def test_a_folder_that_is_there_is_left_alone(
    makers: Makers, members: Members, tmp_path: Path
) -> None:
    """What a city is run from is never written over."""
    file, folder = write(tmp_path / "b.tar", members), tmp_path / "there"
    folder.mkdir()
    with pytest.raises(Refused) as refused:
        unpack(file, folder, makers.trust())

    assert [each.code for each in refused.value.problems] == ["ZG279"]
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda b: (b / "hosts.tar").write_bytes(b"packageS"), "ZG272", id="altered"),
        pytest.param(lambda b: (b / "hosts.tar").unlink(), "ZG273", id="away"),
        pytest.param(lambda b: (b / SUMS).unlink(), "ZG273", id="without its list"),
    ],
)
def test_hosts_get_only_packages_that_are_still_as_they_were(
    makers: Makers, members: Members, tmp_path: Path, change: Callable[[Path], object], code: str
) -> None:
    """An unpacked bundle lies on a disk for months."""
    folder = tmp_path / "new"
    unpack(write(tmp_path / "b.tar", members), folder, makers.trust())
    change(folder / "bundle")
    with pytest.raises(Refused) as refused:
        unpacked_hosts(folder / "bundle")
    with pytest.raises(AnsibleLookupError, match=code):
        LookupModule().run([str(folder / "bundle")])

    assert [each.code for each in refused.value.problems] == [code]
