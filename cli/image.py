"""``image.*``: the node image that all labs stand on."""

from __future__ import annotations

from typing import Any

from cli import console, options
from cli.command import command


@command(root=True, polite=True, force="bake even if the image exists")
def bake(c: Any, driver: str = "", api: bool = False, force: bool = False, format: str = "table") -> None:
    """Bake the node image; lab.up does it by itself when it is missing."""
    from cli.planning import Request, plan_from
    from cli.views.image import image_list
    from lab.drivers.traits import traits
    from lab.image import bake as bake_image
    from provision.image import recipe

    plan, _ = plan_from(Request(driver=driver, api=api))
    image = bake_image(recipe(traits(plan.driver).image, plan.services), console.note, force=force)
    image_list([image], set(), format)
    console.next_step("lab.up" + options.again({"driver": driver, "api": api}))


@command(name="list")
def list_images(c: Any, format: str = "table") -> None:
    """List the baked images, newest first, and which are in use."""
    from cli.views.image import image_list
    from lab.image import keys_in_use
    from lab.image import list_images as baked

    image_list(baked(), keys_in_use(), format)
    console.next_step("image.prune")


@command(root=True)
def prune(c: Any, format: str = "table") -> None:
    """Remove the images that no lab uses, except the newest of each kind, and what interrupted bakes left."""
    from lab.image import prune as prune_images

    removed = prune_images()
    if format == "json":
        console.document({"removed": removed})
    else:
        console.out(f"removed: {', '.join(removed) or 'nothing'}")
    console.next_step("image.list")


TASKS = (bake, list_images, prune)
