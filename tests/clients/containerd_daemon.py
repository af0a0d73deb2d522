"""A containerd daemon with all its state in one folder."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import unittest

from registry import wait_for

START_TIMEOUT_S = 60

# cri needs a network configuration, and opt creates folders in /opt: pushing and pulling need neither.
CONFIGURATION = """
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{socket}"
"""


@contextlib.contextmanager
def containerd_daemon(folder):
    """Runs a daemon; yields the path of its socket. Skips the test where none can run."""
    if shutil.which("containerd") is None:
        raise unittest.SkipTest("containerd is not installed")
    if os.geteuid() != 0:
        raise unittest.SkipTest("a containerd of its own needs root")
    folder = pathlib.Path(folder)
    # A short name: the path of a socket has at most 107 bytes.
    socket = folder / "c.sock"
    configuration = folder / "containerd.toml"
    configuration.write_text(CONFIGURATION.format(folder=folder, socket=socket))
    log_path = folder / "containerd.log"
    with open(log_path, "wb") as log:
        process = subprocess.Popen(["containerd", "--config", configuration], stdout=log, stderr=log)
    try:
        wait_for(
            lambda: process.poll() is not None or answers(socket),
            "the containerd daemon",
            START_TIMEOUT_S,
        )
        if process.poll() is not None:
            reason = log_path.read_text(errors="replace").strip().splitlines()[-1:]
            raise unittest.SkipTest(f"no containerd can run here: {' '.join(reason)[:300]}")
        yield socket
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(socket):
    command = ["ctr", "--address", str(socket), "version"]
    return socket.exists() and subprocess.run(command, capture_output=True).returncode == 0
