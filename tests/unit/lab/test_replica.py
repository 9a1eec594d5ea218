"""A copy of a tree that changes while it is copied."""

from __future__ import annotations

import mmap
import os
import shutil
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from lab.host import replica
from lab.host.replica import Draft


def shape(tree: Path) -> dict[str, Any]:
    """All that a copy must have of a tree."""
    found: dict[str, Any] = {}
    for path in [tree, *sorted(tree.rglob("*"))]:
        now = path.lstat()
        body: Any = None
        if stat.S_ISLNK(now.st_mode):
            body = path.readlink()
        elif stat.S_ISREG(now.st_mode):
            body = path.read_bytes()
        attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)} if body is None else {}
        found[str(path.relative_to(tree))] = (now.st_mode, now.st_uid, now.st_mtime_ns, body, attributes)
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    tree = tmp_path / "source"
    (tree / "folder" / "deep").mkdir(parents=True)
    (tree / "folder" / "deep" / "small").write_text("a")
    (tree / "folder" / "gone").write_text("b")
    (tree / "folder" / "kind").write_text("c")
    (tree / "link").symlink_to("folder/deep")
    (tree / "big").write_bytes(b"\0" * (3 << 20))
    os.mkfifo(tree / "pipe")
    old = time.time() - 60
    for path in tree.rglob("*"):
        os.utime(path, (old, old), follow_symlinks=False)
    return tree


def settled(source: Path, target: Path, change: Any) -> None:
    draft = Draft.make(source, target)
    change()
    for correct in draft.differences():
        correct()


def test_a_still_tree(source: Path, tmp_path: Path) -> None:
    settled(source, tmp_path / "target", lambda: None)
    assert shape(tmp_path / "target") == shape(source)


def test_everything_that_can_change(source: Path, tmp_path: Path) -> None:
    def change() -> None:
        (source / "folder" / "deep" / "small").write_text("longer than before")
        (source / "folder" / "gone").unlink()
        (source / "folder" / "kind").unlink()
        (source / "folder" / "kind").mkdir(mode=0o711)
        (source / "folder" / "kind" / "new").write_bytes(b"x" * (600 << 10))
        (source / "link").unlink()
        (source / "link").symlink_to("elsewhere")
        shutil.rmtree(source / "folder" / "deep")
        (source / "folder" / "deep").write_text("a file now")
        (source / "pipe").chmod(0o600)

    settled(source, tmp_path / "target", change)
    assert shape(tmp_path / "target") == shape(source)


def test_a_mapped_page_that_was_dirty_before(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second write to a page changes no time, unless the page was flushed in between."""
    monkeypatch.setattr(replica, "_TICK", -60.0)  # trust times at once: nothing but the flush guards now
    with (source / "big").open("r+b") as file, mmap.mmap(file.fileno(), 0) as pages:
        pages[5] = 1
        before = (source / "big").stat().st_ctime_ns
        draft = Draft.make(source, tmp_path / "target")
        assert draft.flushed == {source / "big": before}
        time.sleep(0.02)  # one tick of the clock that stamps files
        pages[5] = 2
        for correct in draft.differences():
            correct()
    assert (tmp_path / "target" / "big").read_bytes()[5] == 2


def test_zeros_take_no_room_and_a_quiet_big_file_is_not_read_again(
        source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "_TICK", -60.0)
    draft = Draft.make(source, tmp_path / "target")
    assert (tmp_path / "target" / "big").stat().st_blocks == 0
    monkeypatch.setattr(replica, "_content", lambda path, *_: pytest.fail("read") if path.name == "big" else iter(()))
    draft.differences()
