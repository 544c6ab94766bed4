"""Files are written whole or not at all, nothing but files is replaced, and nothing is left behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from edgealgos import files
from edgealgos.errors import EdgeAlgosError
from edgealgos.files import Scratch, locked, what_is, write_file
from tests.support.interrupts import file_system_calls, interrupted_at

TWO_WORDS = ["a named pipe", "a socket", "a device", "a folder", "where nothing is", "leads nowhere"]


def make(kind, path):
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "a device":
        path.symlink_to("/dev/full")
    elif kind == "a folder":
        path.mkdir()
    elif kind == "where nothing is":
        path.symlink_to("absent")
    else:
        path.symlink_to(path)
    return path.lstat()


@pytest.mark.parametrize("kind", TWO_WORDS)
def test_what_is_no_file_is_refused_with_what_it_is(kind, tmp_path):
    before = make(kind, tmp_path / "x")
    with pytest.raises(EdgeAlgosError, match=kind):
        write_file(tmp_path / "x", b"new")
    after = (tmp_path / "x").lstat()
    assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode)
    assert os.listdir(tmp_path) == ["x"]


def test_a_file_is_written_through_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_file(tmp_path / "link", "größe\n")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == "größe\n".encode()
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]


def test_permissions_are_the_old_files_or_those_that_new_files_have(tmp_path):
    (tmp_path / "kept").write_text("old")
    (tmp_path / "kept").chmod(0o640)
    (tmp_path / "usual").write_text("")
    write_file(tmp_path / "kept", b"new")
    write_file(tmp_path / "fresh", b"new")
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "fresh").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("place", ["absent/x", "file/x", "x\0y", "n" * 300])
def test_a_place_that_cannot_be_written_is_said(place, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeAlgosError, match="cannot write"):
        write_file(tmp_path / place, b"new")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_may_not_be_changed_is_not_replaced(tmp_path):
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o444)
    with pytest.raises(EdgeAlgosError, match="may not be changed"):
        write_file(tmp_path / "x", b"new")


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError, MemoryError])
def test_a_fault_at_any_call_leaves_the_old_file_or_the_new_and_no_litter(fault, tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    for n in range(file_system_calls(lambda: write_file(path, "new"))):
        path.write_text("old")
        with contextlib.suppress(fault, EdgeAlgosError), interrupted_at(n, fault(5, "injected")):
            write_file(path, "new")
        assert path.read_text() in ("old", "new")
        write_file(path, "newer")
        assert os.listdir(tmp_path) == ["x"]


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path):
    code = (
        "import os, sys, edgealgos.files as f\n"
        "f.os.fsync = lambda fd: os.kill(os.getpid(), 9)\n"
        "f.write_file(sys.argv[1], b'half')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "x")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 1
    write_file(tmp_path / "y", b"whole")
    assert os.listdir(tmp_path) == ["y"]


def test_what_a_living_writer_is_writing_stays(tmp_path, monkeypatch):
    fsync = os.fsync

    def meanwhile(descriptor):
        monkeypatch.setattr(os, "fsync", fsync)
        write_file(tmp_path / "other", b"other")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    write_file(tmp_path / "x", b"mine")
    assert (tmp_path / "x").read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == ["other", "x"]


def test_many_writers_of_one_file_leave_one_of_theirs(tmp_path):
    texts = [bytes([65 + i]) * 200_000 for i in range(8)]
    threads = [threading.Thread(target=write_file, args=(tmp_path / "x", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "x").read_bytes() in texts
    assert os.listdir(tmp_path) == ["x"]


def test_a_folder_is_locked_for_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 0.0)
    with locked(tmp_path), pytest.raises(EdgeAlgosError, match="somebody else"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


def test_what_lies_at_a_path_is_told(tmp_path):
    (tmp_path / "x").write_text("")
    assert what_is(tmp_path / "x") == "a file"
    assert what_is(tmp_path) == "a folder"
    assert what_is(tmp_path / "absent") is None
    assert what_is(tmp_path / "x" / "below") is None


# ---- temporary folders -----------------------------------------------------------------------------------------------


def test_a_temporary_folder_goes_with_its_object_and_with_its_block(tmp_path):
    scratch = Scratch(tmp_path)
    assert os.listdir(tmp_path) == [scratch.path.name]
    del scratch
    assert os.listdir(tmp_path) == []
    with Scratch(tmp_path) as folder:
        (folder / "x").write_text("")
    assert os.listdir(tmp_path) == []


def test_a_temporary_folder_of_a_killed_process_goes_with_the_next_one_and_those_of_living_ones_stay(tmp_path):
    make = "s = f.Scratch(pathlib.Path(sys.argv[1]))"
    code = f"import sys, pathlib, edgealgos.files as f\n{make}\nprint(flush=True)\ninput()"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in processes:
        process.stdout.readline()
    both = set(os.listdir(tmp_path))
    processes[0].kill()
    processes[0].wait()
    with Scratch(tmp_path) as mine:
        left = set(os.listdir(tmp_path)) - {mine.name}
    assert len(both) == 2
    assert len(left & both) == len(left) == 1
    processes[1].communicate("")
    assert os.listdir(tmp_path) == []
    for process in processes:
        process.stdin.close()
        process.stdout.close()


def test_what_is_no_temporary_folder_of_ours_stays(tmp_path):
    names = ["edgealgos-abc", ".edgealgos-scratch-file", "other"]
    (tmp_path / names[0]).mkdir()
    (tmp_path / names[1]).write_text("")
    (tmp_path / names[2]).mkdir()
    with Scratch(tmp_path):
        pass
    assert sorted(os.listdir(tmp_path)) == sorted(names)
