#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo as a person runs it: to its end, and stopped by Ctrl-C in the middle; nothing of it is left either way."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "branch"), os.path.join(ROOT, "integration/branch")]

from sound import sessions_left  # noqa: E402

BUILD = os.environ.get("CW_BUILD", "build")
OUT = os.path.join(BUILD, "demo")
REPORT = os.path.join(OUT, "report.json")
SECONDS_MAX = 60


def stat_of(pid):
    """(parent, session) of a process; (0, 0) when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return 0, 0
    return int(fields[1]), int(fields[3])


def below(pid):
    """All processes this one has started, and those they have started."""
    parents = {int(p): stat_of(p)[0] for p in os.listdir("/proc") if p.isdigit()}
    found, new = set(), {pid}
    while new:
        new = {p for p, parent in parents.items() if parent in new} - found
        found |= new
    return found


def folders_of(pids):
    """The private folders these processes were started with."""
    found = set()
    for pid in pids:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                found |= set(re.findall(r"/tmp/cw-[a-z0-9_]{8}", f.read().decode(errors="replace")))
        except OSError:
            continue
    return found


class Demo(unittest.TestCase):
    def setUp(self):
        self.child = subprocess.Popen([os.path.join(ROOT, "branch/demo"), BUILD], stdin=subprocess.DEVNULL, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.addCleanup(self.child.stdout.close)
        self.addCleanup(self.child.wait)
        self.addCleanup(self.child.kill)  # the branch dies with its parent
        self.said, self.sessions, self.folders = [], set(), set()

    def read_to(self, words):
        """Reads on until a line has these words, or to the end; what runs then is what must not be left."""
        for line in self.child.stdout:
            self.said.append(line)
            if words and words in line:
                break
        else:
            self.assertIsNone(words, "never said: " + "".join(self.said))
            return
        pids = below(self.child.pid)
        self.sessions |= {stat_of(pid)[1] for pid in pids} - {0, os.getsid(0)}
        self.folders |= folders_of(pids)
        self.assertGreaterEqual(len(self.sessions), 12, "the whole branch runs")
        self.assertEqual(len(self.folders), 1, self.folders)

    def ended(self, code):
        self.read_to(None)
        self.assertEqual(self.child.wait(30), code, "".join(self.said))
        self.assertEqual(sessions_left(self.sessions | {self.child.pid}), [])
        self.assertEqual([f for f in self.folders if os.path.exists(f)], [])

    def test_1_stopped_in_the_middle_of_a_card(self):
        self.read_to("ribbon out at pre-flight")
        self.child.send_signal(signal.SIGINT)
        self.ended(130)
        self.assertFalse(os.path.exists(REPORT))

    def test_2_to_its_end(self):
        shutil.rmtree(os.path.join(OUT, "faces"), ignore_errors=True)
        self.read_to("killed with -9 in the middle of a card")
        self.ended(0)
        with open(REPORT) as f:
            report = json.load(f)
        self.assertEqual(json.loads(self.said[-1]), report)
        self.assertLess(report.pop("seconds"), SECONDS_MAX)
        self.assertEqual(report, {"issued": 6, "spoiled": 1, "failed": 0, "reported": 6, "pin_set": 1, "double_issued": 0,
                                  "unaccounted": 0})
        faces = os.listdir(os.path.join(OUT, "faces"))
        self.assertEqual(len(faces), 6, faces)
        for name in faces:
            with open(os.path.join(OUT, "faces", name), "rb") as f:
                self.assertEqual(f.read(8), b"\x89PNG\r\n\x1a\n", name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
