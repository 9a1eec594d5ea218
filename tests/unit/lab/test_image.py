"""The bake's own rules, with another program in the place of mmdebstrap."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cli.views.image import image_list
from lab import image
from lab.errors import DeadlineError, NotFoundError
from lab.host import process
from lab.image import ImageRecipe, bake, image_root, images_dir
from lab.state.home import LabPaths, home
from lab.vm import disk
from provision.image import recipe


class Group:
    """A control group of one process, which the program names in a file."""

    lab = ".none"

    def __init__(self, note: Path) -> None:
        self._note = note

    def create(self) -> None: ...

    def remove(self) -> None: ...

    def command(self, argv: list[str]) -> list[str]:
        return argv

    def kill(self) -> None:
        if self._note.exists():
            with suppress(ProcessLookupError):
                os.kill(int(self._note.read_text()), signal.SIGKILL)


@pytest.fixture
def stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that accepts and never sends: mmdebstrap says a line and waits for ever."""
    monkeypatch.setattr(image, "_cgroup", lambda key: Group(tmp_path / "pid"))
    monkeypatch.setattr(image, "_host_sources", list)
    program = tmp_path / "bin/mmdebstrap"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\n"
                       "echo 'I: downloading packages with apt...'\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/sbin:/usr/bin:/sbin:/bin")


def test_a_bake_that_does_not_end_is_ended_and_names_its_log(stuck: None, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "_BAKE_TIMEOUT", 1.0)
    told: list[str] = []
    with pytest.raises(DeadlineError, match="did not end within") as late:
        bake(ImageRecipe(("base-files",), "true"), told.append)
    kept = home() / "bake-failed.log"
    assert str(kept) in late.value.where and str(kept) in late.value.remedy
    assert told == ["downloading packages with apt"] and "downloading packages with apt" in late.value.where
    assert "downloading packages" in kept.read_text()
    assert [path.name for path in images_dir().iterdir() if path.is_dir()] == []
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/cmdline").exists() and b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline, "what was started for the bake still runs"
        time.sleep(0.05)


def finished(key: str, at: float, root: str = "rootfs", **more: object) -> None:
    folder = images_dir() / key
    (folder / root).mkdir(parents=True)
    (folder / "image.json").write_text(json.dumps({"seconds": 1.0, "size_mb": 1, "baked_at": at, **more}))


def test_what_no_lab_uses_goes_but_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    for at, key in enumerate(("older", "used", "newest")):
        finished(key, at)
    (home() / "labs/mine").mkdir(parents=True)
    (home() / "labs/mine/image").symlink_to(images_dir() / "used/rootfs")
    assert image.prune() == ["older"]
    assert image.prune() == []


def test_the_newest_of_each_kind_stays() -> None:
    """A lab that asks for the API tier has another image than one that does not: neither pushes the other out."""
    finished("plain", 1)
    finished("older", 2, extras=["keystone"])
    finished("api", 3, extras=["keystone"])
    finished("machines", 4, root=disk.NAME, extras=[])
    assert image.prune() == ["older"]
    assert [(one.key, one.kind, one.extras) for one in image.list_images()] == [
        ("machines", "disk", ()), ("api", "tree", ("keystone",)), ("plain", "tree", ())]


def test_what_is_not_in_every_image_is_told_and_no_input_of_its_own() -> None:
    assert recipe().extras == () and recipe(services=("haproxy", "keystone")).extras == ("keystone",)
    assert recipe().key != recipe(services=("keystone",)).key
    assert ImageRecipe(("a",), "true").key == ImageRecipe(("a",), "true", extras=("keystone",)).key


def test_people_see_which_image_is_for_what(capsys: pytest.CaptureFixture[str]) -> None:
    finished("api", 1, extras=["keystone"])
    finished("box", 2, root=disk.NAME)
    image_list(image.list_images(), {"box"}, "human")
    head, *rows = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert [word.strip() for word in head if word][:2] == ["IMAGE", "FOR"]
    assert [[word.strip() for word in row if word.strip()][:2] for row in rows if row[0].strip() in ("api", "box")] == [
        ["box", "machines"], ["api", "containers + keystone"]]


def test_a_bake_that_was_killed_at_its_end_is_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its record is written before it is renamed."""
    finished("whole", 1)
    finished(".another.baking", 2)
    assert [one.key for one in image.list_images()] == ["whole"]
    assert image.prune() == [".another.baking"]
    assert [one.key for one in image.list_images()] == ["whole"]


@pytest.mark.parametrize("left", ["", '{"seco', "[]", "{}", '{"seconds": 1.0, "of another version": 2}',
                                  '{"seconds": 1.0, "size_mb": 1, "baked_at": 1, "extras": 3}'])
def test_a_record_that_cannot_be_read_is_no_image(left: str) -> None:
    """A power cut leaves empty files behind."""
    finished("whole", 1)
    finished("broken", 2)
    (images_dir() / "broken/image.json").write_text(left)
    assert image.find("broken") is None and [one.key for one in image.list_images()] == ["whole"]
    assert image.prune() == ["broken"]


def test_an_image_that_is_pruned_while_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    finished("gone", 1)
    record, real = images_dir() / "gone/image.json", Path.read_text

    def read_text(path: Path, *words: str) -> str:
        if path == record:
            record.unlink()
        return real(path, *words)

    monkeypatch.setattr(Path, "read_text", read_text)
    assert image.find("gone") is None


def test_the_tree_is_on_the_disk_before_its_record_and_a_broken_one_is_baked_again(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ImageRecipe(("base-files",), "true")
    finished(wanted.key, 0)
    (images_dir() / wanted.key / "image.json").write_text("")
    asked: list[tuple[tuple[str, ...], list[str]]] = []

    def run(argv: list[str | Path], *, timeout: float) -> process.Completed:
        asked.append((tuple(str(word) for word in argv), sorted(path.name for path in Path(argv[-1]).iterdir())))
        return process.run(argv, timeout=timeout)

    monkeypatch.setattr(image, "_cgroup", lambda key: Group(tmp_path / "pid"))
    monkeypatch.setattr(image, "_debootstrap", lambda _recipe, work, _progress: (work / "rootfs").mkdir())
    monkeypatch.setattr(image, "run", run)
    assert bake(wanted).baked_at > 0
    work = str(images_dir() / f".{wanted.key}.baking")
    assert asked[-1] == (("sync", "--file-system", work), ["rootfs"])


def test_an_image_that_a_lab_takes_while_others_are_pruned_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """lab.up links the image before it lets go of the image's lock, and prune asks when it has that lock."""
    wanted = ImageRecipe(("base-files",), "true")
    finished(wanted.key, 0)
    finished("newest", 1)
    pruned: list[str] = []

    def use(taken: image.Image) -> None:
        assert image._locked(wanted.key)
        pruned.extend(image.prune())
        (home() / "labs/mine").mkdir(parents=True)
        (home() / "labs/mine/image").symlink_to(taken.root)

    bake(wanted, use=use)
    assert pruned == [] and image.prune() == []
    assert (home() / "labs/mine/image").exists()


def test_the_remedy_for_a_lost_image_is_for_this_lab() -> None:
    with pytest.raises(NotFoundError) as lost:
        image_root(LabPaths.of("mine"))
    assert "./inv lab.down --name=mine" in lost.value.remedy and "./inv lab.up --name=mine" in lost.value.remedy
