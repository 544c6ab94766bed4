"""Exports and folders: nothing is replaced that no export wrote, and an interrupt leaves the old export or the new."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edgealgos.codegen.emit.folder import MANIFEST, digests, write_folder
from edgealgos.errors import EdgeAlgosError, ExportError
from tests.support.interrupts import file_system_calls, interrupted_at

pytestmark = pytest.mark.slow


def export(number=1, name="digits", layout="sketch", **more):
    """Files of an export whose texts tell exports apart."""
    below = "src/" if layout == "library" else ""
    texts = {"digits.ino": "ino", f"{below}{name}_model.h": "header", f"{below}{name}_model.cpp": "source", **more}
    files = {path: f"{text} {number}\n" for path, text in texts.items()}
    facts = {"edgealgos": "0", "name": name, "layout": layout, "number": number, "files": digests(files)}
    return {**files, MANIFEST: json.dumps(facts)}


def put(folder, files, overwrite=True):
    write_folder(Path(folder), files, overwrite=overwrite, application={"digits.ino"})


def calls_of(folder, files):
    """How many calls of the file system this export makes."""
    return file_system_calls(lambda: put(folder, files))


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_text() for p in Path(folder).rglob("*") if p.is_file()}


@pytest.fixture
def folder(tmp_path):
    put(tmp_path / "digits", export(1))
    return tmp_path / "digits"


# ---- what is written ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("place", ["absent", "deep/and/absent", "empty", "empty/"])
def test_an_absent_or_empty_folder_is_written(place, overwrite, tmp_path):
    (tmp_path / "empty").mkdir()
    put(f"{tmp_path}/{place}", export(), overwrite)
    assert content(tmp_path / place) == export()


def test_the_folder_one_stands_in_stays_the_same_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inode = tmp_path.stat().st_ino
    put(".", export(1))
    put(".", export(2))
    assert os.stat(".").st_ino == tmp_path.stat().st_ino == inode
    assert content(".") == export(2)


def test_links_are_written_through(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "again").symlink_to("link")
    put(tmp_path / "link", export(1))
    put(tmp_path / "again", export(2))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "again").is_symlink()
    assert content(tmp_path / "real") == export(2)


def test_another_layout_or_name_leaves_nothing_of_the_old_export(folder):
    for files in (export(2, "first"), export(3, "second", "library"), export(4, "digits")):
        put(folder, files)
        assert content(folder) == files
        assert all(any(p.iterdir()) for p in folder.rglob("*") if p.is_dir())


# ---- what is refused ---------------------------------------------------------------------------------------------


def occupy(kind, path):
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "a file":
        path.write_text("mine")
    elif kind == "a device":
        path.symlink_to("/dev/full")
    elif kind == "where nothing is":
        path.symlink_to("absent")
    elif kind == "leads nowhere":
        path.symlink_to(path)
    else:
        path.mkdir()
        (path / "notes.txt").write_text("mine")


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "kind",
    ["a named pipe", "a socket", "a file", "a device", "where nothing is", "leads nowhere", "not of an earlier export"],
)
def test_what_no_export_wrote_is_refused_with_what_it_is(kind, overwrite, tmp_path):
    occupy(kind, tmp_path / "x")
    before = os.lstat(tmp_path / "x")
    with pytest.raises(ExportError, match=kind):
        put(tmp_path / "x", export(), overwrite)
    after = os.lstat(tmp_path / "x")
    assert (before.st_ino, before.st_mode, before.st_mtime_ns) == (after.st_ino, after.st_mode, after.st_mtime_ns)
    assert os.listdir(tmp_path) == ["x"]


def test_an_export_stays_unless_it_may_be_overwritten(folder):
    with pytest.raises(ExportError, match="overwrite=True"):
        put(folder, export(2), overwrite=False)
    assert content(folder) == export(1)


NO_MANIFESTS = [
    "", "{", "[]", "{}", '{"edgealgos": "0"}', '{"files": {}}', '{"edgealgos": "0", "files": 3}', "[" * 100_000,
    '{"edgealgos": "0", "files": {"../notes.txt": ""}}', '{"edgealgos": "0", "files": {"/etc/passwd": ""}}',
    '{"edgealgos": "0", "files": {"a/../../notes.txt": ""}}', '{"edgealgos": "0", "files": {"": ""}}',
]  # fmt: skip


@pytest.mark.parametrize("text", NO_MANIFESTS)
def test_a_manifest_that_is_none_of_ours_makes_no_export(text, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / MANIFEST).write_text(text)
    with pytest.raises(ExportError, match="not of an earlier export"):
        put(tmp_path / "x", export())
    assert content(tmp_path) == {"notes.txt": "mine", f"x/{MANIFEST}": text}


def test_files_of_the_users_own_are_never_touched(folder):
    (folder / "notes.txt").write_text("mine")
    (folder / "data").mkdir()
    (folder / "data" / "a.csv").write_text("1,2")
    (folder / "elsewhere").symlink_to(folder.parent)
    for files in (export(2), export(3, "other"), export(4, layout="library")):
        put(folder, files)
        assert content(folder) == {**files, "notes.txt": "mine", "data/a.csv": "1,2"}
        assert (folder / "elsewhere").is_symlink()


@pytest.mark.parametrize("own", ["other_model.h", "src", "src/other_model.h"])
def test_a_file_of_the_users_own_in_the_place_of_a_new_one_is_a_refusal(own, folder):
    (folder / own).parent.mkdir(exist_ok=True)
    (folder / own).write_text("mine")
    with pytest.raises(ExportError, match=r"no earlier export wrote it"):
        put(folder, export(2, "other", "library" if own.startswith("src") else "sketch"))
    assert content(folder) == {**export(1), own: "mine"}


def test_a_link_in_the_place_of_a_file_or_folder_is_not_followed(folder, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "other_model.h").write_text("mine")
    (folder / "src").symlink_to(tmp_path / "secret")
    with pytest.raises(ExportError, match="src/other_model"):
        put(folder, export(2, "other", "library"))
    (folder / "digits_model.h").unlink()
    (folder / "digits_model.h").symlink_to(tmp_path / "secret" / "other_model.h")
    with pytest.raises(ExportError, match=r"digits_model\.h"):
        put(folder, export(2))
    assert content(tmp_path / "secret") == {"other_model.h": "mine"}


def test_an_edited_model_is_a_refusal_and_an_edited_application_stays(folder, caplog):
    (folder / "digits.ino").write_text("edited")
    put(folder, export(2))
    assert content(folder) == {**export(2), "digits.ino": "edited"}
    assert "digits.ino was edited" in caplog.text
    put(folder, export(3))
    assert (folder / "digits.ino").read_text() == "edited"
    (folder / "digits_model.h").write_text("edited")
    with pytest.raises(ExportError, match=r"digits_model\.h .* was edited"):
        put(folder, export(4))
    assert content(folder) == {**export(3), "digits.ino": "edited", "digits_model.h": "edited"}


@pytest.mark.parametrize("files", [export(2, "other"), export(2, layout="library")], ids=["name", "layout"])
def test_an_edited_application_of_another_model_is_a_refusal(files, folder):
    (folder / "digits.ino").write_text("edited")
    with pytest.raises(ExportError, match=r"digits\.ino .* was edited"):
        put(folder, files)
    assert content(folder) == {**export(1), "digits.ino": "edited"}


def test_a_deleted_file_of_an_export_comes_back(folder):
    (folder / "digits_model.h").unlink()
    put(folder, export(2))
    assert content(folder) == export(2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_said(folder):
    folder.chmod(0o555)
    try:
        with pytest.raises(ExportError, match="cannot write"):
            put(folder, export(2))
    finally:
        folder.chmod(0o755)
    assert content(folder) == export(1)


# ---- faults ------------------------------------------------------------------------------------------------------


CHANGES = {
    "new": (None, export(2)),
    "again": (export(1), export(2)),
    "other name": (export(1), export(2, "other")),
    "other layout": (export(1), export(2, "other", "library", **{"examples/a/a.ino": "example"})),
}


def before(tmp_path, old):
    shutil.rmtree(tmp_path / "deep", ignore_errors=True)
    if old is not None:
        put(tmp_path / "deep" / "digits", old)
        (tmp_path / "deep" / "digits" / "notes.txt").write_text("mine")
    return tmp_path / "deep" / "digits", {**old, "notes.txt": "mine"} if old is not None else {}


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("change", CHANGES)
def test_a_fault_at_any_call_leaves_the_old_export_or_the_new(change, fault, tmp_path):
    old, new = CHANGES[change]
    folder, state = before(tmp_path, old)
    after = {**new, **({"notes.txt": "mine"} if old is not None else {})}
    outcomes = set()
    for n in range(calls_of(folder, new)):
        folder, state = before(tmp_path, old)
        with contextlib.suppress(fault, ExportError), interrupted_at(n, fault(5, "injected")):
            put(folder, new)
        found = content(tmp_path / "deep" / "digits")
        assert found in (state, after), n
        assert state or found or not (tmp_path / "deep").exists(), n  # what was made for nothing went again
        outcomes.add(found == after)
    assert outcomes == {False, True}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_fault_that_lasts_the_next_export_finds_its_way(change, tmp_path):
    old, new = CHANGES[change]
    folder, _ = before(tmp_path, old)
    for n in range(1, calls_of(folder, new), 2):
        folder, state = before(tmp_path, old)
        with contextlib.suppress(ExportError), interrupted_at(n, OSError(5, "injected"), lasting=True):
            put(folder, new)
        put(folder, new)
        assert content(folder) == {**new, **({"notes.txt": "mine"} if state else {})}, n


KILLED_AT_EACH_CALL = """
import os, pathlib, signal, sys
sys.path.insert(0, {root!r})
from edgealgos.errors import ExportError
from tests.codegen.test_folder import CHANGES, before, calls_of, content, put
from tests.support.interrupts import calling

