"""An old run against a new promise: nothing is run again, and nothing of the run is changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from chaos.recording import Recording
from chaos.runs import find_run
from chaos.scenario import EXAMPLE, readable_sla
from chaos.verdict import Verdict, verdict_of
from lab.yamlfile import read_mapping, refusal


class Promise(BaseModel):
    """A file with the one key ``sla``, as in a scenario; a whole scenario file is not one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sla: dict[str, float | str]

    @field_validator("sla", mode="before")
    @classmethod
    def _readable(cls, value: object) -> object:
        return readable_sla(value)


def rejudge(lab: str, run: str, sla: Path | None) -> Verdict:
    """The verdict on a recorded run, with the checks of today and, if given, another SLA.

    Raises RefusedError for an unknown run, a run without facts, or a file that promises nothing readable.
    """
    recording = Recording.load(find_run(lab, run).folder)
    if sla is not None:
        recording = replace(recording, facts=replace(recording.facts, sla=dict(_promise(sla).sla)))
    return verdict_of(recording)


def _promise(path: Path) -> Promise:
    file = read_mapping(path, example=EXAMPLE, label=path.name)
    try:
        return Promise.model_validate(dict(file.data))
    except ValidationError as error:
        raise refusal(error, Promise, file.place, "promise", example=EXAMPLE) from error
