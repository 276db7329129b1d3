# SPDX-License-Identifier: Apache-2.0
"""Child processes that never outlive the branch, and the line-of-JSON sockets of the emulators."""
import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import time

_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class BranchError(Exception):
    pass


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One child; its output goes to a log file of its own."""

    def __init__(self, name, argv, log, env=None):
        self.name, self.argv, self.log, self.env = name, argv, log, env
        self.child = None

    def start(self):
        env = dict(os.environ)
        env.pop("JOURNAL_STREAM", None)
        env.update(self.env or {})
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                                          preexec_fn=_die_with_parent, start_new_session=True)
        return self

    def running(self):
        return self.child is not None and self.child.poll() is None

    def pid(self):
        return self.child.pid

    def wait(self, seconds):
        return self.child.wait(seconds)

    def kill(self):
        """kill -9, as a power cut would."""
        if self.running():
            self.child.kill()
        if self.child:
            self.child.wait()

    def stop(self, seconds=8):
        if not self.running():
            return
        self.child.terminate()
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self, lines=15):
        with open(self.log, "r", errors="replace") as log:
            return "".join(log.readlines()[-lines:])


# A loaded machine is slow, not wrong: only a wait that fails in the end takes this long.
PATIENCE = 3


def wait_for(what, check, seconds=20.0, step=0.05, processes=()):
    """Polls check() until it is true; says which process died meanwhile."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = check()
        if value:
            return value
        for p in processes:
            if not p.running():
                raise BranchError(f"{p.name} ended while waiting for {what}:\n{p.tail()}")
        if time.monotonic() > end:
            raise BranchError(f"gave up waiting for {what} after {seconds * PATIENCE:.0f} s")
        time.sleep(step)


class _Control(http.client.HTTPConnection):
    """HTTP to a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def control_get(path, what):
    """What the control socket says to GET, None while nobody answers or the answer is no: for waits, which ask often and need no
    process for each question."""
    control = _Control(path)
    try:
        control.request("GET", what)
        answer = control.getresponse()
        data = answer.read()
        return json.loads(data) if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        control.close()


def socket_answers(path):
    """True when something listens on this unix stream socket."""
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(path)
        return True
    except OSError:
        return False
    finally:
        probe.close()


def listens(path):
    """True when a daemon listens at this path. Its socket file is there before that; a connection to see would be one more of its clients."""
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as table:
        return any(line.split()[3] == "00010000" and line.rstrip("\n").endswith(" " + path) for line in table if path in line)


class Emulator:
    """Control socket of an emulator: one JSON object a line, one line back."""

    def __init__(self, path):
        self.path = path

    def ask(self, **request):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(20)
            s.connect(self.path)
            s.sendall(json.dumps(request).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                part = s.recv(65536)
                if not part:
                    break
                answer += part
        reply = json.loads(answer)
        if not reply.get("ok"):
            raise BranchError(f"{os.path.basename(self.path)}: {request.get('cmd')}: {reply.get('error')}")
        return reply
