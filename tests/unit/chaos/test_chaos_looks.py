"""What the watch asks of a node, and what is read from the answer."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from synthetic import FROZEN, LOOKS, SOUND, Story, build

from chaos import looks
from chaos.facts import PrimarySighting
from chaos.looks import NodeLook, line, load, read, script
from chaos.verdict import judge

VIPS = {"public": "10.66.0.100", "internal": "10.66.0.101"}
ADDRESSES = "2: eth1    inet 10.66.0.11/24 scope global eth1\n2: eth1    inet 10.66.0.101/32 scope global eth1\n"
QUORUM = """\
Quorum information
------------------
Quorum provider:  corosync_votequorum
Quorate:          %s

Votequorum information
----------------------
Expected votes:   3
Total votes:      %s
Quorum:           2 %s
Flags:            Quorate WaitForAll

Membership information
----------------------
    Nodeid      Votes Name
         1          1 10.66.2.11 (local)
"""
HEALTHY = ("#quorum\n" + QUORUM % ("Yes", "3", "") + "#addresses\n" + ADDRESSES
           + "#galera\nwsrep_local_state_comment\tSynced\nwsrep_cluster_size\t3\nwsrep_cluster_status\tPrimary\n")
OWN = "ERROR 1047 (08S01) at line 1: WSREP has not yet prepared node for application use"
ALONE = ("#quorum\n" + QUORUM % ("No", "1", "Activity blocked") + "#addresses\n"
         "#galera\nwsrep_local_state_comment\tInitialized\nwsrep_cluster_size\t1\nwsrep_cluster_status\tnon-Primary\n"
         f"#write\n{OWN}\n#wrote 1\n"
         "#broker\nbash: connect: Connection refused\n")


def test_a_healthy_node() -> None:
    look, member = read("n1", 1.0, 1.2, HEALTHY, VIPS)
    assert look == NodeLook("n1", 1.0, 1.2, True, ("10.66.0.101",), "Primary", True)
    assert member is not None and member.size == 3


def test_a_node_without_quorum() -> None:
    look, _ = read("n1", 1.0, 1.2, ALONE, VIPS)
    assert look == NodeLook("n1", 1.0, 1.2, False, (), "non-Primary", True, "refused", "refused")
    assert read("n1", 1, 1, ALONE.replace("#wrote 1", "#wrote 0"), VIPS)[0].write == "accepted"
    assert read("n1", 1, 1, ALONE.replace(OWN + "\n#wrote 1", "#wrote 124"), VIPS)[0].write == "no answer"
    assert read("n1", 1, 1, ALONE.replace("#wrote 1", "#wrote back"), VIPS)[0].write == ""  # Primary again by then
    serving = ALONE.replace("bash: connect: Connection refused", " 01")
    assert read("n1", 1, 1, serving, VIPS)[0].broker == "serves"


def test_silence_is_no_claim() -> None:
    assert read("n1", 1.0, 1.2, "", VIPS) == (NodeLook("n1", 1.0, 1.2), None)
    # corosync is not there: neither quorate nor not.
    assert read("n1", 1, 1, "#quorum\nCannot initialize CMAP service\n", VIPS)[0].quorate is None


def test_a_recording_keeps_them_in_order(tmp_path: Path) -> None:
    path = tmp_path / looks.LOOKS_FILE
    one, two = read("n1", 2.0, 2.1, ALONE, VIPS)[0], read("n2", 1.0, 1.1, HEALTHY, VIPS)[0]
    path.write_text(line(one) + "\n" + line(two) + "\n" + line(one)[:20])
    assert load(path) == (two, one)
    assert load(tmp_path / "none") == ()


@pytest.mark.parametrize(("quorate", "status", "tried"), [
    ("Yes", "wsrep_cluster_status\\tPrimary", set()),
    ("No", "wsrep_cluster_status\\tPrimary", {"broker"}),
    ("No", "wsrep_cluster_status\\tnon-Primary", {"write", "broker"}),
    ("Yes", "ERROR 2002", set())])
def test_harm_is_only_tried_where_it_must_be_refused(quorate: str, status: str, tried: set[str],
                                                     tmp_path: Path) -> None:
    """The script as it is, with other programs behind the names that it calls."""
    for name, body in {"corosync-quorumtool": f"echo 'Quorate: {quorate}'", "pgrep": "exit 0", "ip": "exit 0",
                       "mariadb": f'case "$*" in *REPLACE*) exit 1;; *) printf "{status}\\n";; esac'}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/bash\n{body}\n")
        program.chmod(0o755)
    said = subprocess.run(["bash", "-s"], input=script("127.0.0.1"), text=True, capture_output=True, check=False,
                          env={"PATH": f"{tmp_path}:/usr/bin:/bin"}).stdout
    look, _ = read("n1", 1.0, 1.2, said, VIPS)
    assert {name for name in ("write", "broker") if getattr(look, name)} == tried
    assert look.write in ("", "no answer") and look.broker in ("", "refused")


def test_a_slow_node_has_longer_for_each_question(tmp_path: Path) -> None:
    """On emulated machines most looks had no word of corosync, which had not answered within its second."""
    program = tmp_path / "corosync-quorumtool"
    program.write_text(f"#!/bin/bash\nsleep 0.4\ncat <<'END'\n{QUORUM % ('Yes', '3', '')}END\n")
    program.chmod(0o755)
    said = {patience: subprocess.run(["bash", "-s"], input=script("127.0.0.1", patience), text=True, check=False,
                                     capture_output=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}).stdout
            for patience in (0.1, 4.0)}
    assert read("n1", 1.0, 1.2, said[0.1], VIPS)[0].quorate is None
    assert read("n1", 1.0, 1.2, said[4.0], VIPS)[0].quorate is True


@pytest.mark.parametrize(("later", "word"), [("Primary", ""), ("non-Primary", "accepted")])
def test_a_write_counts_against_a_server_that_is_still_outside(later: str, word: str, tmp_path: Path) -> None:
    """One that joined again between the two questions took it rightly (seen on a host with too much to do)."""
    written = tmp_path / "written"
    for name, body in {"corosync-quorumtool": "echo 'Quorate: No'", "pgrep": "exit 0", "ip": "exit 0", "mariadb": f"""
            case "$*" in
              *REPLACE*) touch {written} ;;
              *) [ -e {written} ] && now={later} || now=non-Primary; printf "wsrep_cluster_status\t$now\n" ;;
            esac"""}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/bash\n{body}\n")
        program.chmod(0o755)
    said = subprocess.run(["bash", "-s"], input=script("127.0.0.1"), text=True, capture_output=True, check=False,
                          env={"PATH": f"{tmp_path}:/usr/bin:/bin"}).stdout
    assert read("n1", 1.0, 1.2, said, VIPS)[0].write == word


STALE = PrimarySighting(LOOKS[4].at, (("c1",), ("c2", "c3")), ("c1", "c2", "c3"))  # at +4 s
THAWED = (FROZEN, (3.5, "power.resume", "c1", {}))


@pytest.mark.parametrize(("story", "forgiven"), [
    (SOUND.but(events=THAWED), True),
    (SOUND.but(events=(FROZEN, (-2.0, "power.resume", "c1", {}))), False),  # too long ago
    (SOUND.but(events=((0.0, "power.suspend", "c2", {}), (3.5, "power.resume", "c2", {}))), False),  # not alone there
    (SOUND.but_facts(fault="proc.pause", params={"process": "mariadbd"}), True),
    (SOUND.but_facts(fault="proc.pause", params={"process": "memcached"}), False),
    (SOUND.but_facts(fault="lb.backend_slow", params={"ms": 400}), True),
    (SOUND, False)])
def test_a_thawed_server_s_last_words_are_no_second_component(story: Story, forgiven: bool, tmp_path: Path) -> None:
    """It says what it knew before it froze, once; at the next look its group has told it.  Nobody else is forgiven."""
    build(tmp_path, story.but_facts(primaries=(*LOOKS[:4], STALE, *LOOKS[5:])))
    said = next(one for one in judge(tmp_path).findings if one.id == "S4")
    assert said.ok is forgiven
    assert ("never two Primary" if forgiven else "two Primary components at one time") in said.evidence


@pytest.mark.parametrize(("later", "why"), [((STALE,), "the next look saw it too"), ((), "nobody looked again")])
def test_a_thawed_server_has_one_look(later: tuple[PrimarySighting, ...], why: str, tmp_path: Path) -> None:
    build(tmp_path, SOUND.but(events=THAWED).but_facts(primaries=(*LOOKS[:4], STALE, *later)))
    assert not next(one for one in judge(tmp_path).findings if one.id == "S4").ok, why


@pytest.mark.parametrize("words", ["ERROR 2002 (HY000): Can't connect to local server through socket",
                                   "ERROR 1290 (HY000): The server is running with the --read-only option", ""])
def test_only_the_server_s_own_refusal_is_one(words: str) -> None:
    assert read("n1", 1, 1, ALONE.replace(OWN, words), VIPS)[0].write == "no answer"
