"""Exhaustive check of the life cycle of a blob's bytes: uploads, collection, damage and repair.

    python3 tests/model/blob_gc.py MODE

explores every interleaving and prints OK with the number of states, or the shortest trace to a violation.
`safe` is the protocol of the registry. Every other mode leaves out one of its rules and must fail:

    noinc        bytes are addressed by digest, so all copies share one place
    norecheck    collection deletes a candidate without asking again whether a manifest references it
    nointent     an upload writes bytes before a row names them
    keepold      a commit keeps the copy that is live already, unseen, and drops the new one
    noretry      a GET whose copy was replaced and deleted does not ask again for the new one
    marknewest   a copy found missing is marked by digest, whatever copy the digest has by then
    unmounted    a store that cannot be read says that a copy is missing
    blindrevive  a suspect found intact becomes live again without comparing state and copy

There is one digest. Transactions on metadata are atomic; each look at the disk and each change of it is a step
of its own. Any process may stop for ever between two steps, collectors crash and begin again, and grace may end at
any time.
The scenarios are: `collect` (two uploads, a pusher that reuses the blob, a deleter, two collectors) and
`damage` (the same with one collector, plus a reader and a disk that loses a copy and may give it back).
"""

import sys
from collections import deque
from typing import NamedTuple

BROKEN_MODES = ("noinc", "norecheck", "nointent", "keepold", "noretry", "marknewest", "unmounted", "blindrevive")
UPLOADS = (1, 2)

LIVE, SUSPECT, CONDEMNED = "live", "suspect", "condemned"
# Where a process is. IDLE is where each begins.
IDLE, INTENT, WRITTEN, COMMITTED, ENDED = "idle", "intent", "written", "committed", "ended"
LOOKED, MISSING, INTACT, CLAIMED, DELETED = "looked", "missing", "intact", "claimed", "deleted"
CANDIDATE, TRASH, TRASH_DELETED, NAMELESS = "candidate", "trash", "trash deleted", "nameless"


class Process(NamedTuple):
    at: str = IDLE
    copy: int = 0  # The copy it works on, 0 when none.
    state: str = ""  # The row's state when it looked.
    asked: int = 0  # How often a reader has asked for the blob's copy.


def ended_or(process, place):
    """The process at `place`; what it knew does not matter once it has ended."""
    return Process(ENDED) if place == ENDED else process._replace(at=place)


class State(NamedTuple):
    row: tuple | None = None  # The blob's row: (state, copy).
    manifests: frozenset = frozenset()  # Those that reference the blob.
    disk: frozenset = frozenset()  # Copies whose bytes are on disk.
    lost: frozenset = frozenset()  # Copies that the disk lost, also if it gave them back.
    trash: frozenset = frozenset()  # Rows of trash: copies to delete.
    sessions: frozenset = frozenset()  # Rows of open upload sessions.
    uploads: tuple = (Process(), Process())
    pusher: Process = Process()
    reader: Process = Process()
    deletes: int = 0
    collectors: tuple = ()
    violation: str = ""  # Of the last step.


