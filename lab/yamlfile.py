"""YAML files whose errors name the file and the line.

This module reads the file, remembers where each key stands, and turns pydantic's first
complaint into a :class:`lab.errors.RefusedError` that a person can act on.  ``example`` is
what to compare with: a file of the same kind that comes with halab, others lie beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from lab.choices import did_you_mean, on_one_line, unknown_choice
from lab.errors import NotFoundError, RefusedError

Loc = tuple[int | str, ...]
Place = Callable[[Loc], str]

_MOST = 256 << 10  # bytes; a hundred times what a person writes
_COLLECTIONS = {"dict_type", "model_type", "model_attributes_type"}
# pydantic's types of complaints -> what the value should be.
_SHOULD_BE = {
    **dict.fromkeys(_COLLECTIONS, "keys and values below it"),
    **dict.fromkeys(("tuple_type", "list_type"), "a list, such as [a, b]"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number"),
    "string_type": "text, in quotes where it looks like a number or a date",
    "string_unicode": "text without half characters",
    "ip_v4_address": "an IPv4 address",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}


@dataclass(frozen=True)
class YamlFile:
    """A mapping read from ``path``; ``label`` is how errors call the file."""

    label: str
    data: CommentedMap

    def place(self, loc: Loc) -> str:
        """``file:line`` of the key at ``loc``, or of the nearest mapping above it that exists."""
        here: Any = self.data
        line = 0
        for key in loc:
            try:
                line = here.lc.key(key)[0] if isinstance(here, CommentedMap) else here.lc.item(key)[0]
                here = here[key]
            except (AttributeError, KeyError, IndexError, TypeError):
                break
        return f"{self.label}:{line + 1}"


def read_mapping(path: Path, *, example: str, label: str | None = None) -> YamlFile:
    """Read one YAML mapping.

    Raises NotFoundError if there is no such file, RefusedError if it is not a YAML mapping.
    """
    name = label or str(path)
    try:
        text = _text(path, name)
    except FileNotFoundError as error:
        raise NotFoundError(
            "There is no such file.", where=name, remedy=f"check the path; ls {_beside(example)} shows the examples"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RefusedError(
            f"The file cannot be read: {reason}.", where=name, remedy="a readable text file"
        ) from error
    loaded = _loaded(text, name, example)
    if not isinstance(loaded, CommentedMap):
        found = "nothing" if loaded is None else f"a {_kind(loaded)}"
        raise RefusedError(
            f"The file should hold keys and values, but it holds {found}.",
            where=f"{name}:1",
            remedy=f"see {example} for the form",
        )
    return YamlFile(name, loaded)


def _text(path: Path, name: str) -> str:
    with path.open("rb") as file:
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise RefusedError(f"The file is larger than {_MOST >> 10} KB, which nobody writes by hand.", where=name,
                           remedy="check the path")
    return data.decode("utf-8")


def _loaded(text: str, name: str, example: str) -> Any:
    try:
        return YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        problem, remedy = _problem(error)
        raise RefusedError(
            f"This is not valid YAML: {problem}.",
            where=f"{name}{line}",
            remedy=remedy or f"see {example} for the form",
        ) from error
    except YAMLError as error:
        # the reader's message: the bad character in its first line, offsets in the next
        problem = str(error).splitlines()[0]
        raise RefusedError(
            f"This is not valid YAML: {problem}.",
            where=name,
            remedy="plain UTF-8 text without control characters",
        ) from error
    except RecursionError as error:
        raise RefusedError("The file nests deeper than anything that halab reads.", where=name,
                           remedy=f"see {example} for the form") from error
    except (ValueError, LookupError) as error:
        # ruamel makes dates and tagged values with Python's own functions, and lets them complain
        raise RefusedError(f"A value of this file cannot be read: {on_one_line(error)}.", where=name,
                           remedy="quotes around what only looks like a date or a number; no tags (!!int)") from error


def _problem(error: MarkedYAMLError) -> tuple[str, str]:
    """ruamel's complaint, and what to try where it needs more than an example ('' otherwise)."""
    # It may span lines; the first says it, the rest quotes the file.
    context, problem = (str(part or "").partition("\n")[0] for part in (error.context, error.problem))
    if problem.startswith("but "):
        return f"{context} {problem}", ""
    if problem.startswith("found duplicate key"):
        return problem.partition(" with value ")[0], "each key once"
    if "'\\t'" in problem:
        return problem, "spaces in place of tabs"
    return problem or context or "syntax error", ""


