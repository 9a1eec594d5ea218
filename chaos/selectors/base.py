"""What the selectors share: how many, of which cluster, and arguments that are refused early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.errors import HalabError, RefusedError

if TYPE_CHECKING:
    from lab.lab import Lab


class BaseSelector:
    """The Selector protocol for a word without an argument.

    ``argument`` is the placeholder that a person sees; in square brackets it may be left out.
    """

    name: str
    argument: str = ""

    def validate(self, argument: str) -> None:
        """Raise RefusedError for an argument that can mean nothing in any lab."""

    def resolve(self, lab: Lab, argument: str = "") -> tuple[str, ...]:
        raise NotImplementedError


def whole_number(selector: str, argument: str) -> int:
    """The argument as a number of nodes or a seed; RefusedError if it is none."""
    if not argument.isdigit():
        raise RefusedError(f"'{argument}' is no whole number", where=f"{selector}({argument})",
                           remedy=f"{selector}(1)")
    return int(argument)


def vip_cluster(lab: Lab) -> str:
    """The cluster whose failover clients notice: the one that holds the VIPs, or the first."""
    return lab.plan.vips[0].cluster if lab.plan.vips else lab.plan.clusters[0].name


def nobody(lab: Lab, what: str, where: str = "") -> HalabError:
    return HalabError(what, where=where or f"lab {lab.name}", remedy=f"./inv lab.status --name={lab.name}")
