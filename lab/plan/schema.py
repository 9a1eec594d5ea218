"""The JSON schema of a topology file, for editors that complete keys and mark mistakes.

``topologies/topology.schema.json`` is this schema; the examples name it in their first line.
"""

from __future__ import annotations

from typing import Any

from lab.plan.topology import Topology

_ID = "https://json-schema.org/draft/2020-12/schema"


def topology_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) of what ``--topology`` takes.

    What no schema can say (sizes that fit a style, nodes in two clusters) ``lab.plan`` says.
    """
    schema = Topology.model_json_schema()
    schema.pop("description", None)
    return {"$schema": _ID, **schema, "title": "halab topology"}
