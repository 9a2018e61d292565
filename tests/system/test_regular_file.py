import os
import socket

import pytest

from napari_stmml.system.regular_file import NoRegularFile, check_file, read_bytes


def test_a_file_has_its_size_and_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert check_file(tmp_path / "a", most=5) == 5
    assert read_bytes(tmp_path / "a", most=5) == b"12345"


def test_a_link_to_a_file_is_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").symlink_to("a")
    assert read_bytes(tmp_path / "b", most=5) == b"1"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_a_folder_a_device_and_a_socket_are_refused_at_once_by_name(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.tif")
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "device.tif").symlink_to("/dev/zero")
    (tmp_path / "link.tif").symlink_to("pipe.tif")
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.tif")
        for kind in ("pipe", "folder", "device", "socket"):
            with pytest.raises(NoRegularFile, match=rf"{kind}\.tif is a {kind}, not a file"):
                read_bytes(tmp_path / f"{kind}.tif", most=5)
    with pytest.raises(NoRegularFile, match=r"link\.tif is a pipe"):
        check_file(tmp_path / "link.tif")


def test_a_file_of_too_many_bytes_is_not_read(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(3 << 40)  # which takes no space on the disk
    with pytest.raises(NoRegularFile, match=r"a\.json is too large: 3072 GiB, at most 64 KiB are read"):
        read_bytes(tmp_path / "a.json", most=1 << 16)


@pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="needs Linux")
def test_a_file_of_a_system_that_knows_no_sizes_is_limited_too():
    with pytest.raises(NoRegularFile, match="environ is too large"):
        read_bytes("/proc/self/environ", most=3)


def test_a_file_that_is_not_there_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        check_file(tmp_path / "nothing")
