"""The topology: what a person asks for, in a YAML file or in options.

A :class:`Topology` is valid when it exists: style, size and profile fit together.
:func:`load_topology` names the file and line of what is wrong, :func:`topology_from_options`
the option.  ``lab.plan.layouts.make_plan`` turns a topology into a plan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
    model_validator,
)

from lab import labname
from lab.choices import on_one_line, unknown_choice
from lab.drivers.traits import traits
from lab.errors import RefusedError
from lab.plan import DriverName, PacemakerScope, QueueType, RabbitmqManager, Style
from lab.plan.addresses import NETWORKS, VipAddresses
from lab.plan.overrides import TimerOverrides, overridden
from lab.plan.ownclusters import ClusterSpec, check_cluster_names, own_shape, style_of, words
from lab.plan.profiles import DEFAULT_PROFILE, load_profile, profile_names
from lab.plan.shape import DEFAULT_NODES, Bottleneck, Shape, default_nodes, shape
from lab.yamlfile import Loc, Place, read_mapping, refusal

DEFAULT_NAME = "default"
_EXAMPLE = "topologies/collapsed.yml"


class Topology(BaseModel):
    """One lab as it was asked for.

    ``nodes`` left out is the smallest number that shows the style; ``segregate`` (mixed only)
    names the clusters to take out of the core; ``clusters`` replaces both, and the layout table;
    ``api`` adds the API tier; ``qdevice`` gives even clusters a vote from outside; ``queues`` left out
    follows from who runs ``rabbitmq``; ``timers`` changes values of the profile; ``allow_large`` lifts the
    limit of 16 nodes to 64.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default=DEFAULT_NAME, description="The lab's name: a lower-case letter, then up to 15 "
                      "lower-case letters, digits or dashes.")
    style: Style = Field(default="collapsed", description="How the components are spread over clusters. "
                         "With clusters of your own it follows from them.")
    nodes: int = Field(default=DEFAULT_NODES["collapsed"], description="How many controllers, 3 to 16. "
                       "Left out: the smallest number that shows the style.")
    driver: DriverName = Field(default="container", description="What the nodes are: containers, virtual machines, "
                               "or (for tests) nothing.")
    profile: str = Field(default=DEFAULT_PROFILE, description="The timer profile, a file of topologies/profiles.",
                         json_schema_extra={"enum": [*profile_names()]})
    timers: TimerOverrides | None = Field(default=None, description="Timers that differ from the profile's.")
    pacemaker: PacemakerScope = Field(default="core", title="Pacemaker scope", description="core: Pacemaker manages "
                                      "what must not run twice; full: every service is a cluster resource.")
    rabbitmq: RabbitmqManager = Field(default="systemd", title="manager of RabbitMQ", description="Who runs the "
                                      "broker; under Pacemaker its queues are mirrored, under systemd quorum queues.")
    queues: QueueType = Field(default="quorum", title="queue type", description="Follows from rabbitmq.")
    api: bool = Field(default=False, description="The API tier too: Keystone behind the proxy, on every node of a "
                      "collapsed lab, in the core of a mixed one, on three hosts of its own in a segregated one of 15.")
    qdevice: bool = Field(default=False, description="A vote from a host outside for even clusters.")
    segregate: tuple[Bottleneck, ...] = Field(default=(), title="bottleneck", description="Mixed only: what leaves "
                                              "the core for a cluster of its own.")
    clusters: dict[str, ClusterSpec] = Field(default={}, description="Clusters of your own, by name, instead of the "
                                             "layout that the style has for so many nodes.")
    vips: VipAddresses = Field(default=VipAddresses(), description="Addresses of the VIPs on the control network "
                               f"{NETWORKS['control']}; the cluster that runs haproxy holds them.")
    box: str = Field(default="", description="Driver vagrant only: a Vagrant box of your own instead of the baked "
                     "image, by its name (user/name) or as a .box file beside this file.")
    allow_large: bool = Field(default=False, description="Allow more than 16 nodes, which corosync is not tested for.")

    @model_validator(mode="before")
    @classmethod
    def _size_of_style(cls, data: Any) -> Any:
        """Fill in the style's own default size, which a field's default cannot depend on."""
        if not isinstance(data, Mapping) or "nodes" in data or data.get("clusters"):
            return data
        style = data.get("style", "collapsed")
        if not isinstance(style, str) or style not in DEFAULT_NODES:
            return data
        named = words(data.get("segregate"))
        known = (
            [name for name in named if name in get_args(Bottleneck)]
            if isinstance(named, list | tuple)
            else ()
        )
        return {**data, "nodes": default_nodes(style, known)}

    @model_validator(mode="before")
    @classmethod
    def _profile_of_driver(cls, data: Any) -> Any:
        """Fill in the profile that the driver's machines are fast enough for on this host."""
        if not isinstance(data, Mapping) or "profile" in data:
            return data
        driver = data.get("driver", cls.model_fields["driver"].default)
        return {**data, "profile": traits(driver).default_profile()} if driver in driver_names() else data

    @model_validator(mode="before")
    @classmethod
    def _queues_of_manager(cls, data: Any) -> Any:
        """Fill in the queue type that belongs to the manager."""
        if not isinstance(data, Mapping) or "queues" in data or data.get("rabbitmq") != "pacemaker":
            return data
        return {**data, "queues": "mirrored"}

    @model_validator(mode="wrap")
    @classmethod
    def _style_of_clusters(cls, data: Any, make: ModelWrapValidatorHandler[Topology]) -> Topology:
        """With clusters of a person's own, style and size follow from them, and may only agree."""
        topology = make(data)
        if not topology.clusters:
            return topology
        said = topology.model_fields_set
        style, total = style_of(topology.clusters), sum(spec.members for spec in topology.clusters.values())
        for key, value in (("style", style), ("nodes", total)):
            if key in said and getattr(topology, key) != value:
                raise RefusedError(
                    f"{key} is {getattr(topology, key)}, but the clusters are {style} with {total} nodes.",
                    where=key, remedy=f"leave {key} out: it follows from the clusters",
                )
        return topology.model_copy(update={"style": style, "nodes": total})

    @field_validator("box", mode="after")
    @classmethod
    def _usable_box(cls, value: str) -> str:
        if value and not value.endswith(".box") and not re.fullmatch(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+", value):
            raise RefusedError(
                f"'{on_one_line(value)}' is neither the name of a box nor a box file.",
                remedy="a name as 'vagrant box list' shows it, such as acme/ha, or a file that ends in .box",
            )
        return value

    @model_validator(mode="after")
    def _box_needs_machines(self) -> Topology:
        if self.box and not traits(self.driver).takes_box:
            raise RefusedError(
                f"The {self.driver} driver has no use for a box: only real machines are made from one.",
                where="box",
                remedy="driver: vagrant, or leave box out",
            )
        return self

    @field_validator("clusters", mode="before")
    @classmethod
    def _usable_cluster_names(cls, value: Any) -> Any:
        check_cluster_names(value)
        return value

    @field_validator("name", mode="before")
    @classmethod
    def _usable_name(cls, value: Any) -> Any:
        return labname.usable(value)

    @field_validator("nodes", mode="before")
    @classmethod
    def _whole_number(cls, value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,9}\s*", value):
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            shown = "nothing" if value is None else f"'{on_one_line(value)}'"
            raise RefusedError(
                f"The number of nodes is {shown}, which is not a whole number.",
                remedy="digits, such as --nodes=3",
            )
        return int(value)

    @field_validator("profile", mode="after")
    @classmethod
    def _known_profile(cls, value: str) -> str:
        if value not in profile_names():
            raise unknown_choice("profile", value, profile_names())
        return value

    @field_validator("segregate", mode="before")
    @classmethod
    def _list_of_words(cls, value: Any) -> Any:
        if isinstance(value, str) and not words(value):
            raise RefusedError(f"'{on_one_line(value)}' names no component.",
                               remedy=f"some of {', '.join(get_args(Bottleneck))}, or leave segregate out")
        return words(value)

    @model_validator(mode="after")
    def _fits_together(self) -> Topology:
        if self.segregate and self.clusters:
            raise RefusedError(
                "segregate chooses what leaves the core of a layout, but the clusters are all named here.",
                where="segregate", remedy="leave segregate out",
            )
        if self.api and self.clusters:
            raise RefusedError(
                "api adds Keystone to the layout of a style, but the clusters and what they run are all named here.",
                where="api", remedy="leave api out, and keystone among the services of one cluster",
            )
        if self.segregate and self.style != "mixed":
            raise RefusedError(
                f"The {self.style} style has no bottlenecks to choose: only mixed takes some components out.",
                where="segregate",
                remedy="--style=mixed, or leave segregate out",
            )
        if len(set(self.segregate)) != len(self.segregate):
            raise RefusedError(
                f"A component is named twice: {', '.join(self.segregate)}.",
                where="segregate",
                remedy="name each once",
            )
        if self.rabbitmq == "pacemaker" and self.queues == "quorum":
            raise RefusedError(
                "Quorum queues do not live under Pacemaker: its agent rabbitmq-cluster wipes a member's Mnesia "
                "directory when it joins, and with it the member's part of every Raft log.",
                where="queues",
                remedy="rabbitmq: systemd with quorum queues, or rabbitmq: pacemaker with queues: mirrored",
            )
        if self.rabbitmq == "systemd" and self.queues == "mirrored":
            raise RefusedError(
                "Mirrored queues belong to RabbitMQ under Pacemaker: with pause_minority a mirror that was cut off "
                "comes back empty, and what it alone had confirmed is lost.",
                where="queues",
                remedy="rabbitmq: pacemaker with mirrored queues, or rabbitmq: systemd with queues: quorum",
            )
        if self.clusters and self.rabbitmq == "pacemaker" and "rabbitmq" not in self.layout.services:
            raise RefusedError(
                "Pacemaker is to run RabbitMQ, and no cluster has it.",
                where="rabbitmq",
                remedy="leave rabbitmq and queues out, or add rabbitmq to the services of one cluster",
            )
        if self.timers is not None:
            overridden(load_profile(self.profile), self.timers)
        layout = self.layout
        sizes = ", ".join(f"{part.cluster} {part.size}" for part in layout.parts)
        if self.qdevice and all(part.size % 2 for part in layout.parts):
            raise RefusedError(
                f"A quorum device is for an even cluster, and every cluster of this lab is odd ({sizes}): an odd one "
                "has a majority in every split by itself, and one more vote would make it even.",
                where="qdevice",
                remedy="leave qdevice out, or an even size such as --style=collapsed --nodes=4",
            )
        return self

    @property
    def layout(self) -> Shape:
        """The clusters and their members: of a person's own, or of the layout table."""
        if self.clusters:
            return own_shape(self.clusters, allow_large=self.allow_large)
        return shape(self.style, self.nodes, self.segregate, api=self.api, allow_large=self.allow_large)


def load_topology(path: str | Path) -> Topology:
    """Read a topology file.

    Raises NotFoundError if there is none, otherwise RefusedError with ``file:line`` in ``where``.
    """
    source = read_mapping(Path(path), example=_EXAMPLE)
    return _validated(_beside(source.data, Path(path)), source.place)


def topology_from_options(
    topology: str | Path | None = None, **options: str | int | bool | None
) -> Topology:
    """The topology that a command line asks for; ``options`` are named as the fields of :class:`Topology`.

    None, False and the empty string mean "not given".  With ``topology`` (a file) the options given
    override the file's keys.  RefusedError names the option, or the file and line, at fault.
    """
    given = {key: value for key, value in options.items() if value is not False and value not in (None, "")}
    source = read_mapping(Path(topology), example=_EXAMPLE) if topology else None

    def place(loc: Loc) -> str:
        key = str(loc[0]) if loc else ""
        if key in given:
            option = f"--{key.replace('_', '-')}"
            return option if given[key] is True else f"{option}={on_one_line(given[key])}"
        return source.place(loc) if source else ""

    return _validated({**(_beside(source.data, Path(topology)) if source and topology else {}), **given}, place)


def driver_names() -> tuple[str, ...]:
    """The drivers that a topology may name."""
    return get_args(DriverName)


def _beside(data: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """The keys of a topology file, a box file in it as seen from the file's own folder."""
    box = data.get("box")
    if isinstance(box, str) and box.endswith(".box"):
        return {**data, "box": str(file.resolve().parent / Path(box).expanduser())}
    return dict(data)


# --key=value in a remedy, which is "key: value" for whoever wrote a file.
_OPTION = re.compile(r"--([a-z-]+)=([\w.]+)( (?=--))?")


def _validated(values: dict[str, Any], place: Place) -> Topology:
    try:
        return Topology.model_validate(values)
    except ValidationError as error:
        told = refusal(error, Topology, place, "topology", example=_EXAMPLE)
        if not told.where.startswith("--"):
            told.remedy = _OPTION.sub(lambda said: f"{said[1].replace('-', '_')}: {said[2]}{', ' if said[3] else ''}",
                                     told.remedy)
        raise told from error
