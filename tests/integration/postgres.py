"""PostgreSQL servers for tests.

    python3 postgres.py start FOLDER   a new server that listens on a socket in FOLDER
    python3 postgres.py stop FOLDER

As a module: Server. Needs Debian's package postgresql-15; its programs refuse to run as root, so root
starts them as the user postgres.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")


class Server:
    """A server with its own folder. `durable`: it flushes its files, as for real use."""

    def __init__(self, folder, durable=False, port=5432):
        self.folder = pathlib.Path(folder)
        self.durable = durable
        self.port = port

    def url(self, database="postgres"):
        return f"postgresql://registry@/{database}?host={self.folder}&port={self.port}"

    def create(self):
        """Makes the folder and the files; the default collation is not that of bytes."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o755, parents=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run(
            "initdb", "--pgdata", self.data, "--username=registry", "--auth=trust",
            "--encoding=UTF8", "--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8",
            "--no-sync",
        )  # fmt: skip

    @property
    def data(self):
        return self.folder / "data"

    def start(self):
        options = {
            "listen_addresses": "''",
            "unix_socket_directories": self.folder,
            "port": self.port,
            "max_connections": 400,
            "shared_buffers": "64MB",
            "max_pred_locks_per_transaction": 256,
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings = " ".join(f"-c {name}={value}" for name, value in options.items())
        deadline = time.monotonic() + 30
        while True:
            try:
                self._run(
                    "pg_ctl", "--pgdata", self.data, "--log", self.folder / "log", "--options",
                    settings, "--wait", "--timeout=60", "start",
                )  # fmt: skip
                return
            except RuntimeError as error:
                # What was killed may not have let go of its shared memory yet.
                log = (self.folder / "log").read_text(errors="replace")
                if time.monotonic() > deadline or "still in use" not in log[-2000:]:
                    raise RuntimeError(f"{error}\n{log[-2000:]}") from None
                time.sleep(0.05)

    def stop(self, mode="fast"):
        """`mode`: fast or immediate, which leaves the recovery to the next start."""
        self._run("pg_ctl", "--pgdata", self.data, "--wait", f"--mode={mode}", "stop")

    def kill(self):
        """All its processes, at once: the next start recovers what was flushed."""
        while processes := self._processes():
            for pid in processes:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
        # Where nobody reaps the dead process, these would name one that seems to live.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        (self.folder / f".s.PGSQL.{self.port}.lock").unlink(missing_ok=True)

    def _processes(self):
        found = []
        for link in pathlib.Path("/proc").glob("[0-9]*/cwd"):
            try:
                if link.readlink() == self.data and pathlib.Path(link.parent / "cmdline").read_bytes():
                    found.append(int(link.parent.name))
            except OSError:
                pass
        return found

    def sql(self, text, database="postgres"):
        """The result, a line a row, columns separated by |."""
        return self._run(
            "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1",
            "--command", text, self.url(database),
        )  # fmt: skip

    def copy(self, table, columns, lines, database):
        """Inserts rows: lines in the text format of COPY."""
        command = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with tempfile.TemporaryFile("w+") as rows:
            rows.writelines(lines)
            rows.seek(0)
            subprocess.run(
                [PROGRAMS / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", command,
                 self.url(database)],
                stdin=rows, check=True, cwd="/",
            )  # fmt: skip

    def _run(self, program, *arguments):
        command = [str(PROGRAMS / program), *map(str, arguments)]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        # A file: the server would keep a pipe of the caller's open.
        with tempfile.TemporaryFile("w+") as output:
            result = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
            )
            output.seek(0)
            text = output.read()
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed: {text}")
        return text.strip()


def main():
    verb, folder = sys.argv[1:]
    server = Server(folder)
    if verb == "start":
        # One that an interrupted run left.
        if (server.data / "postmaster.pid").exists():
            try:
                server.stop("immediate")
            except RuntimeError:
                pass
        server.create()
        server.start()
    elif verb == "stop":
        server.stop("immediate")
        shutil.rmtree(server.folder)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
