"""The figures that medians of runs are held to: the table in ``figures.yml``, beside what a lab's runs measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chaos.calibration import Calibration, Setting
from lab.yamlfile import read_mapping, refusal

FILE = Path(__file__).parent / "figures.yml"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Value):
    """``most``: by profile, how many seconds the longest gap of the service may have in the median.

    ``before_heal``: of the gaps that began before the heal, where the figure is about the fault and not its end.
    """

    scenario: str
    service: str
    before_heal: bool = False
    most: dict[str, float]


class OfLab(_Value):
    """The labs that the figures are about."""

    driver: str
    style: str
    nodes: int

    def holds(self, setting: Setting) -> bool:
        return (setting.driver, setting.style, setting.nodes) == (self.driver, self.style, self.nodes)


class Figures(_Value):
    """``runs``: of fewer nothing is said."""

    lab: OfLab
    runs: int = Field(ge=1)
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Measured:
    """One figure and what was measured, in seconds; ``kept`` is None where the runs are too few to say."""

    scenario: str
    service: str
    profile: str
    before_heal: bool
    most: float
    seconds: tuple[float, ...]
    needed: int

    @property
    def median(self) -> float | None:
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def kept(self) -> bool | None:
        if self.median is None or len(self.seconds) < self.needed:
            return None
        return self.median <= self.most


@cache
def figures() -> Figures:
    """The table that comes with halab."""
    file = read_mapping(FILE, example="chaos/figures.yml", label=FILE.name)
    try:
        return Figures.model_validate(dict(file.data))
    except ValidationError as error:
        raise refusal(error, Figures, file.place, "figure", example="chaos/figures.yml") from error


def measured(found: Iterable[Calibration], table: Figures | None = None) -> list[Measured]:
    """Every figure of each profile that these runs are of; none of them where the lab is of another kind.

    All runs of a scenario count, whatever their bound was: it moves with the roles of the node that was hit.
    """
    table = table or figures()
    ours = [one for one in found if table.lab.holds(one.setting)]
    profiles = dict.fromkeys(one.setting.profile for one in ours)
    return [
        Measured(figure.scenario, figure.service, profile, figure.before_heal, figure.most[profile], tuple(sorted(
            seconds for one in ours for seconds in (one.before_heal if figure.before_heal else one.seconds)
            if (one.setting.scenario, one.setting.service, one.setting.profile) == (
                figure.scenario, figure.service, profile))), table.runs)
        for profile in profiles for figure in table.figures if profile in figure.most]


def broken(found: Iterable[Measured]) -> bool:
    """Whether a median is above its figure."""
    return any(one.kept is False for one in found)
