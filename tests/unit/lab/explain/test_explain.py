"""The explainers, on what the daemons of a three-node lab printed after its VIP's holder had lost its power."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from chaos.facts import Timers
from chaos.formulas import vip_takeover
from cli.views.explain import explanation
from daemons import cib, corosync, scheduler
from daemons.galera import member
from daemons.pacemaker import status
from lab.explain import fencing, galera, quorum, resource, vip
from lab.explain.fencing import FencingFacts
from lab.explain.galera import GaleraFacts
from lab.explain.model import Explanation, Point, listed
from lab.explain.quorum import QuorumFacts
from lab.explain.resource import ClusterFacts
from lab.explain.vip import VipFacts
from lab.plan import Vip
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from provision.roles.pacemaker import wanted_cib

SAMPLES = Path(__file__).parent / "samples"
NODES = ("n1", "n2", "n3")


def text(name: str) -> str:
    return (SAMPLES / name).read_text()


SCORES = scheduler.simulated(text("scores.xml"))


@pytest.fixture
def cluster() -> ClusterFacts:
    lines = scheduler.history({node: text(f"{node}.pacemaker.log") for node in NODES})
    return ClusterFacts("n1", status(text("crm_mon.xml")), cib.read(text("cib.xml")), SCORES, lines,
                        {"n2": scheduler.outlook(scheduler.simulated(text("n2-lost.xml")))})


def about(told: Explanation | tuple[Point, ...], word: str) -> Point:
    points = told.points if isinstance(told, Explanation) else told
    (found,) = [point for point in points if point.about == word]
    return found


# --- Pacemaker's tools -----------------------------------------------------------------------------


def test_scores_are_the_last_word_of_the_scheduler() -> None:
    assert scheduler.scores(SCORES, "vip-public") == {"n1": "0", "n2": "INFINITY", "n3": "0"}
    assert scheduler.scores(SCORES, "fence-n1") == {"n1": "-INFINITY", "n2": "INFINITY", "n3": "0"}
    assert set(scheduler.scores(SCORES, "galera").values()) == {"INFINITY"}
    assert scheduler.promotion_scores(SCORES, "galera") == dict.fromkeys(NODES, "100")


def test_the_move_is_told_with_its_reason(cluster: ClusterFacts) -> None:
    change = scheduler.last_change(cluster.lines, "vip-public", "n2")
    assert change.decided is not None and "Move       vip-public       ( n3 -> n2 )" in change.decided.text
    assert change.because == "n3 had to be fenced: peer is no longer part of the cluster"
    assert change.done is not None and change.done.at == "Nov 22 20:39:39.396"
    # It was there before, and nobody was fenced for that.
    earlier = scheduler.last_change(cluster.lines, "vip-public", "n3")
    assert earlier.done is not None and earlier.done.at == "Nov 22 20:37:49.808" and not earlier.because


def test_a_place_on_a_lost_node_is_none(cluster: ClusterFacts) -> None:
    # As seen on a lab whose BMCs were silent: Pacemaker goes on showing what ran on the lost node.
    lost = text("crm_mon.xml").replace('name="n2" id="2" online="true"', 'name="n2" id="2" online="false"', 1)
    at = lost.index('name="n2" id="2" online="false"')
    lost = lost[:at] + lost[at:].replace('unclean="false"', 'unclean="true"', 1)
    facts = replace(cluster, status=status(lost))
    assert "n2 is lost and not known to be dead" in about(resource.tell(facts, "vip-public"), "waiting").says
    assert [point.about for point in resource.tell(facts, "fence-n2")].count("waiting") == 0
    one = Vip(name="public", address=IPv4Address("10.66.1.200"), cluster="controllers")
    told = vip.tell(VipFacts((one,), {"n1": "", "n3": ""}, facts, Timers()))
    assert told.answer == "public is on nobody" and "n2 did not answer" in about(told, "holder").says
    assert "starts nowhere else before the fencing" in about(told, "public: waiting").says


def test_constraints_in_words() -> None:
    config = cib.read(text("cib.xml"))

    def named(name: str) -> list[str]:
        return [words for one in config.constraints for words in resource._in_words(one, name)]

    assert named("vip-internal") == [
        "vip-internal-with-haproxy: vip-internal must be where haproxy-clone is (INFINITY)",
        "vip-internal-then-haproxy: vip-internal before haproxy-clone (Optional)",
        "vip-internal-with-public: vip-internal must be where vip-public is (INFINITY)"]
    assert named("fence-n1") == [
        "no-fence-n1-on-itself: fence-n1 on n1 has -INFINITY"]
    assert named("haproxy") == [] and len(named("haproxy-clone")) == 4
    assert config.stickiness("vip-public") == "INFINITY"
    assert config.holder("galera") == "galera-clone"


def test_constraints_that_name_a_resource_by_a_pattern(cluster: ClusterFacts) -> None:
    """As in the CIB that halab renders now: no fencing device is looked for where it was not started."""
    plan = make_plan(topology_from_options(name="one"))
    rendered = cib.read(wanted_cib(plan, plan.clusters[0]).decode())

    def named(name: str) -> tuple[str, ...]:
        return about(resource.tell(replace(cluster, cib=rendered), name), "constraints").evidence

    never = ", and is not looked for there before it is started"
    assert named("fence-n1") == (
        f"no-fence-n1-on-itself: fence-n1 on n1 has -INFINITY{never}",
        f"no-probe-of-fencing: fence-n1 (by its pattern ^fence-) where #uname defined has 0{never}")
    assert not any("no-probe-of-fencing" in line for line in named("vip-public"))


@pytest.mark.parametrize(("pattern", "picked"), [
    ("^fence-", ("fence-n1",)), ("!^fence-", ("vip-public", "haproxy-clone")), ("proxy", ("haproxy-clone",)),
    ("^haproxy$", ()), ("(", ()),
])
def test_a_pattern_picks_as_pacemaker_has_it(pattern: str, picked: tuple[str, ...]) -> None:
    """By extended regular expression, searched for, a clone by its own name (Pacemaker Explained, rsc-pattern)."""
    config = cib.read(f"""<cib><configuration><resources><primitive id="fence-n1"/><primitive id="vip-public"/>
        <clone id="haproxy-clone"><primitive id="haproxy"/></clone></resources><constraints>
        <rsc_location id="here" rsc-pattern="{pattern}"><rule id="r" score="100" boolean-op="or">
        <expression id="a" attribute="#uname" operation="eq" value="n1"/>
        <expression id="b" attribute="site" operation="defined"/></rule></rsc_location>
        </constraints></configuration></cib>""")
    (here,) = config.constraints
    for one in ("fence-n1", "vip-public", "haproxy"):
        name = config.holder(one) or one
        assert resource._in_words(here, one, config.holder(one)) == ([
            f"here: {name} (by its pattern {pattern}) where #uname eq n1 or site defined has 100"]
            if name in picked else [])


# --- subjects -----------------------------------------------------------------------------


def vips(cluster: ClusterFacts, **changes: object) -> VipFacts:
    shown = "3: eth1    inet 10.66.1.12/24 scope global eth1\n3: eth1    inet 10.66.1.200/32 scope global eth1\n" \
            "3: eth1    inet 10.66.1.201/32 scope global eth1\n"
    own = {node: f"3: eth1    inet 10.66.1.1{node[1]}/24 scope global eth1\n" for node in NODES}
    facts = VipFacts((Vip(name="public", address=IPv4Address("10.66.1.200"), cluster="controllers"),
                      Vip(name="internal", address=IPv4Address("10.66.1.201"), cluster="controllers")),
                     own | {"n2": shown}, cluster, Timers(token=1.0, consensus=1.2))
    return replace(facts, **changes)


def test_vip(cluster: ClusterFacts) -> None:
    told = vip.tell(vips(cluster))
    assert told.answer == "public is on n2; internal is on n2"
    assert "say the same" in about(told, "holder").says
    assert "resource-stickiness is INFINITY" in about(told, "public: score").says
    assert "n3 had to be fenced" in about(told, "public: how it came").says
    assert "n1 and n3 may not have it" in about(told, "internal: score").says
    lost = about(told, "public: if n2 died")
    assert lost.says == "If n2 died now, it would be fenced and vip-public would go to n3."
    assert "fence n2: peer is no longer part of the cluster" in lost.evidence
    cost = about(told, "how long")
    bound = vip_takeover(Timers(token=1.0, consensus=1.2))
    assert f"after {bound.low:.1f} to {bound.high:.1f} s" in cost.says and cost.evidence == (bound.why,)


def test_vip_when_the_kernels_disagree_or_timers_are_missing(cluster: ClusterFacts) -> None:
    facts = vips(cluster, timers=Timers(), unread=("corosync: no answer",))
    told = vip.tell(replace(facts, addresses=dict(facts.addresses) | {"n2": ""}))
    assert told.answer == "public is on nobody; internal is on nobody"
    assert "believe the kernels" in about(told, "holder").says
    assert "the timer token was not read" in about(told, "how long").says
    assert about(told, "how long").evidence == ("corosync: no answer",)


def test_a_clone(cluster: ClusterFacts) -> None:
    assert resource.where(cluster, "galera") == "galera is promoted on n1, n2 and n3"
    told = resource.tell(cluster, "galera")
    assert "n2: INFINITY, promotion 100" in about(told, "score").evidence
    assert "would go on elsewhere" in about(told, "if n2 died").says


def test_a_fence_device(cluster: ClusterFacts) -> None:
    told = resource.tell(cluster, "fence-n2")
    assert "n2 may not have it" in about(told, "score").says
    assert about(told, "how it came").says.startswith("On n1 since Nov 22 20:37:49.576")


def test_quorum() -> None:
    facts = QuorumFacts("controllers", {1: "n1", 2: "n2", 3: "n3"},
                        {node: corosync.quorum(text(f"{node}.quorum.txt")) for node in NODES},
                        dict.fromkeys(NODES, corosync.keys(text("cmap.txt"))))
    told = quorum.tell(facts)
    assert told.answer == "cluster controllers is quorate: 3 of 3 votes, 2 needed"
    assert about(told, "votes").evidence == ("n1, n2 and n3: see n1, n2 and n3",)
    assert about(told, "losses").says == "It survives the loss of one more node; the next one stops everything."
    assert "wait_for_all is on" in about(told, "rules").says
    assert "no quorum device" in about(told, "rules").says
    detection = about(told, "detection")
    assert "2.2 s until Pacemaker hears of it" in detection.says
    assert detection.evidence == ("token 1000 ms + (3 nodes - 2) x coefficient 0 ms = 1000 ms (live)",
                                  "consensus 1200 ms: as configured")


def test_quorum_of_a_minority_and_of_nobody() -> None:
    alone = text("n1.quorum.txt").replace("Quorate:          Yes", "Quorate:          No") \
        .replace("Total votes:      3", "Total votes:      1") \
        .replace("Quorum:           2", "Quorum:           2 Activity blocked")
    alone = "\n".join(line for line in alone.splitlines() if not line.strip().startswith(("2  ", "3  ")))
    told = quorum.tell(QuorumFacts("c", {1: "n1", 2: "n2", 3: "n3"}, {"n1": corosync.quorum(alone)}, {}))
    assert told.answer == "cluster c is NOT quorate: 1 of 3 votes, 2 needed"
    assert "n2 and n3 did not answer" in about(told, "votes").says
    assert about(told, "losses").says.startswith("1 more votes are needed")
    assert quorum.tell(QuorumFacts("c", {1: "n1"}, {}, {})).answer == "no corosync of cluster c answers"


def test_the_coefficient_that_nobody_set_is_corosyncs_own() -> None:
    cmap = "\n".join(line for line in text("cmap.txt").splitlines() if "token_coefficient" not in line)
    cmap = cmap.replace("runtime.config.totem.token (u32) = 1000", "runtime.config.totem.token (u32) = 1650")
    told = quorum.tell(QuorumFacts("c", {1: "n1", 2: "n2", 3: "n3"}, {"n1": corosync.quorum(text("n1.quorum.txt"))},
                                    {"n1": corosync.keys(cmap)}))
    assert about(told, "detection").evidence[0] == "token 1000 ms + (3 nodes - 2) x coefficient 650 ms = 1650 ms (live)"


def fences(**changes: object) -> FencingFacts:
    end = "\n2 fence devices found\n"
    registered = {"n1": f"fence-n3\nfence-n2{end}", "n2": f"fence-n1\nfence-n3{end}", "n3": f"fence-n1\nfence-n2{end}"}
    facts = FencingFacts("controllers", NODES, status(text("crm_mon.xml")), cib.read(text("cib.xml")),
                         text("history.xml"), registered, dict.fromkeys(NODES, "Status: ON"),
                         dict.fromkeys(NODES, "on"), {})
    return replace(facts, **changes)


def test_fencing() -> None:
    told = fencing.tell(fences())
    assert told.answer == "cluster controllers: fencing is on, every node has a device"
    first = about(told, "n3")
    assert first.says == ("n3 is fenced by fence-n3 (fence_ipmilan) at 10.66.0.113: n1 would do it first, because the "
                          "device's monitor runs there; n2 could too.")
    assert first.evidence[:2] == ("its BMC says: Status: ON", "the driver says: power on")
    assert "both would shoot at once" in about(told, "delays").says
    assert about(told, "history").evidence == (
        "2026-11-22 20:39:39Z: reboot of n3 by n1 for pacemaker-controld.136@n2: success",)


def test_fencing_that_does_not_work() -> None:
    config = text("cib.xml")
    for name, before, after in (("stonith-enabled", "true", "false"), ("pcmk_host_list", "n2", "nobody")):
        said = f'name="{name}" value="{before}"'
        assert config.count(said) == 1
        config = config.replace(said, f'name="{name}" value="{after}"')
    told = fencing.tell(fences(cib=cib.read(config), modes={"n1": "lying"}, history="broken"))
    assert told.answer == "cluster controllers: fencing is OFF (stonith-enabled), no device for n2"
    assert "cannot be fenced" in about(told, "n2").says
    assert "a fault holds this BMC: mode lying" in about(told, "n1").evidence
    assert "did not say" in about(told, "history").says


def members(**changes: object) -> GaleraFacts:
    facts = GaleraFacts(NODES, {node: member(text(f"{node}.wsrep.txt")) for node in NODES},
                        {node: text(f"{node}.grastate.txt") for node in NODES}, "n2", text("stat.csv"),
                        text("table.txt"))
    return replace(facts, **changes)


def test_galera() -> None:
    told = galera.tell(members())
    assert told.answer == "3 of 3 members are Synced, 1 Primary component(s); clients are sent to n2"
    assert "because its stick table says so (n1 is the first backend" in about(told, "clients").says
    assert "n1, n2 and n3 form the Primary component, all that the plan has" in about(told, "members").says
    assert "n1: Primary, Synced, seqno 1808, view of 3" in about(told, "members").evidence[0]
    assert about(told, "donor").evidence[0].startswith("n1 would ask n3 (wsrep_sst_donor = n3,n2,)")
    assert about(told, "bootstrap").says == (
        "If all lost power now, n3 would start first: it has seqno 1808, as n1 and n2 have; of equals the agent takes "
        "the last of wsrep_cluster_address.")


def test_galera_with_an_empty_table_a_safe_member_and_a_dead_one() -> None:
    empty = members(table="# table: galera, type: ip, size:1000, used:0\n")
    assert "the next client goes to n1, because n1 is the first backend" in about(galera.tell(empty), "clients").says
    safe = members(grastate={"n2": "seqno: 7\nsafe_to_bootstrap: 1\n"})
    assert "n2 would start first: it is marked" in about(galera.tell(safe), "bootstrap").says
    wsrep = {node: said for node, said in members().wsrep.items() if node != "n3"}
    told = galera.tell(members(wsrep=wsrep, stat=""))
    assert "n3 did not answer" in about(told, "members").says
    assert about(told, "donor").evidence[0].startswith("n1 would ask n2")
    assert "clients reach no member" in about(told, "clients").says


def test_galera_without_anybody() -> None:
    told = galera.tell(GaleraFacts(NODES, {}, {}))
    assert "nobody can commit" in about(told, "members").says
    assert "waits until all have reported" in about(told, "bootstrap").says


def test_how_it_looks(capsys: pytest.CaptureFixture[str]) -> None:
    point = Point("score", "It stays because " + "it does " * 20, ("n2: INFINITY",))
    told = Explanation("vip", "public is on n2", (point,), "./inv lab.exec n1 true")
    explanation(told, "table")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "vip: public is on n2"
    assert "    | n2: INFINITY" in lines and lines[-1] == "see for yourself: ./inv lab.exec n1 true"
    assert max(map(len, lines)) <= 110
    explanation(told, "json")
    assert '"answer": "public is on n2"' in capsys.readouterr().out
    assert (listed([]), listed(["a"]), listed(["a", "b"], "or")) == ("nobody", "a", "a or b")
