"""db.kill_all: every database server dies at the same moment."""

from __future__ import annotations

from chaos.faults.proc_kill import ProcKill


class DbKillAll(ProcKill):
    """Aim it at ``role:db``: nobody is left to join, so the agent has to find the most advanced member and
    bootstrap from it."""

    name = "db.kill_all"
    summary = "kill -9 every database server at once"
    parameters = frozenset()
    process = "mariadbd"
    bounds = "database"


FAULT = DbKillAll()
