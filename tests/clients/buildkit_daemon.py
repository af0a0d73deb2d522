"""A BuildKit daemon with all its state in one folder."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import unittest

from registry import wait_for

START_TIMEOUT_S = 60

# Steps of a build run with the network of this machine, so that no network has to be set up.
CONFIGURATION = """
root = "{folder}/root"
[grpc]
  address = ["unix://{socket}"]
[otel]
  socketPath = "{folder}/otel.sock"
[cdi]
  disabled = true
[worker.oci]
  enabled = true
  networkMode = "host"
  gc = false
[worker.containerd]
  enabled = false
[registry."{registry}"]
  http = true
"""


@contextlib.contextmanager
def buildkit_daemon(folder, buildkitd, buildctl, registry):
    """Runs a daemon that speaks HTTP to `registry`, HOST:PORT; yields the path of its socket.

    Skips the test where none can run.
    """
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    if shutil.which("runc", path=path) is None:
        raise unittest.SkipTest("runc is not installed")
    if os.geteuid() != 0:
        raise unittest.SkipTest("a BuildKit of its own needs root")
    # Short names: the path of a socket has at most 107 bytes.
    folder = pathlib.Path(folder)
    folder.mkdir()
    socket = folder / "b.sock"
    configuration = folder / "buildkitd.toml"
    configuration.write_text(CONFIGURATION.format(folder=folder, socket=socket, registry=registry))
    log_path = folder / "buildkitd.log"
    with open(log_path, "wb") as log:
        process = subprocess.Popen(
            [buildkitd, "--config", configuration],
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": path, "TMPDIR": str(folder), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        )

    def answers():
        command = [buildctl, "--addr", f"unix://{socket}", "debug", "workers"]
        return socket.exists() and subprocess.run(command, capture_output=True).returncode == 0

    try:
        wait_for(lambda: process.poll() is not None or answers(), "the BuildKit daemon", START_TIMEOUT_S)
        if process.poll() is not None:
            reason = log_path.read_text(errors="replace").strip().splitlines()[-1:]
            raise unittest.SkipTest(f"no BuildKit can run here: {' '.join(reason)[:300]}")
        yield socket
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
