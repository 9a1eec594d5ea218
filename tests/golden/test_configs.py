"""Golden tests: plan -> each rendered file, as the nodes get it.

``HALAB_UPDATE_GOLDEN=1`` rewrites ``configs/``; read the diff.  Secrets are replaced by their names,
so the golden files hold none.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.node.files import File
from lab.plan import Plan
from lab.plan.layouts import make_plan
from lab.plan.topology import topology_from_options
from lab.state.secrets import Placeholders
from provision.apply import node_files

HERE = Path(__file__).parent / "configs"
_PRIVATE = b"(secret)"


PLANS = {
    "collapsed-3-tuned": ({"style": "collapsed", "nodes": "3"}, "n1"),
    "collapsed-3-guide": ({"style": "collapsed", "nodes": "3", "profile": "guide"}, "n2"),
    "collapsed-5-floor": ({"style": "collapsed", "nodes": "5", "profile": "floor"}, "n5"),
    "segregated-12-lb": ({"style": "segregated", "nodes": "12"}, "lb1"),
    "segregated-12-db": ({"style": "segregated", "nodes": "12"}, "db2"),
    "mixed-6-core": ({"style": "mixed", "nodes": "6"}, "core1"),
    "collapsed-3-api": ({"api": True}, "n1"),
    "segregated-15-api": ({"style": "segregated", "nodes": "15", "api": True}, "api1"),
    "collapsed-3-full": ({"pacemaker": "full"}, "n1"),
    "collapsed-3-agent": ({"rabbitmq": "pacemaker"}, "n1"),
    "collapsed-4-qdevice": ({"nodes": "4", "qdevice": True}, "n1"),
    "collapsed-4-qnetd": ({"nodes": "4", "qdevice": True}, "qnetd"),
}


def rendered(plan: Plan, node: str) -> str:
    """All files of a node as one text; what only links or is not text is named, not shown."""
    parts = []
    for file in sorted(node_files(plan, plan.node(node), Placeholders()), key=lambda file: file.path):
        head = f"##### {file.path} {file.mode:o} {file.owner}:{file.group}"
        head += " initial" if file.initial else ""
        parts.append(f"{head}\n{_body(file)}")
    return "\n".join(parts)


def _body(file: File) -> str:
    if file.link is not None:
        return f"-> {file.link}\n"
    content = _PRIVATE if file.secret else file.content
    program = file.path.startswith("/usr/local/")
    return f"(program, {len(content.splitlines())} lines)\n" if program else content.decode()


@pytest.mark.parametrize("name", PLANS)
def test_files_of_a_node(name: str) -> None:
    options, node = PLANS[name]
    text = rendered(make_plan(topology_from_options(**options)), node)
    golden = HERE / f"{name}.txt"
    if os.environ.get("HALAB_UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()
