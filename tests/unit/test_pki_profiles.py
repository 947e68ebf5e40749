"""A profile is read strictly: a control that nobody knows would be kept by nobody."""

import shutil
from pathlib import Path

import pytest

from pki.certificates import ROLE_POLICIES
from pki.errors import Code, PkiRefused
from pki.profiles import PACKAGED, AuthorityProfile, LeafProfile, load_profiles


def changed(folder: Path, file: str, old: str, new: str) -> Path:
    """Give a copy of our profiles in which one line is another."""
    shutil.copytree(PACKAGED, folder / "profiles")
    path = folder / "profiles" / file
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")
    return folder / "profiles"


def test_our_profiles_are_whole() -> None:
    """Every authority has something to issue, and the signers' numbers are the gateway's."""
    profiles = load_profiles()

    assert {a.name for a in profiles.authorities} == {leaf.authority for leaf in profiles.leaves}
    assert {leaf.name: leaf.policy_oid for leaf in profiles.below("signers")} == ROLE_POLICIES
    assert {ssh.certifies for ssh in profiles.ssh} == {"host", "user"}


def test_each_authority_has_an_arc_of_its_own() -> None:
    """A policy number says which authority may state it."""
    profiles = load_profiles()

    arcs = [
        {leaf.policy.split(".")[0] for leaf in profiles.below(authority.name)}
        for authority in profiles.authorities
    ]

    assert sum(map(len, arcs)) == len(set.union(*arcs))


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        pytest.param("grace_days: 14", "grase_days: 14", Code.ZP020, "own", id="an unknown word"),
        pytest.param("grace_days: 14", "", Code.ZP021, "1:", id="a missing word"),
        pytest.param("grace_days: 14", "grace_days: -1", Code.ZP022, "own", id="a negative number"),
        pytest.param("grace_days: 14", "grace_days: 1e3", Code.ZP022, "own", id="no whole number"),
        pytest.param("lifetime_days: 30", "lifetime_days: 0", Code.ZP022, "own", id="no life"),
        pytest.param("lifetime_days: 30", "lifetime_days: 9999", Code.ZP022, "own", id="too long"),
        pytest.param("names_host: true", "names_host: yes", Code.ZP022, "own", id="half a boolean"),
        pytest.param("ecdsa-p384]", "rsa]", Code.ZP022, "own", id="an unknown algorithm"),
        pytest.param("[ipsec-ike, client-auth]", "ipsec-ike", Code.ZP022, "own", id="no list"),
        pytest.param("profile: certificate", "profile: any", Code.ZP022, "own", id="unknown kind"),
        pytest.param("profile: certificate\n", "", Code.ZP021, "1:", id="no kind"),
        pytest.param(
            "numbered: false", "numbered: false\nnumbered: true", Code.ZP025, "own", id="twice"
        ),
        pytest.param("authority: links", "authority: linkz", Code.ZP022, "", id="no authority"),
        pytest.param('policy: "11.1"', 'policy: "12.1"', Code.ZP022, "", id="another's policy"),
        pytest.param("profile: certificate", "- profile", Code.ZP023, "", id="no mapping"),
        pytest.param("profile: certificate", "profile: [", Code.ZP023, "", id="no YAML"),
    ],
)
def test_a_profile_that_is_not_understood_is_refused(
    tmp_path: Path, old: str, new: str, code: Code, place: str
) -> None:
    """With its file and line."""
    folder = changed(tmp_path, "gateway.yml", old, new)

    with pytest.raises(PkiRefused) as refused:
        load_profiles(folder)

    assert refused.value.code is code
    text = (folder / "gateway.yml").read_text("utf-8")
    lines = text[: text.find(new) + len(new)].count("\n") + 1
    expected = {"own": f"gateway.yml:{lines}:", "1:": "gateway.yml:1:"}.get(place, ".yml")
    assert expected in refused.value.render("en")


@pytest.mark.parametrize("missing", ["root.yml", "responder.yml", "province.yml"])
def test_a_folder_lacks_no_profile(tmp_path: Path, missing: str) -> None:
    """There is one root, one responder, one recognition."""
    shutil.copytree(PACKAGED, tmp_path / "profiles")
    (tmp_path / "profiles" / missing).unlink()

    with pytest.raises(PkiRefused) as refused:
        load_profiles(tmp_path / "profiles")

    assert refused.value.code is Code.ZP026


@pytest.mark.parametrize("name", ["links", "nothing"])
def test_a_profile_is_found_by_its_kind(name: str) -> None:
    """An authority is no certificate for a host."""
    profiles = load_profiles()

    with pytest.raises(PkiRefused) as refused:
        profiles.get(name, LeafProfile)

    assert refused.value.code is Code.ZP024
    assert profiles.get("links", AuthorityProfile).dns == "gw"
