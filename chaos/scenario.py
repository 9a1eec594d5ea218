"""Scenarios: which fault, on whom, under which clients, and what it may cost.

A scenario is a YAML file.  The same file serves a person, a class and the nightly run;
``chaos/scenarios/`` holds those that come with halab.  Whatever is wrong in one is said
with file and line before a lab is looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from chaos import deadman
from chaos import sla as promises
from chaos.checks import all_checks
from chaos.faults import get_fault
from chaos.faults.base import BaseFault
from chaos.model import Result
from chaos.probes import names as probe_names
from chaos.probes.fleet import DEFAULT_PROBES
from chaos.selectors import plausible
from lab.choices import unknown_choice
from lab.errors import RefusedError
from lab.plan import Style
from lab.yamlfile import Loc, YamlFile, read_mapping, refusal

FOLDER = Path(__file__).parent / "scenarios"
EXAMPLE = "chaos/scenarios/vip-holder-poweroff.yml"

# What a run can wait for: see chaos.progress, which reads each from the lab while it runs.
Phase = Literal["fence_requested", "fenced", "powered_on", "vip_moved", "whole", "joining", "join_failed"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class Steady(_Value):
    """Let the clients work undisturbed: the baseline, in seconds."""

    word: ClassVar[str] = "steady"
    seconds: float = Field(gt=0)


class Inject(_Value):
    """Break it.  ``target`` is a selector or a node's name."""

    word: ClassVar[str] = "inject"
    fault: str
    target: str
    params: dict[str, Any] = {}

    @field_validator("fault")
    @classmethod
    def _known_fault(cls, value: str) -> str:
        get_fault(value)
        return value

    @field_validator("target")
    @classmethod
    def _possible_target(cls, value: str) -> str:
        plausible(value)
        return value

    @model_validator(mode="after")
    def _possible_params(self) -> Inject:
        try:
            get_fault(self.fault).validate(self.params)
        except RefusedError as error:
            raise RefusedError(error.what, where="params", remedy=error.remedy) from error
        return self


class Wait(_Value):
    """Wait until the cluster has come this far, at most ``within`` seconds."""

    word: ClassVar[str] = "wait"
    phase: Phase
    within: float = Field(default=60, gt=0)


class Hold(_Value):
    """Let the fault act for so many seconds."""

    word: ClassVar[str] = "hold"
    seconds: float = Field(gt=0)


class Heal(_Value):
    """Take the fault back."""

    word: ClassVar[str] = "heal"


class Converge(_Value):
    """Wait for full redundancy, every gate of the lab, at most ``within`` seconds."""

    word: ClassVar[str] = "converge"
    within: float = Field(default=180, gt=0)


Step = Steady | Inject | Wait | Hold | Heal | Converge
_STEPS: dict[str, type[Step]] = {one.word: one for one in (Steady, Inject, Wait, Hold, Heal, Converge)}


class Needs(_Value):
    """What a lab must have, beyond what the fault itself asks of the driver."""

    capabilities: tuple[str, ...] = ()
    styles: tuple[Style, ...] = ()  # none named: any
    nodes: int = Field(default=3, ge=3)
    most: int | None = Field(default=None, ge=3)  # nodes at most, where the story is about their number
    qdevice: bool | None = None  # None: either way


class Expect(_Value):
    """The verdict that the run is meant to have.

    A scenario may show what no cluster survives: then FAIL is the promise, and ``checks`` names those that
    must find it; ``also`` those that find it now and then.  Another safety check that fails breaks the promise;
    liveness that suffers with it does not.
    """

    verdict: Literal[Result.PASS, Result.FAIL] = Result.PASS
    checks: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Expect:
        known = [one.id for one in all_checks() if one.kind != "validity"]  # those say whether a run proves anything
        for where in ("checks", "also"):
            for name in getattr(self, where):
                if name not in known:
                    raise unknown_choice("check", name, known, where=where)
        if (self.verdict is Result.FAIL) != bool(self.checks) or (self.also and not self.checks):
            raise RefusedError("An expected FAIL names the checks that must find it, a PASS names none.",
                               where="checks", remedy="expect: {verdict: FAIL, checks: [S3]}")
        return self


