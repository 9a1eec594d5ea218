"""The commands of halab, one namespace for each module of ``cli/``.

Nothing heavy is imported here: ``./inv --list`` reads this file and all that it imports.
"""

from __future__ import annotations

from invoke.collection import Collection

from cli import chaos, image, lab, provision, quality, report

namespace = Collection()
for module in (lab, image, provision, chaos, report):
    collection = Collection(module.__name__.rpartition(".")[2])
    for task in module.TASKS:
        collection.add_task(task)
    namespace.add_collection(collection)
for task in quality.TASKS:
    namespace.add_task(task)
