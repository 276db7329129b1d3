# SPDX-License-Identifier: Apache-2.0
"""What must be true of a branch after every scenario, whatever went wrong in it."""
import os

from process import BranchError, wait_for
from silicon import Silicon, events

RETURNED = ("FAILED", "CANCELLED", "DATA_ERROR")


def sessions_left(pids):
    """Processes that still run in the sessions of these leaders: children that outlived their branch."""
    left = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
            with open(f"/proc/{name}/comm") as f:
                comm = f.read().strip()
        except OSError:
            continue
        if int(fields[3]) in pids and fields[0] != "Z":
            left.append((int(name), comm))
    return left


def expected_delivery(job):
    """deliveryStatus the server must have for a job that is at rest."""
    if job["state"] == "DELIVERED":
        return "DELIVERED"
    if job["state"] in RETURNED:
        return "RETURNED"
    return "BANK" if job["state"] == "OPERATOR_OK" else "IN_TRANSIT"


class Sound:
    def __init__(self, case):
        self.case, self.branch = case, case.branch

    def check(self):
        self.processes()
        self.at_rest()
        self.reports()
        self.books()
        self.plastics()
        self.emulators()
        self.no_card_number_at_rest()

    def processes(self):
        b = self.branch
        want = [b.bank.process, b.pcscd, b.hsmd, b.agent, b.kiosk, b.pinpad_process, b.kiosk_card_process]
        for d in b.desks:
            want += [d.station, d.printer_process, d.card_process]
        dead = [f"{p.name} ({p.child.returncode})" for p in want if not p.running()]
        self.case.assertEqual(dead, [], "processes that ended")

    def at_rest(self):
        """No card moves: books and printers are looked at one after the other and would differ by it."""
        wait_for("the cards to be at rest", lambda: not any(
            j["wait"] in ("intent", "result") for j in self.branch.jobs()), 30)

    # ---- the server ----

    def reports(self):
        """Every report arrived, and the server has each kit as its job is; once."""
        def arrived():
            return all(r["parked"] for r in self.branch.cli("outbox")["reports"])
        try:
            wait_for("the reports to reach the server", arrived, 20)
        except BranchError as e:
            raise AssertionError(f"{e}: {self.branch.cli('outbox')}") from None
        parked = getattr(self.case, "parked", set())
        self.case.assertEqual({r["kit"] for r in self.branch.cli("outbox")["reports"]}, parked, "refused reports")
        state = self.branch.bank.state()
        kits = {k["kitNo"]: k for k in state["kits"]}
        for job in self.branch.jobs():
            if job["kit"] not in parked:
                self.kit(job, kits[job["kit"]])
        for name in ("duplicate_activations", "request_id_other_body"):
            self.case.assertEqual(state[name], 0, name)

    def kit(self, job, kit):
        what = f"kit {job['kit']}, job {job['state']}/{job['wait']}"
        self.case.assertEqual(kit["deliveryStatus"], self.case.expected_delivery(job), what)
        delivered = job["state"] == "DELIVERED"
        self.case.assertEqual(kit["status"] == "ACTIVE", delivered, what + ": active")
        self.case.assertEqual(kit["activationCount"], int(delivered), what + ": activations")
        if job["pin"] != "doubt":
            chosen = job["pin"] == "set" and job["kit"] not in getattr(self.case, "by_mail", set())
            self.case.assertEqual(kit["pinSetCount"], int(chosen), what + ": PINs set")

    # ---- the branch ----

    def books(self):
        """The ledger balances, agrees with what the printers really fed, and nobody touched the audit log."""
        stock = self.branch.cli("stock")
        self.case.assertTrue(stock["balanced"], stock)
        self.case.assertEqual(stock["unaccounted"], 0, stock)
        fed = sum(d.printer.ask(cmd="state")["counters"]["fed"] for d in self.branch.desks)
        self.case.assertEqual(stock["drawn"], fed, f"plastics drawn in the books and in the printers: {stock}")
        self.case.assertTrue(self.branch.cli("audit")["intact"])

    def plastics(self):
        kits = [j["kit"] for j in self.branch.jobs()]
        self.case.assertEqual(self.branch.double_issued(kits), 0, "kits with two live plastics")
        for desk in self.branch.desks:
            with open(self.branch.path("logs", f"apdu-{desk.name}.wire")) as wire:
                _, wrong = Silicon().judge(events(wire.read()))
            self.case.assertEqual(wrong, [], "a command sent again, or a second key try")

    def emulators(self):
        self.case.assertEqual(self.branch.violations(), [])
        for desk in self.branch.desks:
            state = desk.printer.ask(cmd="state")
            if desk.name in getattr(self.case, "test_cards", ()):
                continue  # the printer's own picture covers the whole plastic
            self.case.assertEqual((state["on_chip_pixels"], state["chip_errors"]), (0, 0), desk.name)

    def no_card_number_at_rest(self):
        """The daemons' own files; what the emulators keep is not theirs."""
        numbers = {n.encode() for n in card_numbers(self.branch)}
        for path in own_files(self.branch):
            with open(path, "rb") as f:
                data = f.read()
            found = [n[:6] + b"..." for n in numbers if n in data]
            self.case.assertEqual(found, [], f"a clear card number in {path}")


def card_numbers(branch):
    """PANs on the stripes of all plastics."""
    found = set()
    for name in os.listdir(branch.path("plastics")):
        found |= {t.split("=")[0] for n, t in stripe_of(branch.path("plastics", name)).items() if n == 2}
    return found


def stripe_of(folder):
    """{track: text without sentinels}."""
    import json
    path = os.path.join(folder, "stripe.json")
    if not os.path.exists(path):
        return {}
    with open(path) as f:
        return {t["track"]: t["text"].strip(";%?") for t in json.load(f)["tracks"]}


def own_files(branch):
    """Files the daemons write: state, runtime folder, their logs."""
    found = []
    for folder in ("state", "run"):
        for where, _, names in os.walk(branch.path(folder)):
            found += [os.path.join(where, n) for n in names]
    logs = [n for n in os.listdir(branch.path("logs")) if not n.startswith(("apdu-", "printer-", "emu-"))]
    found += [branch.path("logs", n) for n in logs]
    return [f for f in found if os.path.isfile(f)]
