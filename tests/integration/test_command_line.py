"""The command line: serve, genhash, version, help; flags and their environment variables."""

import os
import pty
import re
import select
import subprocess
import unittest

from registry import BINARY, PASSWORD, USER, RegistryTestCase, basic, clean_environment, run_binary

BCRYPT = re.compile(rb"^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}\n$")


class CommandLine(RegistryTestCase):
    start_at_once = False

    def serve(self, *flags, env=None):
        """Runs `serve` with invalid flags."""
        return run_binary("serve", *flags, env=env, timeout_s=30, cwd=self.folder)

    # help and version.

    def test_help_is_printed_and_names_the_commands(self):
        for arguments in (("help",), ("-h",), ("-help",), ("--help",)):
            done = run_binary(*arguments)
            self.assertEqual(done.returncode, 0, done)
            for word in (b"serve", b"genhash", b"version"):
                self.assertIn(word, done.stdout)

    def test_help_of_serve_names_every_flag_and_its_default(self):
        done = run_binary("help", "serve")
        self.assertEqual(done.returncode, 0)
        for word in (b"-addr", b"0.0.0.0:5000", b"-datadir", b"./data", b"-adminname", b"admin",
                     b"-adminpwd", b"-adminpwdfile", b"-certfile", b"-cert", b"-keyfile", b"-key",
                     b"SIMPLE_REGISTRY_"):  # fmt: skip
            self.assertIn(word, done.stdout)

    def test_version_prints_one_line_with_a_number(self):
        done = run_binary("version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, rb"^[^\n]*\d+\.\d+\.\d+[^\n]*\n$")

    def test_no_or_an_unknown_command_is_status_2_and_a_sentence(self):
        self.assertEqual(run_binary().returncode, 2)
        done = run_binary("sreve")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"sreve", done.stderr)

    # Flags.

    def test_unknown_flags_are_named_with_status_2(self):
        for flag in ("-nonsense", "--nonsense", "-nonsense=1", "-nonsense=secret"):
            done = self.serve(flag)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn(b"nonsense", done.stderr)
            self.assertNotIn(b"secret", done.stderr)

    def test_bad_values_are_named_with_status_2(self):
        for flags, word in (
            (("-addr", "nonsense"), b"nonsense"),
            (("-addr", "127.0.0.1:99999"), b"99999"),
            (("-addr", "127.0.0.1:x"), b"127.0.0.1:x"),
            (("-addr=",), b"addr"),
            (("-addr",), b"addr"),
            (("-datadir=",), b"datadir"),
            (("-adminname=",), b"adminname"),
            (("-adminname", "a:b"), b"a:b"),
            (("-cert", "x.crt"), b"key"),
            (("-key", "x.key"), b"cert"),
            (("-adminpwdfile", "x"), b"adminpwd"),
            (("word",), b"word"),
        ):
            with self.subTest(flags=flags):
                done = self.serve("-adminpwd", "x", *flags)
                self.assertEqual(done.returncode, 2, done)
                self.assertIn(word, done.stderr)
                self.assertLess(done.stderr.count(b"\n"), 4, done.stderr)

    def test_a_missing_password_is_status_2_and_says_what_to_do(self):
        done = self.serve("-addr", "127.0.0.1:0")
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(b"adminpwd", done.stderr)

    def test_one_or_two_dashes_and_both_ways_to_give_a_value_work(self):
        for style in (("-adminname", "eve"), ("--adminname", "eve"), ("-adminname=eve",),
                      ("--adminname=eve",)):  # fmt: skip
            with self.subTest(style=style):
                registry = self.start_registry(*style)
                registry.client(basic("eve", PASSWORD)).get("/v2/")
                registry.client(basic(USER, PASSWORD)).get("/v2/", expect=401)
                registry.stop()

    def test_the_environment_sets_flags_and_a_flag_wins(self):
        env = {"SIMPLE_REGISTRY_ADMINNAME": "eve", "SIMPLE_REGISTRY_ADMINPWD": "from env"}
        registry = self.start_registry(password=None, env=env)
        registry.client(basic("eve", "from env")).get("/v2/")
        registry.stop()
        registry = self.start_registry("-adminname", "bob", password=None, env=env)
        registry.client(basic("bob", "from env")).get("/v2/")
        registry.client(basic("eve", "from env")).get("/v2/", expect=401)

    def test_a_bad_value_in_the_environment_names_the_variable(self):
        env = {"SIMPLE_REGISTRY_ADDR": "nonsense", "SIMPLE_REGISTRY_ADMINPWD": "x"}
        done = self.serve(env=env)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(b"SIMPLE_REGISTRY_ADDR", done.stderr)
        self.assertIn(b"nonsense", done.stderr)

    # Passwords.

    def test_genhash_hashes_standard_input_and_serve_takes_the_hash(self):
        for text in (b"piped secret", b"piped secret\n"):
            done = run_binary("genhash", stdin=text)
            self.assertEqual(done.returncode, 0, done)
            self.assertRegex(done.stdout, BCRYPT)
        file = self.folder / "pwd.txt"
        file.write_bytes(done.stdout)
        registry = self.start_registry("-adminpwdfile", file, password=None)
        registry.client(basic(USER, "piped secret")).get("/v2/")
        registry.client(basic(USER, done.stdout.decode().strip())).get("/v2/", expect=401)

    def test_a_hash_may_be_given_as_flag(self):
        digest = run_binary("genhash", stdin=b"hashed").stdout.decode().strip()
        registry = self.start_registry(password=digest)
        registry.client(basic(USER, "hashed")).get("/v2/")

    def test_the_password_file_may_hold_a_plain_password(self):
        file = self.folder / "pwd.txt"
        file.write_text("plain: pass wörd\n")
        registry = self.start_registry("-adminpwdfile", file, password=None)
        registry.client(basic(USER, "plain: pass wörd")).get("/v2/")

    def test_genhash_refuses_invalid_passwords(self):
        for text, word in ((b"", b""), (b"\n", b""), (b"x" * 73, b"72"), (b"two\nlines\n", b"line"),
                           (b"nul\0byte", b"")):  # fmt: skip
            with self.subTest(text=text[:10]):
                done = run_binary("genhash", stdin=text)
                self.assertIn(done.returncode, (1, 2), done)
                self.assertEqual(done.stdout, b"")
                self.assertIn(word, done.stderr)
                self.assertTrue(done.stderr)

    def test_genhash_salts(self):
        self.assertNotEqual(
            run_binary("genhash", stdin=b"same").stdout, run_binary("genhash", stdin=b"same").stdout
        )

    def genhash_at_a_terminal(self, *answers):
        """Types answers at prompts. Returns the status, what the terminal showed, and the output."""
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [BINARY, "genhash"],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=terminal,
            env=clean_environment(),
            start_new_session=True,
        )
        os.close(terminal)
        shown = b""
        for answer in answers:
            seen = len(shown)
            while b": " not in shown[seen:]:
                ready, _, _ = select.select([controller], [], [], 30)
                self.assertTrue(ready, f"no prompt after {shown!r}")
                shown += os.read(controller, 1000)
            os.write(controller, answer + b"\n")
        output, _ = process.communicate(timeout=30)
        while select.select([controller], [], [], 0)[0]:
            try:
                shown += os.read(controller, 1000)
            except OSError:
                break
        os.close(controller)
        return process.returncode, shown, output

    def test_genhash_asks_at_a_terminal_without_echo(self):
        status, shown, output = self.genhash_at_a_terminal(b"typed secret", b"typed secret")
        self.assertEqual(status, 0, shown)
        self.assertNotIn(b"typed secret", shown)
        self.assertIn(b"assword", shown)
        self.assertRegex(output, BCRYPT)
        registry = self.start_registry(password=output.decode().strip())
        registry.client(basic(USER, "typed secret")).get("/v2/")

    def test_genhash_at_a_terminal_wants_the_same_password_twice(self):
        status, shown, output = self.genhash_at_a_terminal(b"one", b"two")
        self.assertEqual(status, 1, shown)
        self.assertIn(b"differ", shown)
        self.assertEqual(output, b"")


if __name__ == "__main__":
    unittest.main()