class Workload(_Value):
    """Which clients work during the run, how often each tries, in seconds, and how long a message is at least."""

    probes: tuple[str, ...] = DEFAULT_PROBES
    period: float = Field(default=0.02, ge=0.005, le=5)
    message_bytes: int = Field(default=0, ge=0, le=65536)

    @field_validator("probes")
    @classmethod
    def _known_probes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in probe_names():
                raise unknown_choice("probe", name, probe_names())
        return value


def readable_sla(value: Any) -> Any:
    """The same value if every promise in it is about a known service and can be read; RefusedError if not."""
    if not isinstance(value, dict):
        raise RefusedError("'sla' must map services to seconds.", remedy="sql_write: bound + 2s")
    for name, limit in value.items():
        known = promises.names(probe_names())
        if name not in known:
            raise unknown_choice("service in sla", name, known, where=f"sla.{name}")
        try:
            promises.check(name, str(limit))
        except RefusedError as error:
            raise RefusedError(f"'{limit}' is no limit for {name}.", where=f"sla.{name}",
                               remedy=error.remedy) from error
    return value


class Scenario(_Value):
    """One scenario.

    ``sla`` maps a probe's name, ``*`` (all others) or ``converged`` to seconds or to
    ``bound + 2s``, where the bound comes from the lab's live timers; what else it may say: chaos.sla.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    description: str
    teaches: str
    tags: tuple[str, ...] = ()
    needs: Needs = Needs()
    workload: Workload = Workload()
    steps: tuple[Step, ...]
    sla: dict[str, float | str]
    expect: Expect = Expect()
    repeat: int = Field(default=1, ge=1)

    _source: Path | None = PrivateAttr(default=None)

    @property
    def source(self) -> Path | None:
        """The file it was read from."""
        return self._source

    @property
    def given(self) -> str:
        """What ``chaos.run`` takes for it: the name of one that came with halab, or the file."""
        if self._source is None or self._source.resolve().parent == FOLDER.resolve():
            return self.name
        return str(self._source.absolute())

    @property
    def injections(self) -> tuple[Inject, ...]:
        return tuple(step for step in self.steps if isinstance(step, Inject))

    @property
    def faults(self) -> tuple[BaseFault, ...]:
        return tuple(get_fault(step.fault) for step in self.injections)

    @field_validator("sla", mode="before")
    @classmethod
    def _readable_sla(cls, value: Any) -> Any:
        return readable_sla(value)

    @model_validator(mode="after")
    def _sensible_order(self) -> Scenario:
        words = [step.word for step in self.steps]

        def refuse(what: str) -> RefusedError:
            return RefusedError(what, where="steps", remedy="steady, inject, hold, heal, converge")

        if "inject" not in words:
            raise refuse("A scenario without a step 'inject' breaks nothing.")
        if words.count("heal") != 1 or words.count("converge") != 1:
            raise refuse("A scenario needs one step 'heal' and one step 'converge'.")
        if words[0] != "steady":
            raise refuse("The first step must be 'steady': without a baseline nothing is proven.")
        last = len(words) - 1 - words[::-1].index("inject")
        if not last < words.index("heal") < words.index("converge"):
            raise refuse("The order must be inject, heal, converge.")
        if set(words[words.index("converge") + 1:]) - {"steady"}:
            raise refuse("After 'converge' only 'steady' may come.")
        if any(word in ("wait", "hold") for word in words[:words.index("inject")]):
            raise refuse("'wait' and 'hold' come after 'inject'.")
        return self

    @model_validator(mode="after")
    def _promised_to_somebody(self) -> Scenario:
        """What is promised to a client that does not work would be judged by nobody."""
        for key in self.sla:
            service = promises.service_of(key)
            if service and service not in self.workload.probes:
                raise RefusedError(f"'{key}' promises something of {service}, which is not among the clients of this "
                                   "scenario.", where=f"sla.{key}",
                                   remedy=f"workload: {{probes: [{', '.join((*self.workload.probes, service))}]}}")
        return self

    @model_validator(mode="after")
    def _outlived(self) -> Scenario:
        """A fault inside a node ends by itself: one that is held longer would be over before its heal.

        On slow nodes waits take longer, and so does the fault's own timer.
        """
        words = [step.word for step in self.steps]
        for at, step in enumerate(self.steps):
            if isinstance(step, Inject) and (most := get_fault(step.fault).lasts(step.params)) is not None:
                longest = sum(_longest(later) for later in self.steps[at:words.index("heal")])
                if longest > most:
                    raise RefusedError(f"{step.fault} would be held for up to {longest:g} s. It ends by itself, so "
                                       f"{most:g} s are the most.", where="steps",
                                       remedy="shorter holds and waits between its inject and the heal"
                                       + (", or more 'seconds' of the load" if most < deadman.LONGEST else ""))
        return self


def _longest(step: Step) -> float:
    """Seconds that a step may take, of those whose length the scenario gives."""
    match step:
        case Steady() | Hold():
            return step.seconds
        case Wait():
            return step.within
        case _:
            return 0.0


def list_scenarios() -> list[Scenario]:
    """The scenarios that come with halab, by name."""
    return [load_scenario(path) for path in sorted(FOLDER.glob("*.yml"))]


def load_scenario(name_or_path: str | Path) -> Scenario:
    """A scenario by its name or its file; RefusedError says what is wrong and where."""
    given = str(name_or_path)
    if isinstance(name_or_path, Path) or given.endswith((".yml", ".yaml")) or "/" in given:
        return _read(Path(given))
    known = {path.stem: path for path in sorted(FOLDER.glob("*.yml"))}
    if given not in known:
        raise unknown_choice("scenario", given, known)
    return _read(known[given])


def _read(path: Path) -> Scenario:
    file = read_mapping(path, example=EXAMPLE, label=path.name)
    data = dict(file.data)
    data["steps"] = _steps(file)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise refusal(error, Scenario, file.place, "scenario", example=EXAMPLE) from error
    if path.resolve().parent == FOLDER.resolve() and scenario.name != path.stem:
        raise RefusedError(f"The scenario is called '{scenario.name}', its file '{path.name}'.",
                           where=file.place(("name",)), remedy="give both the same name")
    scenario._source = path
    return scenario


def _steps(file: YamlFile) -> tuple[Step, ...]:
    """Each step by the model that its word names, so that errors speak of that step's own keys."""
    listed = file.data.get("steps")
    if not isinstance(listed, list) or not listed:
        raise RefusedError("A scenario needs a list of 'steps'.", where=file.place(("steps",)),
                           remedy=f"see {EXAMPLE}")
    return tuple(_step(file, at, item) for at, item in enumerate(listed))


def _step(file: YamlFile, at: int, item: Any) -> Step:
    here: Loc = ("steps", at)
    if isinstance(item, str):  # "- heal" says the same as "- heal: {}"
        item = {item: {}}
    if not isinstance(item, dict) or len(item) != 1:
        raise RefusedError("A step is one word with its settings.", where=file.place(here),
                           remedy=f"such as: - hold: {{seconds: 20}}; words: {', '.join(_STEPS)}")
    word, settings = next(iter(item.items()))
    if word not in _STEPS:
        raise unknown_choice("step", word, _STEPS, where=file.place(here))
    try:
        return _STEPS[word].model_validate({} if settings is None else settings)
    except ValidationError as error:
        raise refusal(error, _STEPS[word], lambda loc: file.place((*here, word, *loc)), f"step '{word}'",
                      example=EXAMPLE) from error
