"""A docker daemon with all its state in one folder."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import unittest

from registry import wait_for

START_TIMEOUT_S = 60


# The first one that works; vfs works everywhere, but copies whole file systems.
STORAGE_DRIVERS = ("overlay2", "vfs")


@contextlib.contextmanager
def docker_daemon(folder):
    """Runs a daemon; yields the path of its socket. Skips the test where none can run."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    dockerd = shutil.which("dockerd", path=path)
    if dockerd is None or shutil.which("docker") is None:
        raise unittest.SkipTest("docker is not installed")
    if os.geteuid() != 0:
        raise unittest.SkipTest("a docker daemon of its own needs root")
    # Short names: the path of a socket has at most 107 bytes.
    folder = pathlib.Path(folder)
    socket = folder / "d.sock"
    log_path = folder / "dockerd.log"
    for driver in STORAGE_DRIVERS:
        with open(log_path, "wb") as log:
            process = subprocess.Popen(
                [dockerd, "--data-root", folder / "d", "--exec-root", folder / "e",
                 "--pidfile", folder / "d.pid", "-H", f"unix://{socket}",
                 "--storage-driver", driver, "--iptables=false", "--bridge=none"],
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": path},
            )  # fmt: skip
        wait_for(
            lambda: process.poll() is not None or answers(socket),
            "the docker daemon",
            START_TIMEOUT_S,
        )
        if process.poll() is None:
            break
    else:
        reason = log_path.read_text(errors="replace").strip().splitlines()[-1:]
        raise unittest.SkipTest(f"no docker daemon can run here: {' '.join(reason)[:300]}")
    try:
        yield socket
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(socket):
    command = ["docker", "-H", f"unix://{socket}", "info"]
    return socket.exists() and subprocess.run(command, capture_output=True).returncode == 0
