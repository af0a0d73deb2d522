"""Daemons that tests start: waiting until they answer, and ending them."""

import contextlib
import os
import subprocess
import unittest

from registry import wait_for

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
# Debian keeps daemons and what they call in folders that not every PATH has.
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


@contextlib.contextmanager
def daemon(name, commands, log_path, socket, probe, **environment):
    """Runs the first of `commands` that goes on running until `probe` succeeds; ends it afterwards.

    `probe`: a command that succeeds once the daemon answers at `socket`. Skips the test, with the last
    line of the log, where none of the commands can run.
    """

    def answers():
        return socket.exists() and subprocess.run(probe, capture_output=True).returncode == 0

    for command in commands:
        with open(log_path, "wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, "PATH": PATH, **environment}
            )
        try:
            wait_for(lambda: process.poll() is not None or answers(), f"the {name} daemon", START_TIMEOUT_S)
            if process.poll() is None:
                yield
                return
        finally:
            stop(process)
    reason = log_path.read_text(errors="replace").strip().splitlines()[-1:]
    raise unittest.SkipTest(f"no {name} daemon can run here: {' '.join(reason)[:300]}")


def stop(process):
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
