#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A PIN typed at the reader's keypad: our part 10 code, pcscd and libccid's serial PIN pad driver, a pad on a pty."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "branch"))

from process import Process, socket_answers, wait_for  # noqa: E402
from run_each import run_each  # noqa: E402

DRIVER = "/usr/lib/pcsc/drivers/serial/libccidtwin.so"


class PadRig:
    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.folder = tempfile.mkdtemp(prefix="cwp-", dir="/tmp")
        self.processes = []

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def start(self):
        for folder in ("conf", "run"):
            os.makedirs(self.path(folder))
        self.customer("right")
        pad = Process("pad", [sys.executable, os.path.join(HERE, "serial_pad.py"), self.path("tty"), self.path("customer"),
                              self.path("pad.log")], self.path("pad.out")).start()
        self.processes.append(pad)
        wait_for("the pad", lambda: os.path.islink(self.path("tty")), processes=[pad])
        with open(self.path("conf/pad"), "w", encoding="ascii") as f:
            f.write(f'FRIENDLYNAME "cardwright pad"\nDEVICENAME {self.path("tty")}:GemPCPinPad\nLIBPATH {DRIVER}\nCHANNELID 1\n')
        script = "mkdir -p /run/pcscd && mount --bind \"$0\" /run/pcscd && exec pcscd -f -c \"$1\""
        pcscd = Process("pcscd", ["unshare", "-m" if os.geteuid() == 0 else "-Urm", "sh", "-c", script, self.path("run"),
                                  self.path("conf")], self.path("pcscd.log")).start()
        self.processes.append(pcscd)
        wait_for("pcscd", lambda: socket_answers(self.path("run/pcscd.comm")), processes=[pcscd])

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        shutil.rmtree(self.folder)

    def customer(self, word):
        with open(self.path("customer"), "w", encoding="ascii") as f:
            f.write(word)

    def ask(self, what):
        env = {**os.environ, "PCSCLITE_CSOCK_NAME": self.path("run/pcscd.comm")}
        done = subprocess.run([os.path.join(self.build, "drivers/reader/secure-pin-check"), "cardwright pad", what], env=env,
                              stdout=subprocess.PIPE, text=True, timeout=60, check=False)
        return done.stdout.strip()

    def log(self):
        with open(self.path("pad.log"), encoding="ascii") as f:
            return f.read()


def check(truth, what):
    if not truth:
        raise AssertionError(what)


def test_every_outcome(rig):
    rows = (("right", "right -1"), ("wrong", "wrong 2"), ("last", "locked 0"), ("locked", "locked 0"), ("refused", "refused -1"),
            ("cancel", "cancelled -1"), ("timeout", "timeout -1"))
    for what in ("verify", "modify"):
        for word, said in rows + ((("differ", "mismatch -1"),) if what == "modify" else ()):
            rig.customer(word)
            got = rig.ask(what)
            check(got == said, f"{what}, customer {word}: {got}")
    # The same error of the driver, but nobody typed two new PINs: a line error.
    rig.customer("differ")
    got = rig.ask("verify")
    check(got.startswith("fault RECONNECT "), got)
    check("violation" not in rig.log(), rig.log())


def test_what_the_reader_says(rig):
    got = rig.ask("look")
    check(got.startswith("verify 1 modify 1 "), got)


def main():
    rig = PadRig(sys.argv[1])
    bad = 0
    try:
        rig.start()
        bad = run_each((test_what_the_reader_says, test_every_outcome), lambda test: test(rig),
                       lambda: print(rig.log()[-500:], rig.processes[-1].tail(10), flush=True))
    finally:
        rig.stop()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
