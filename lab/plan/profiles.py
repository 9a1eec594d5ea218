"""The timer profiles that exist: one file each in ``topologies/profiles/``.

A new file there is a new profile; nothing else has to know.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from lab.choices import unknown_choice
from lab.errors import RefusedError
from lab.plan.profile import Profile
from lab.yamlfile import read_mapping, refusal

TOPOLOGIES = Path(__file__).resolve().parent.parent.parent / "topologies"
PROFILES = TOPOLOGIES / "profiles"
_EXAMPLE = "topologies/profiles/tuned.yml"

DEFAULT_PROFILE = "tuned"


def profile_names(folder: Path = PROFILES) -> tuple[str, ...]:
    """Every profile's name, the default first, the others in alphabetical order."""
    names = sorted(path.stem for path in folder.glob("*.yml"))
    return tuple(sorted(names, key=lambda name: name != DEFAULT_PROFILE))


def load_profile(name: str, folder: Path = PROFILES) -> Profile:
    """The profile of that name; RefusedError names the file and line of a wrong value."""
    if name not in profile_names(folder):
        raise unknown_choice("profile", name, profile_names(folder))
    source = read_mapping(folder / f"{name}.yml", example=_EXAMPLE, label=f"topologies/profiles/{name}.yml")
    try:
        profile = Profile.model_validate(source.data)
    except ValidationError as error:
        raise refusal(error, Profile, source.place, "timer profile", example=_EXAMPLE) from error
    if profile.name != name:
        raise RefusedError(
            f"The profile calls itself '{profile.name}', but its file is {name}.yml.",
            where=source.place(("name",)),
            remedy=f"name: {name}",
        )
    return profile


def list_profiles(folder: Path = PROFILES) -> tuple[Profile, ...]:
    """Every profile, the default first; each has a ``summary`` of one line."""
    return tuple(load_profile(name, folder) for name in profile_names(folder))
