# SPDX-License-Identifier: Apache-2.0
"""A scenario of the whole branch: one branch a file, kits waiting in the stock, and a look at everything after each test."""
import itertools
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "branch"))

from branch import Branch  # noqa: E402
from process import BranchError, wait_for  # noqa: E402
from sound import Sound, expected_delivery, sessions_left  # noqa: E402

BUILD = os.environ.get("CW_BUILD", "build")
KEEP = bool(os.environ.get("CW_KEEP"))


class Scenario(unittest.TestCase):
    """options: of Branch. stock: kits ordered at the start, {productId: count}; each test assigns what it needs."""

    options = {}
    stock = {"CLASSIC": 4, "TRAVEL": 4}
    branch = None

    @classmethod
    def setUpClass(cls):
        options = dict(cls.options)
        options["config"] = {"agent": {"poll_min_ms": 150, "poll_max_ms": 300}, **options.get("config", {})}
        cls.branch = Branch(BUILD, **options)
        cls.failed_tests = 0
        cls.names = (f"CARD HOLDER {chr(65 + n // 26)}{chr(65 + n % 26)}" for n in itertools.count())
        try:
            cls.branch.start()
            cls.branch.bank.order("STOCK", cls.stock)
            total = sum(cls.stock.values())
            kits = wait_for("the kits of the stock",
                            lambda: len(cls.branch.bank.kits("STOCK")) == total and cls.branch.bank.kits("STOCK"), 30)
        except BaseException:
            print(cls.branch.logs(), file=sys.stderr)
            cls._end()
            raise
        cls.spare = {p: [k["kitNo"] for k in kits if k["productId"] == p] for p in cls.stock}
        cls.kit_numbers = []

    @classmethod
    def _end(cls):
        cls.branch.stop()
        if not (KEEP and cls.failed_tests):
            cls.branch.remove()

    @classmethod
    def tearDownClass(cls):
        pids = [p.pid() for p in cls.branch.processes + [cls.branch.bank.process]]
        testbeds = [d.testbed for d in cls.branch.desks]
        daemons = [cls.branch.agent, cls.branch.hsmd, cls.branch.kiosk] + [d.station for d in cls.branch.desks]
        cls._end()
        left = sessions_left(pids)
        assert not left, f"processes left: {left}"
        bad = {d.name: d.child.returncode for d in daemons if d.child.returncode != 0}
        assert not bad or cls.failed_tests, f"daemons that did not end well: {bad}"
        assert not any(os.path.exists(t) for t in testbeds), f"testbeds left: {testbeds}"

    def run(self, result=None):
        result = result or self.defaultTestResult()
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            type(self).failed_tests += 1
            print(f"=== {self.id()}\n{self.branch.logs()}", file=sys.stderr)
        return result

    def tearDown(self):
        for desk in self.branch.desks:
            desk.printer.ask(cmd="faults_off")
            desk.card.ask(cmd="fault", kind="none")
        self.branch.bank.sim("DELETE", "/faults")
        self.branch.pinpad.ask(cmd="customer", script=[], clear=True)
        Sound(self).check()

    def expected_delivery(self, job):
        """deliveryStatus the server must have for a job that is at rest."""
        return expected_delivery(job)

    # ---- kits and jobs ----

    def kit(self, product="CLASSIC", name=None):
        """A kit of the stock, given to a customer: the agent finds it and makes its card."""
        number = self.spare[product].pop(0)
        self.branch.bank.assign(number, name or next(self.names))
        self.kit_numbers.append(number)
        return number

    def desk(self, product="CLASSIC"):
        return self.branch.desks[0 if product == "CLASSIC" else 1]

    def wait_job(self, kit, seconds=30, **want):
        """Until the kit's job has these members, as in state="PRINT", wait="handover"; the job."""
        def look(jobs):
            return [j for j in jobs if j["kit"] == kit and all(j[k] == v for k, v in want.items())]
        return look(self.branch.wait_jobs(f"kit {kit} to be {want}", look, seconds))[0]

    def made(self, kit, seconds=30):
        """Waits for the finished card; the job."""
        job = self.wait_job(kit, seconds, wait="handover")
        self.assertEqual(job["state"], "OPERATOR_OK")
        return job

    def history(self, kit):
        return self.branch.job(kit)["history"]

    def steps(self, kit, kind="INTENT"):
        """Steps of the job in order, one for each INTENT."""
        return [e["step"] for e in self.history(kit) if e["kind"] == kind]

    def attempts(self, kit):
        return len(self.steps(kit, "ATTEMPT"))

    def plastics_at(self, where):
        return [p for p in self.branch.plastics() if p["where"] == where]

    def operator(self, *words, code=0):
        """A command of a person; its exit status is part of what is tested."""
        done = self.branch.cli_raw(*words)
        self.assertEqual(done.returncode, code, f"cardwright {' '.join(words)}: {done.stdout}{done.stderr}")
        return done

    # ---- the kiosk ----

    def customer(self, *steps):
        """What the customer will do at the PIN pad: "1234" types that, or a step of the emulator."""
        script = [{"pin": s} if isinstance(s, str) else s for s in steps]
        self.branch.pinpad.ask(cmd="customer", script=script, clear=True)

    def hand_out(self, kit):
        """A person takes the kit's card out of the tray; its folder."""
        card = [p for p in self.branch.plastic_of(kit) if p["where"] in ("output", "taken")][0]
        if card["where"] == "output":
            desk = [d for d in self.branch.desks if card["printer"] == "EMU-" + d.name][0]
            desk.printer.ask(cmd="take", plastic=card["folder"])
        return card["folder"]

    def insert_card(self, folder):
        self.branch.kiosk_card.ask(cmd="present", plastic=folder)

    def kiosk_ended(self, text, seconds=20):
        """Until the customer reads this at the pad, and the hand-over is over."""
        def over():
            shown = self.branch.pinpad.ask(cmd="state")["display"]
            status = self.branch.ask("/v1/status")
            return text in shown and status and not status["kiosks"]
        try:
            wait_for(f"the pad to show {text}", over, seconds)
        except BranchError as e:
            raise AssertionError(f"{e}; it shows {self.branch.pinpad.ask(cmd='state')['display']}") from None

    # ---- the bank ----

    def fault(self, endpoint, **what):
        self.branch.bank.sim("POST", "/faults", {"faults": [{"endpoint": endpoint, **what}], "append": True})

    def bank_kit(self, kit):
        return [k for k in self.branch.bank.state()["kits"] if k["kitNo"] == kit][0]

    def log_of(self, name):
        with open(self.branch.path("logs", name + ".log"), errors="replace") as log:
            return log.read()


def wait_until(what, check, seconds=20):
    return wait_for(what, check, seconds)


def pause(seconds):
    time.sleep(seconds)


def main():
    unittest.main(verbosity=2, failfast=False)
