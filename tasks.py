"""The commands of halab, one namespace for each module of ``cli/``.

Nothing heavy is imported here: ``./inv --list`` reads this file and all that it imports.
"""

from __future__ import annotations

from invoke.collection import Collection

from cli import chaos, image, lab, lifecycle, provision, quality, report, snapshot

namespace = Collection()
for module in (lab, image, provision, chaos, report):
    collection = Collection(module.__name__.rpartition(".")[2])
    for task in module.TASKS:
        collection.add_task(task)
    namespace.add_collection(collection)
for task in lifecycle.TASKS:
    namespace.collections["lab"].add_task(task)
snapshots = Collection("snapshot")
for task in snapshot.TASKS:
    snapshots.add_task(task)
namespace.collections["lab"].add_collection(snapshots)
for task in quality.TASKS:
    namespace.add_task(task)
