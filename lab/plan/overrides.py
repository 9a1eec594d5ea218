"""Timers of one lab that differ from its profile: the part ``timers:`` of a topology file.

The schema is the profile's own with every value optional, so a new timer needs no second entry.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from lab.errors import RefusedError
from lab.plan.profile import Profile

_NOT_TIMERS = ("name", "summary")


def _optional(model: type[BaseModel], name: str, leave_out: tuple[str, ...] = ()) -> type[BaseModel]:
    """``model`` with every field optional, and the models in it too."""
    fields: dict[str, Any] = {}
    for key, field in model.model_fields.items():
        if key in leave_out:
            continue
        annotation: Any = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = _optional(annotation, annotation.__name__ + "Override")
        fields[key] = (annotation | None, None)
    return create_model(name, __config__=ConfigDict(frozen=True, extra="forbid"), __doc__=model.__doc__, **fields)


TimerOverrides: Any = _optional(Profile, "TimerOverrides", _NOT_TIMERS)


def overridden(profile: Profile, timers: BaseModel | None) -> Profile:
    """``profile`` with the given ``timers``; its name then says that it was changed.

    Raises RefusedError when the result contradicts itself; ``where`` is the key below ``timers``.
    """
    given = timers.model_dump(exclude_unset=True) if timers else {}
    given = {key: value for key, value in given.items() if value is not None}
    if not given:
        return profile
    values = profile.model_dump()
    for layer, changes in given.items():
        if isinstance(changes, dict):
            values[layer] |= changes
        else:
            values[layer] = changes
    values["name"] = f"{profile.name}*"
    try:
        return Profile.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        reason = str(first.get("ctx", {}).get("error") or first["msg"])
        raise RefusedError(
            f"With the {profile.name} profile these timers do not work: {reason}.",
            where=".".join(["timers", *(str(part) for part in first["loc"])]),
            remedy=f"./inv lab.styles lists the profiles; the values of this one are in "
                   f"topologies/profiles/{profile.name}.yml",
        ) from error
