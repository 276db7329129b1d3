#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
A card job whose chip is killed, swapped, torn or reset by another program, at every command of the chip step, on one desk with
SCP03 and one with SCP02: the job knows where the plastic is, a person is asked once, and the customer gets one card. All four
accidents at each command, in four parts (CW_PART), each with a branch of its own.
"""
import os
import sys
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "card"))

from scenario import BUILD, Scenario, main, wait_until  # noqa: E402
from pcsc_gate import Gate  # noqa: E402
from silicon import events, is_secured  # noqa: E402

KINDS = ("die", "swap", "tear", "reset")
PLASTICS = 5  # a job may use
ATTEMPTS = 3
RESTS = ("destroyed", "decision", "handover")
PARTS = 4
PART = int(os.environ.get("CW_PART", "0"))


def points(part, last):
    """Odd or even commands, each with a kind of its own on each desk: of the four, two in one part and two in another. The last command,
    behind which nobody may know, has all four on each desk."""
    def kind(i, shift):
        return KINDS[(i // 2 + part // 2 + shift) % 4]

    def of(shift):
        more = [(kind(last, shift + 2), last)] if last % 2 != part % 2 else []
        return [(kind(i, shift), i) for i in range(1, last + 1) if i % 2 == part % 2] + more
    return {"CLASSIC": of(0), "TRAVEL": of(2)}


class Accidents(Scenario):
    stock = {"CLASSIC": 10, "TRAVEL": 10}

    @classmethod
    def setUpClass(cls):
        cls.gates = {}
        super().setUpClass()
        for number, desk in enumerate(cls.branch.desks):
            path = cls.branch.path(f"gate-{number}")
            cls.gates[desk.name] = Gate(path, cls.branch.pcsc["PCSCLITE_CSOCK_NAME"])
            cls.branch.station_env[desk.name] = {"LD_PRELOAD": os.path.abspath(os.path.join(BUILD, "tests/emu/card/pcsc-gate.so")),
                                                 "CW_PCSC_GATE": path}
            desk.station.stop()
            cls.branch.processes.remove(desk.station)
            cls.branch.start_station(desk)
        cls.branch.wait_ready()

    def wire(self, desk):
        with open(self.branch.path("logs", f"apdu-{desk.name}.wire")) as wire:
            return events(wire.read())

    def count(self, product):
        """Commands of the chip step, from a card without an accident: up to its last secured one."""
        before = len(self.wire(self.desk(product)))
        self.made(self.kit(product))
        commands = [c for _, what, c in self.wire(self.desk(product))[before:] if what == "apdu"]
        return max(at for at, c in enumerate(commands) if is_secured(c)) + 1

    def arm(self, desk, kind, index):
        """A function that says whether it happened."""
        if kind == "reset":
            gate, reader = self.gates[desk.name], f"cardwright {desk.name} 00 00"
            gate.arm(reader, True, index)
            return lambda: gate.told.get(reader) == [(0, 0)]
        more = {}
        if kind == "swap":
            more["plastic"] = self.branch.path(f"other-{desk.name}-{index}")
            os.makedirs(more["plastic"], exist_ok=True)  # empty after an accident that did not happen
        before = sum(what == "fault" for _, what, _ in self.wire(desk))
        desk.card.ask(cmd="fault", kind=kind, nth=index, **more)
        return lambda: sum(what == "fault" for _, what, _ in self.wire(desk)) > before

    def at_rest(self, kit):
        """Until the job waits for a person or has its card."""
        def look(jobs):
            return [j for j in jobs if j["kit"] == kit and j["wait"] in RESTS]
        job = look(self.branch.wait_jobs(f"kit {kit} to come to rest", look, 60))[0]
        if job["wait"] != "decision":
            return job
        self.assertEqual((job["state"], job["needs_person"]), ("IN_DOUBT", True))
        self.operator("job", "decide", job["job"], "spoiled")
        return self.wait_job(kit, 60, state="SPOILED", wait="destroyed")

    def accident(self, product, kit, kind, index):
        """Until the accident has happened: pcscd may lose a card by itself, on a machine that stalls, before its turn has come. The kit,
        and its job at rest."""
        for _ in range(ATTEMPTS):
            kit, job, happened = self.one(product, kit, kind, index)
            if happened:
                return kit, job
            print(f"{kind} {index} on {product}: the card ended by itself", flush=True)
            self.assertEqual((job["state"], job["wait"]), ("SPOILED", "destroyed"), "the accident did not happen and the card is done")
            kit = self.next_kit(kit, job)
        raise AssertionError(f"the accident did not happen: {kind} {index} on {product}")

    def one(self, product, kit, kind, index):
        desk, before = self.desk(product), 0
        happened = self.arm(desk, kind, index)
        if kit:
            job = self.branch.job(kit)
            before = job["plastics"]
            self.operator("job", "confirm-destroyed", job["job"])
        else:
            kit = self.kit(product)

        def over(jobs):
            return happened() or [j for j in jobs if j["kit"] == kit and j["plastics"] > before and j["wait"] in RESTS]
        self.branch.wait_jobs(f"the accident of kit {kit}", over, 60)
        self.gates[desk.name].plan.clear()
        job = self.at_rest(kit)
        if not happened():
            desk.card.ask(cmd="fault", kind="none")
            return kit, job, False
        return kit, job, True

    def suffer(self, product, points):
        """One accident after the other, in few kits: what was spoiled is made anew, and that card has the next accident."""
        kit, ends = None, []
        for kind, index in points:
            kit, job = self.accident(product, kit, kind, index)
            ends.append((kind, index, job["wait"]))
            self.assertLessEqual(self.attempts(kit), job["plastics"], (kind, index))
            if job["wait"] == "destroyed":
                self.assertEqual((job["state"], job["where"], job["code"]), ("SPOILED", "reject", "PRD_SMARTCARD"), (kind, index))
            kit = self.next_kit(kit, job)
        if kit:
            self.operator("job", "confirm-destroyed", self.branch.job(kit)["job"])
            self.made(kit)
        return ends

    def next_kit(self, kit, job):
        """None when the kit has its card; before its last plastic it gets one."""
        if job["wait"] == "destroyed" and job["plastics"] == PLASTICS - 1:
            self.operator("job", "confirm-destroyed", job["job"])
            self.made(kit)
            return None
        return kit if job["wait"] == "destroyed" else None

    def test_accidents(self):
        """Odd or even commands, each with a kind of its own on each desk."""
        ends, failures = {}, []

        def desk(product):
            try:
                ends[product] = self.suffer(product, points(PART, self.count(product))[product])
            except BaseException as e:  # noqa: B036
                failures.append(e)
        threads = [threading.Thread(target=desk, args=(product,)) for product in ("CLASSIC", "TRAVEL")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(ends, flush=True)
        if failures:
            raise failures[0]
        for product, of in ends.items():
            self.assertGreaterEqual(len(of), 7, product)
            self.assertEqual({kind for kind, _, _ in of}, set(KINDS), product)

    def test_the_parts_are_the_whole(self):
        """Four accidents of four at each command."""
        for last in (14, 15):
            met = [(product, *point) for part in range(PARTS) for product, of in points(part, last).items() for point in of]
            self.assertEqual({point[1:] for point in met}, {(kind, i) for kind in KINDS for i in range(1, last + 1)})
            self.assertEqual({point for point in met if point[2] == last}, {(p, kind, last) for p in ("CLASSIC", "TRAVEL") for kind in KINDS})
            self.assertEqual(len(met), len(set(met)))

    @unittest.skipUnless(PART == 1, "another part")
    def test_a_station_stopped_in_the_middle(self):
        """systemctl restart while a chip gets its data, or is asked for its first answer: the step ends, its result is in the journal,
        and the next process goes on with the same card. Nobody is asked."""
        kits = {}
        for product, ins in (("CLASSIC", "E2"), ("TRAVEL", "50")):
            self.desk(product).card.ask(cmd="fault", kind="late", ins=ins, nth=1, ms=10000)
            before = sum(what == "fault" for _, what, _ in self.wire(self.desk(product)))
            kits[product] = self.kit(product)
            wait_until("the slow chip", lambda: sum(what == "fault" for _, what, _ in self.wire(self.desk(product))) > before)
            self.desk(product).station.child.terminate()
        for product, kit in kits.items():
            desk = self.desk(product)
            self.assertEqual(desk.station.wait(60), 0)
            self.branch.processes.remove(desk.station)
            self.branch.start_station(desk)
            job = self.made(kit)
            self.assertEqual((job["plastics"], self.attempts(kit)), (1, 1), product)
            self.assertEqual(self.steps(kit), ["feed", "stripe", "chip", "verify", "print"], product)
            self.assertEqual([e for e in self.history(kit) if e["type"] in ("verdict", "decision")], [], product)


if __name__ == "__main__":
    main()
