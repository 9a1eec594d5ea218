"""What the watch asks of a node, and what is read from the answer."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from synthetic import LOOKS, SOUND, build

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
ALONE = ("#quorum\n" + QUORUM % ("No", "1", "Activity blocked") + "#addresses\n"
         "#galera\nwsrep_local_state_comment\tInitialized\nwsrep_cluster_size\t1\nwsrep_cluster_status\tnon-Primary\n"
         "#write\nERROR 1047 (08S01): WSREP has not yet prepared node for application use\n#wrote 1\n"
         "#broker\nbash: connect: Connection refused\n")


def test_a_healthy_node() -> None:
    look, member = read("n1", 1.0, 1.2, HEALTHY, VIPS)
    assert look == NodeLook("n1", 1.0, 1.2, True, ("10.66.0.101",), "Primary", True)
    assert member is not None and member.size == 3


def test_a_node_without_quorum() -> None:
    look, _ = read("n1", 1.0, 1.2, ALONE, VIPS)
    assert look == NodeLook("n1", 1.0, 1.2, False, (), "non-Primary", True, "refused", "refused")
    assert read("n1", 1, 1, ALONE.replace("#wrote 1", "#wrote 0"), VIPS)[0].write == "accepted"
    assert read("n1", 1, 1, ALONE.replace("#wrote 1", "#wrote 124"), VIPS)[0].write == "no answer"
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
    assert look.write in ("", "refused") and look.broker in ("", "refused")


def test_a_thawed_server_s_last_words_are_no_second_component(tmp_path: Path) -> None:
    """It says what it knew before it froze, once; at the next look its group has told it."""
    stale = PrimarySighting(LOOKS[4].at, (("c1",), ("c2", "c3")), ("c1", "c2", "c3"))
    build(tmp_path, SOUND.but_facts(primaries=(*LOOKS[:4], stale, *LOOKS[5:])))
    said = next(one for one in judge(tmp_path).findings if one.id == "S4")
    assert said.ok and "never two Primary" in said.evidence
