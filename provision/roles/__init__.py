"""All roles, found by looking into this folder: a new role is one new file with ``ROLE = ...``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from provision.role import Role

# The order in which files are laid down and clusters converge: what others stand on comes first.
_ORDER = ("base", "corosync", "qdevice", "galera", "galera_check", "rabbitmq", "memcached", "haproxy", "pacemaker",
          "clients", "keystone")


@cache
def all_roles() -> tuple[Role, ...]:
    """Every role, in order; roles that ``_ORDER`` does not know come last, by name."""
    names = sorted((module.name for module in pkgutil.iter_modules(__path__)),
                   key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    return tuple(importlib.import_module(f"{__name__}.{name}").ROLE for name in names)
