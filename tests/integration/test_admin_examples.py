"""The examples of docs/admin-api.md do what they show."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import unittest

from admin_api import PROTO
from registry import BINARY, RegistryTestCase, clean_environment

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "admin-api.md"


def blocks(info):
    """The fenced blocks with that info string, in order."""
    text = PAGE.read_text()
    return re.findall(rf"^```{re.escape(info)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def steps(block):
    """The pairs of command and shown output of a console block."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return found


def matches(expected, actual):
    """`…` matches anything; the number of spaces does not matter."""
    parts = (re.escape(part) for part in "\n".join(line.rstrip() for line in expected).split("…"))
    pattern = re.sub(r"(\\ )+", " +", ".*".join(parts))
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in actual.splitlines()), re.DOTALL) is not None


class ExamplesTestCase(RegistryTestCase):
    def setUp(self):
        super().setUp()
        programs = self.folder / "bin"
        programs.mkdir()
        (programs / "simple-registry").symlink_to(pathlib.Path(BINARY).resolve())
        self.environment = {**clean_environment(), "PATH": f"{programs}:{os.environ['PATH']}"}

    def run_blocks(self, info, change=lambda text: text):
        """Runs each block in one shell, next to the registry's ./data; all must print what they show."""
        found = blocks(info)
        self.assertTrue(found, f"{PAGE.name} has no block ```{info}")
        for block in found:
            settings = ""
            for command, expected in steps(block):
                if command.startswith("export "):
                    settings += command + "\n"
                done = subprocess.run(
                    ["bash", "-c", settings + change(command)], cwd=self.folder, env=self.environment,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                )  # fmt: skip
                if not matches(expected, done.stdout):
                    self.fail(f"$ {command}\n--- {PAGE.name} shows\n" + "\n".join(expected) + f"\n--- and it prints\n{done.stdout}")


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class Examples(ExamplesTestCase):
    def test_commands_print_what_is_shown(self):
        self.run_blocks("console")

    def test_certificates_as_shown_let_the_command_in(self):
        self.run_blocks("console certificates")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.registry.stop()
        shown = re.search(r"^simple-registry serve … (-grpcaddr .*)$", PAGE.read_text(), re.MULTILINE).group(1)
        self.registry.flags += shown.replace(":5001", f"127.0.0.1:{port}").replace("server.", f"{self.folder}/server.").replace(
            "ca.crt", f"{self.folder}/ca.crt"
        ).split()
        self.registry.start()
        self.run_blocks("console server", lambda text: text.replace("127.0.0.1:5001", f"127.0.0.1:{port}"))

    def test_the_python_client_prints_the_users(self):
        [program] = blocks("python")
        files = sorted(str(path.relative_to(PROTO)) for path in (PROTO / "registry/v1").glob("*.proto"))
        subprocess.run(["protoc", "-I", PROTO, f"--python_out={self.folder}", *files], check=True, cwd=PROTO)
        (self.folder / "client.py").write_text(program)
        done = subprocess.run([sys.executable, "client.py"], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, timeout=60)  # fmt: skip
        self.assertEqual((done.stdout, done.stderr), ("users/admin from the admin flags of serve\n", ""))


class Matching(unittest.TestCase):
    def test_other_output_is_noticed(self):
        self.assertTrue(matches(["a  b", "x…z "], "a    b\nx y z\n"))
        for actual in ("a b\n", "a b\nxy\n", "", "a b\nx z\nmore\n", "ab\nxz"):
            self.assertFalse(matches(["a  b", "x…z"], actual), actual)


if __name__ == "__main__":
    unittest.main()
