"""docs/requirements.md says what the code checks; ``HALAB_UPDATE_GOLDEN=1`` rewrites its table."""

from __future__ import annotations

import os
from pathlib import Path

from provision.verify.requirements import all_requirements

PAGE = Path(__file__).resolve().parents[4] / "docs" / "requirements.md"
BEGIN, END = "| id | what must hold | what is looked at |\n|---|---|---|\n", "\n<!-- end of the table -->"


def test_the_page_is_made_from_the_code() -> None:
    rows = "".join(f"| {one.id} | {one.sentence} | {one.how} |\n" for one in all_requirements())
    page = PAGE.read_text()
    head, _, rest = page.partition(BEGIN)
    table, _, tail = rest.partition(END)
    if os.environ.get("HALAB_UPDATE_GOLDEN"):
        PAGE.write_text(head + BEGIN + rows + END + tail)
    else:
        assert table == rows
