"""How ``image.*`` shows its results."""

from __future__ import annotations

from collections.abc import Set
from time import localtime, strftime
from typing import TYPE_CHECKING

from cli import console
from cli.views.plain import as_json, plain

if TYPE_CHECKING:
    from lab.image import Image

_FOR = {"tree": "containers", "disk": "machines"}


def image_list(images: list[Image], in_use: Set[str], format: str) -> None:
    if as_json({"images": [{**plain(image), "in_use": image.key in in_use} for image in images]}, format):
        return
    if not images:
        console.out("there are no images; ./inv image.bake makes one")
        return
    console.table(
        ("IMAGE", "FOR", "BAKED", "TOOK", "SIZE", "USED"),
        [
            (
                image.key,
                " + ".join((_FOR[image.kind], *image.extras)),
                strftime("%Y-%m-%d %H:%M", localtime(image.baked_at)),
                f"{image.seconds:.0f} s",
                f"{image.size_mb} MB",
                "yes" if image.key in in_use else "no",
            )
            for image in images
        ],
    )
