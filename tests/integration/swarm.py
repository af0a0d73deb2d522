"""Very many connections at the same time, of clients that nobody knows, as an attacker makes them.

    counts = swarm.run(port, 10_000, lambda n: b"GET /v2/ HTTP/1.1\\r\\n…", duration_s=10)

In one thread, over raw sockets: a thousand clients of a library would measure themselves.
"""

import collections
import errno
import select
import socket
import time


class _Connection:
    def __init__(self, port, number, payload):
        self.sock = socket.socket()
        self.sock.setblocking(False)
        # One source address has too few ports for connections that end and begin again.
        self.sock.bind((f"127.0.1.{number % 200 + 1}", 0))
        self.pending = memoryview(payload)
        self.sock.connect_ex(("127.0.0.1", port))


class _Swarm:
    def __init__(self, port, payload_of, reads):
        self.port = port
        self.payload_of = payload_of
        self.reads = reads
        self.epoll = select.epoll()
        self.connections = {}
        self.counts = collections.Counter()
        self.next_number = 0

    def open(self):
        number = self.next_number
        self.next_number += 1
        connection = _Connection(self.port, number, self.payload_of(number))
        self.connections[connection.sock.fileno()] = connection
        self.epoll.register(connection.sock, select.EPOLLOUT | select.EPOLLIN)
        self.counts["connections"] += 1

    def close(self, connection):
        del self.connections[connection.sock.fileno()]
        connection.sock.close()

    def write(self, connection):
        """Returns False when the connection is lost."""
        try:
            sent = connection.sock.send(connection.pending)
        except BlockingIOError:
            return True
        except OSError as error:
            self.counts[errno.errorcode[error.errno]] += 1
            return False
        connection.pending = connection.pending[sent:]
        if not connection.pending:
            self.counts["sent"] += 1
            self.epoll.modify(connection.sock, select.EPOLLIN if self.reads else select.EPOLLHUP)
        return True

    def read(self, connection):
        """Returns False when the connection is lost, or has had its answer."""
        try:
            answer = connection.sock.recv(65536)
        except BlockingIOError:
            return True
        except OSError as error:
            self.counts[errno.errorcode[error.errno]] += 1
            return False
        if answer.startswith(b"HTTP/1.1 "):
            self.counts[int(answer[9:12])] += 1
        return False

    def handle(self, descriptor, event):
        connection = self.connections[descriptor]
        alive = not event & (select.EPOLLHUP | select.EPOLLERR) or event & select.EPOLLIN
        if alive and event & select.EPOLLIN and (self.reads or connection.pending):
            alive = self.read(connection)
        if alive and event & select.EPOLLOUT and connection.pending:
            alive = self.write(connection)
        if not alive:
            self.close(connection)


def run(port, count, payload_of, duration_s, reads=True, check=lambda: None):
    """`count` connections at a time, for `duration_s`. The n-th sends `payload_of(n)`, waits for an
    answer (with `reads`; else it takes none), and another one takes its place. `check` is called
    once a second. Returns how often what happened: statuses, errors, connections, sent."""
    swarm = _Swarm(port, payload_of, reads)
    end = time.monotonic() + duration_s
    next_check = time.monotonic() + 1
    try:
        while (now := time.monotonic()) < end:
            for _ in range(min(500, count - len(swarm.connections))):
                swarm.open()
            for descriptor, event in swarm.epoll.poll(0.05):
                swarm.handle(descriptor, event)
            if now >= next_check:
                check()
                next_check = now + 1
    finally:
        for connection in list(swarm.connections.values()):
            swarm.close(connection)
        swarm.epoll.close()
    return swarm.counts
