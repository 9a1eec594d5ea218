"""What the node image must hold, composed from the roles."""

from __future__ import annotations

from collections.abc import Collection

from daemons.services import OPTIONAL, Service
from lab.drivers.traits import ImageKind
from lab.image import ImageRecipe
from provision.render import nodefile
from provision.roles import all_roles

# Debian's generic kernel: the cloud one has no watchdog device (i6300esb).
MACHINE_PACKAGES = ("linux-image-amd64", "initramfs-tools", "busybox", "udev", "e2fsprogs")
_SEED = "/etc/initramfs-tools/scripts/init-bottom/halab-seed"


def recipe(kind: ImageKind = "tree", services: Collection[Service] = ()) -> ImageRecipe:
    """Packages and set-up script of all roles: one image serves every style and every node.

    What is optional is in it only if ``services`` has it.

    A ``disk`` for machines holds the same and a kernel.
    """
    extras = tuple(sorted(OPTIONAL & set(services)))
    roles = [role for role in all_roles() if role.service not in OPTIONAL or role.service in extras]
    packages = {package for role in roles for package in role.packages}
    parts = [f"# {role.name}\n{role.image_script.strip()}\n" for role in roles if role.image_script]
    if kind == "disk":
        packages |= set(MACHINE_PACKAGES)
        parts.append(_machine_script())
    # Base last: it removes what the packages enabled and the package lists.
    parts.sort(key=lambda part: part.startswith("# base"))
    return ImageRecipe(tuple(sorted(packages)), "\n".join(parts), kind, extras)


def _machine_script() -> str:
    seed = nodefile("halab-seed").decode()
    return (f"# machine\ncat > {_SEED} <<'HALAB_SEED'\n{seed}HALAB_SEED\nchmod 755 {_SEED}\n"
            f"{nodefile('prepare-machine.sh').decode()}")
