"""What the node image must hold, composed from the roles."""

from __future__ import annotations

from lab.image import ImageRecipe
from provision.roles import all_roles


def recipe() -> ImageRecipe:
    """Packages and set-up script of all roles: one image serves every style and every node."""
    packages = sorted({package for role in all_roles() for package in role.packages})
    parts = [f"# {role.name}\n{role.image_script.strip()}\n" for role in all_roles() if role.image_script]
    # Base last: it removes what the packages enabled and the package lists.
    parts.sort(key=lambda part: part.startswith("# base"))
    return ImageRecipe(tuple(packages), "\n".join(parts))
