"""Ledgers against what the databases and the queue hold in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.ledger import audit_messages, audit_rows, parse_rows, read_ledger, rows_query


def test_ledgers_drop_a_torn_line_and_audits_count(tmp_path: Path) -> None:
    ledger = tmp_path / "l.txt"
    ledger.write_text("run1/1\nrun1/2\nrun1/1")
    assert read_ledger(ledger) == ("run1/1", "run1/2")
    audit = audit_rows(["run1/1", "run1/2"],
                       {"c1": parse_rows("run1/1\nrun1/2\n"), "c2": parse_rows("run1/2\n")},
                       {"c1": True, "c2": True, "c3": True})
    assert [(one.node, one.synced, one.missing_total) for one in audit.nodes] == [
        ("c1", True, 0), ("c2", True, 1), ("c3", False, 2)]
    assert audit.nodes[1].missing == ("run1/1",)
    assert "client='run1'" in rows_query("run1")
    with pytest.raises(ValueError, match="client mark"):
        rows_query("x' OR '1")


def test_messages_of_other_runs_are_not_counted() -> None:
    audit = audit_messages(["run1/1", "run1/2"], ["run0/7", "run1/2", "run1/2", "run1/3", "run1/9"],
                           [1, 2, 3])
    assert audit.lost == ("run1/1",)
    assert audit.unexpected == ("run1/9",)
    assert audit.duplicates == 1