def refusal(error: ValidationError, model: type[BaseModel], place: Place, noun: str, *, example: str) -> RefusedError:
    """The first of pydantic's complaints about a ``model``, as a person wants to read it.

    A validator of the model may raise RefusedError itself; its ``where`` then names the key
    at fault, with dots between levels, in full or below the key that the validator is for, and
    ``place`` says where that key stands.
    """
    first = min(error.errors(), key=lambda item: _severity(item["type"]))
    loc: Loc = tuple(first["loc"])
    key = ".".join(str(part) for part in loc)
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, RefusedError):
        named = tuple(cause.where.split(".")) if cause.where else ()
        at = named if named[: len(loc)] == loc else (*loc, *named)
        return RefusedError(cause.what, where=place(at), remedy=cause.remedy)
    owner = _owner(model, loc)
    if first["type"] in ("extra_forbidden", "invalid_key"):
        return _unknown_key(loc, owner, place, noun)
    if first["type"] == "missing":
        return RefusedError(f"The {noun} lacks the key '{key}'.", where=place(loc), remedy=f"add {loc[-1]}")
    choices = _literals(owner, loc)
    below = _model_at(model, loc) if first["type"] in _COLLECTIONS else None
    remedy = f"compare with the files in {_beside(example)}"
    if below:
        remedy = f"keys: {', '.join(below.model_fields)}"
    if first["input"] is None:
        remedy = f"one of: {', '.join(choices)}" if choices else remedy if below else "a value, or leave the key out"
        return RefusedError(f"'{key}' has no value.", where=place(loc), remedy=remedy)
    if first["type"] == "literal_error" and choices:
        return unknown_choice(_title(owner, loc), first["input"], choices, where=place(loc))
    return RefusedError(f"'{key}' {_complaint(first, cause)}.", where=place(loc), remedy=remedy)


def _complaint(first: ErrorDetails, cause: object) -> str:
    if isinstance(cause, ValueError):
        return f"is wrong: {cause}"
    shown = on_one_line(repr(first["input"]))
    if should := _SHOULD_BE.get(first["type"]):
        return f"should be {should.format(**first.get('ctx', {}))}, not {shown}"
    return f"is wrong: {first['msg']}, not {shown}"


def _beside(example: str) -> str:
    return f"{PurePath(example).parent}/"


def _severity(kind: str) -> int:
    # A misspelt key also leaves the right one unset, so it explains what else is wrong.
    return 0 if kind in ("extra_forbidden", "invalid_key") else 1


def _unknown_key(loc: Loc, owner: type[BaseModel], place: Place, noun: str) -> RefusedError:
    known = list(owner.model_fields)
    guess = did_you_mean(str(loc[-1]), known)
    listed = ", ".join(known)
    remedy = f"did you mean {guess}? Keys: {listed}" if guess else f"keys: {listed}"
    part = f" under '{'.'.join(str(key) for key in loc[:-1])}'" if len(loc) > 1 else ""
    return RefusedError(f"A {noun} has no key '{on_one_line(loc[-1])}'{part}.", where=place(loc), remedy=remedy)


def _owner(model: type[BaseModel], loc: Loc) -> type[BaseModel]:
    """The model that the last key of ``loc`` belongs to."""
    owner = model
    annotation: Any = model
    for key in loc[:-1]:
        annotation = _below(annotation, key)
        if found := _model_in(annotation):
            owner = found
    return owner


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """The model that the value at ``loc`` should be, if it should be one."""
    annotation: Any = model
    for key in loc:
        annotation = _below(annotation, key)
    return _model_in(annotation)


def _below(annotation: Any, key: int | str) -> Any:
    """The type of what stands below ``key``: a model's field, or a mapping's or a list's items."""
    if found := _model_in(annotation):
        field = found.model_fields.get(str(key))
        return field.annotation if field else None
    inner = get_args(annotation)
    return inner[-1] if get_origin(annotation) is dict else inner[0] if inner else None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a type is, or may be beside None."""
    options = (annotation, *(get_args(annotation) if get_origin(annotation) is UnionType else ()))
    return next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _field(owner: type[BaseModel], loc: Loc) -> FieldInfo | None:
    names = [key for key in loc if isinstance(key, str)]
    return owner.model_fields.get(names[-1]) if names else None


def _title(owner: type[BaseModel], loc: Loc) -> str:
    """What an error calls a value of this field: its title if it has one, else its key."""
    field = _field(owner, loc)
    return field.title if field and field.title else str(loc[-1])


def _literals(owner: type[BaseModel], loc: Loc) -> tuple[str, ...]:
    field = _field(owner, loc)
    annotation: Any = field.annotation if field else None
    if get_origin(annotation) is tuple:
        annotation = get_args(annotation)[0]
    return tuple(get_args(annotation)) if get_origin(annotation) is Literal else ()


def _kind(value: object) -> str:
    if isinstance(value, Mapping):
        return "mapping"
    return "list" if isinstance(value, list) else "single value"