class Model:
    def __init__(self, mode, collectors, damage):
        self.mode = mode
        self.damage = damage
        self.first = State(collectors=(Process(),) * collectors)

    def copy_of(self, upload):
        """The place of an upload's bytes."""
        return 9 if self.mode == "noinc" else upload

    def steps(self, s):
        """Yields (name, next state)."""
        for index in range(len(UPLOADS)):
            yield from self.upload_steps(s, index)
        yield from self.pusher_steps(s)
        if s.deletes < (1 if self.damage else 2):
            for manifest in s.manifests:
                yield f"delete manifest {manifest}", s._replace(
                    manifests=s.manifests - {manifest}, deletes=s.deletes + 1
                )
        for index in range(len(s.collectors)):
            yield from self.collector_steps(s, index)
        if self.damage:
            yield from self.reader_steps(s)
            yield from self.damage_steps(s)

    # POST, bytes, Finish, CommitUpload, PutManifest.

    def upload_steps(self, s, index):
        upload = UPLOADS[index]
        copy = self.copy_of(upload)
        at = s.uploads[index].at

        def to(place, **changes):
            uploads = list(s.uploads)
            uploads[index] = Process(place)
            return s._replace(uploads=tuple(uploads), **changes)

        if at == IDLE:
            sessions = s.sessions if self.mode == "nointent" else s.sessions | {upload}
            yield f"upload {upload} begins", to(INTENT, sessions=sessions)
        elif at == INTENT:
            yield f"upload {upload} writes", to(WRITTEN, disk=s.disk | {copy})
        elif at == WRITTEN:
            # Finish reads the bytes, so a copy that is gone by now is not committed.
            if copy not in s.disk:
                yield f"upload {upload} is not verified", to(ENDED)
            elif upload in s.sessions or self.mode == "nointent":
                yield f"upload {upload} commits", self.commit(to(COMMITTED), upload, copy)
            else:
                yield f"upload {upload} has expired", to(ENDED)
        elif at == COMMITTED:
            if s.row and s.row[0] == LIVE:
                yield f"upload {upload} puts its manifest", to(ENDED, manifests=s.manifests | {upload})
            else:
                yield f"upload {upload} must push again", to(ENDED)

    def commit(self, s, upload, copy):
        """The new copy becomes live, and the older one is trash, whatever its state."""
        sessions = s.sessions - {upload}
        old = s.row[1] if s.row else None
        if self.mode == "keepold" and s.row and s.row[0] == LIVE:
            violation = "" if old in s.disk else "a push was accepted and did not repair the blob"
            return s._replace(sessions=sessions, trash=s.trash | {copy}, violation=violation)
        trash = s.trash | {old} if old not in (None, copy) else s.trash
        return s._replace(sessions=sessions, row=(LIVE, copy), trash=trash)

    # HEAD or mount (row, Stat, then what it found), PutManifest.

    def pusher_steps(self, s):
        at = s.pusher.at

        def to(place, **changes):
            return s._replace(pusher=ended_or(s.pusher, place), **changes)

        if at == IDLE:
            if s.row and s.row[0] != CONDEMNED:
                looked = Process(LOOKED, copy=s.row[1], state=s.row[0])
                if self.damage:
                    yield "pusher looks the blob up", s._replace(pusher=looked)
                elif s.row[0] == LIVE:
                    yield "pusher finds the blob", to(INTACT)
        elif at == LOOKED:
            yield from self.stat_steps(s, s.pusher, to, "pusher")
        elif at == MISSING:
            marked = self.mark(s, s.pusher)
            yield "pusher's HEAD marks and is 404", marked._replace(pusher=Process(ENDED))
        elif at == INTACT:
            if s.row and s.row[0] == LIVE:
                yield "pusher puts its manifest", to(ENDED, manifests=s.manifests | {3})
            else:
                yield "pusher must push", to(ENDED)

    # GET: row, read, and when that fails: the control plane's own look, row again.

    def reader_steps(self, s):
        reader = s.reader

        def to(place, **changes):
            return s._replace(reader=ended_or(reader, place), **changes)

        if reader.at == IDLE:
            if s.row and s.row[0] == LIVE:
                asked = Process(LOOKED, copy=s.row[1], state=LIVE, asked=reader.asked + 1)
                yield "reader looks the blob up", s._replace(reader=asked)
        elif reader.at == LOOKED:
            yield from self.stat_steps(s, reader, to, "reader")
        elif reader.at == INTACT:
            yield "reader is served", s._replace(reader=Process(ENDED))
        elif reader.at == MISSING:
            replaced = s.row is not None and s.row[0] == LIVE and s.row[1] != reader.copy
            if replaced and self.mode != "marknewest":
                # Once is enough here: there are two uploads, so no third copy.
                if self.mode != "noretry" and reader.asked < 2:
                    yield "reader asks again", s._replace(reader=reader._replace(at=IDLE))
                elif reader.copy not in s.lost:
                    yield "reader fails", to(ENDED, violation="a GET failed although no copy was damaged")
            else:
                yield "reader's GET marks and is 500", self.mark(to(ENDED), reader)

    # What both have in common.

    def stat_steps(self, s, process, to, name):
        if process.copy in s.disk:
            if process.state == SUSPECT:
                yield f"{name} finds the suspect intact", self.revive(to(INTACT), process)
            else:
                yield f"{name} finds copy {process.copy}", to(INTACT)
        else:
            yield f"{name} misses copy {process.copy}", to(MISSING)
        # The store cannot be read for a while.
        if self.mode == "unmounted":
            yield f"{name} finds the store unmounted", to(MISSING)

    def mark(self, s, process):
        if not s.row or s.row[0] != LIVE:
            return s
        if s.row[1] != process.copy and self.mode != "marknewest":
            return s
        return s._replace(row=(SUSPECT, s.row[1]))

    def revive(self, s, process):
        if self.mode == "blindrevive":
            return s._replace(row=(LIVE, s.row[1])) if s.row else s
        return s._replace(row=(LIVE, process.copy)) if s.row == (SUSPECT, process.copy) else s

    # The disk.

    def damage_steps(self, s):
        if not s.lost:
            for copy in s.disk:
                yield f"copy {copy} is lost", s._replace(disk=s.disk - {copy}, lost=s.lost | {copy})
        for copy in s.lost - s.disk:
            yield f"copy {copy} comes back", s._replace(disk=s.disk | {copy})

    # Claim, delete, forget; trash; expiry of sessions; the scrubber.

    def collector_steps(self, s, index):
        name = f"collector {index}"
        at, copy = s.collectors[index][:2]

        def to(place, copy=copy, **changes):
            collectors = list(s.collectors)
            collectors[index] = Process(place, copy if place != IDLE else 0)
            return s._replace(collectors=tuple(collectors), **changes)

        if at != IDLE:
            yield f"{name} crashes", to(IDLE)
        if at == IDLE:
            if s.row and s.row[0] in (LIVE, SUSPECT) and not s.manifests:
                if self.mode == "norecheck":
                    yield f"{name} picks a candidate", to(CANDIDATE, s.row[1])
                else:
                    yield f"{name} claims", to(CLAIMED, s.row[1], row=(CONDEMNED, s.row[1]))
            if s.row and s.row[0] == CONDEMNED:
                yield f"{name} claims again", to(CLAIMED, s.row[1])
            for item in s.trash:
                yield f"{name} takes trash {item}", to(TRASH, item)
            for upload in s.sessions:
                trash = s.trash if self.mode == "noinc" else s.trash | {upload}
                yield f"{name} expires {upload}", s._replace(sessions=s.sessions - {upload}, trash=trash)
            if self.mode != "noinc":
                for item in s.disk:
                    if not self.named(s, item):
                        yield f"{name} sees nameless {item}", to(NAMELESS, item)
        elif at == CANDIDATE:
            yield f"{name} claims unseen", to(CLAIMED, row=(CONDEMNED, copy) if s.row else s.row)
        elif at == CLAIMED:
            yield f"{name} deletes {copy}", to(DELETED, disk=s.disk - {copy})
        elif at == DELETED:
            yield f"{name} forgets", to(IDLE, row=None if s.row == (CONDEMNED, copy) else s.row)
        elif at == TRASH:
            yield f"{name} deletes trash {copy}", to(TRASH_DELETED, disk=s.disk - {copy})
        elif at == TRASH_DELETED:
            yield f"{name} forgets trash {copy}", to(IDLE, trash=s.trash - {copy})
        elif at == NAMELESS:
            yield f"{name} deletes nameless {copy}", to(IDLE, disk=s.disk - {copy})

    @staticmethod
    def named(s, copy):
        return copy in s.trash or copy in s.sessions or (s.row is not None and s.row[1] == copy)

    # What must hold of every state.

    def violation(self, s):
        if s.violation:
            return s.violation
        if s.manifests and (s.row is None or s.row[0] == CONDEMNED):
            return "a manifest references a blob without a row"
        if s.row and s.row[0] == LIVE and s.row[1] not in s.disk | s.lost:
            return "the registry itself deleted the bytes of a live blob"
        if s.row and s.row[0] == SUSPECT and s.row[1] not in s.lost:
            return "a blob whose bytes were never damaged is suspect"
        return ""

    @staticmethod
    def canonical(s):
        """Of states that differ only in which collector is which, the same one."""
        return s if len(s.collectors) == 1 else s._replace(collectors=tuple(sorted(s.collectors)))

    def explore(self):
        """Returns (number of states, violation, trace)."""
        came_from = {self.first: None}
        queue = deque([self.first])
        while queue:
            state = queue.popleft()
            if violation := self.violation(state):
                trace = []
                while came_from[state]:
                    state, name = came_from[state]
                    trace.append(name)
                return len(came_from), violation, trace[::-1]
            for name, following in self.steps(state):
                following = self.canonical(following)
                if following not in came_from:
                    came_from[following] = (state, name)
                    queue.append(following)
        return len(came_from), "", []


def check(mode):
    """Returns (states, violation, trace), of the first scenario that has one."""
    if mode != "safe" and mode not in BROKEN_MODES:
        raise ValueError(f"unknown mode {mode!r}: expected safe, {', '.join(BROKEN_MODES)}")
    states = 0
    for collectors, damage in ((2, False), (1, True)):
        count, violation, trace = Model(mode, collectors, damage).explore()
        states += count
        if violation:
            return states, violation, trace
    return states, "", []


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    states, violation, trace = check(sys.argv[1])
    if not violation:
        print(f"{sys.argv[1]}: OK, {states} states")
        return
    print(f"{sys.argv[1]}: VIOLATION: {violation}", *trace, sep="\n  ")
    sys.exit(1)


if __name__ == "__main__":
    main()