place, (old, new) = pathlib.Path(sys.argv[1]), CHANGES[sys.argv[2]]
folder, state = before(place, old)
for n in range(0, calls_of(folder, new), 2):
    before(place, old)
    if (child := os.fork()) == 0:
        with calling(lambda call: call == n and os.kill(os.getpid(), 9)):
            put(folder, new)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    try:
        put(folder, new, overwrite=False)
    except ExportError as error:
        assert "overwrite=True" in str(error), error
    found = content(folder)
    assert found in (state, {{**new, "notes.txt": "mine"}}), (n, found)
"""


@pytest.mark.parametrize("change", ["other layout"])
def test_what_a_kill_at_any_call_left_is_taken_back_by_the_next_export(change, tmp_path):
    code = KILLED_AT_EACH_CALL.format(root=str(Path(__file__).parents[2]))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path), change], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_somebody_wrote_after_a_fault_that_lasts_is_not_taken_back(tmp_path):
    old, new = CHANGES["other name"]
    folder, _ = before(tmp_path, old)
    seen = 0
    for n in range(calls_of(folder, new)):
        folder, state = before(tmp_path, old)
        with contextlib.suppress(ExportError), interrupted_at(n, OSError(5, "injected"), lasting=True):
            put(folder, new)
        if (folder / ".edgealgos-export" / "journal").exists() and (folder / "other_model.h").exists():
            seen += 1
            (folder / "other_model.h").write_text("mine, written since")
            with pytest.raises(ExportError, match=r"other_model\.h"):
                put(folder, new)
            assert content(folder) == {**state, "other_model.h": "mine, written since"}
    assert seen


@pytest.mark.parametrize("overwrite", [False, True])
def test_exports_to_one_folder_at_once_do_not_mix(overwrite, tmp_path):
    choices = [export(n, f"model{n}", "library" if n % 2 else "sketch") for n in range(6)]
    (tmp_path / "x").mkdir()
    refused = []

    def run(files):
        try:
            put(tmp_path / "x", files, overwrite)
        except EdgeAlgosError as error:
            refused.append(error)

    threads = [threading.Thread(target=run, args=(files,)) for files in choices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert content(tmp_path / "x") in choices
    assert len(refused) == (0 if overwrite else len(choices) - 1)
