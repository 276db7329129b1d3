# SPDX-License-Identifier: Apache-2.0
"""
The person at the machine: sees what the emulators show to an eye (where a card is, how it looks), never what only a
journal or a chip knows, and answers the jobs that ask for somebody.
"""
import json
import os

from process import BranchError

PANELS = "ymcko"


def read_plastic(folder):
    with open(os.path.join(folder, "plastic.json")) as f:
        return json.load(f)


def looks_finished(folder):
    """All panels once: what a person sees on a good card."""
    events = [e["event"] for e in read_plastic(folder)["history"]]
    return all(events.count(f"panel {p} printed") == 1 for p in PANELS)


class Person:
    def __init__(self, world):
        self.world = world
        self.box = []  # plastics this person put into the locked box by hand
        self.told = {}  # job -> where and why it asked last

    def _state(self, job):
        return self.world.desk(job["station"]).printer.ask(cmd="state")

    def _newest(self, job):
        """The card drawn last at the job's desk: the one this is about."""
        prefix = "plastic-EMU_" + job["station"].replace("-", "_") + "-"
        root = self.world.branch.path("plastics")
        names = [n for n in sorted(os.listdir(root)) if n.startswith(prefix)]
        return os.path.join(root, names[-1]) if names else None

    def _decide(self, job):
        state = self._state(job)
        newest = self._newest(job)
        inside = state["card"] is not None
        if job["step"] == "feed":
            return "done" if inside and not state["jammed"] else "spoiled" if inside else "not_done"
        if job["step"] in ("print", "eject"):
            return "done" if newest in state["output"] and looks_finished(newest) else "spoiled"
        if job["step"] == "reject":
            self._into_the_box(job)
            return "done"
        return "spoiled"  # nobody can see a stripe or a chip

    def _into_the_box(self, job):
        """The spoiled card goes into the reject box, wherever it lies; in the machine there may be another job's by now."""
        if job["where"] == "reject":
            return
        printer, state = self.world.desk(job["station"]).printer, self._state(job)
        newest = self._newest(job)
        if state["card"] is not None:
            printer.ask(cmd="clear", to="reject")
        elif newest in state["output"]:
            self.box.append(printer.ask(cmd="take", plastic=newest)["plastic"])

    def _ask_the_bank(self, job):
        kits = {k["kitNo"]: k for k in self.world.branch.bank.state()["kits"]}
        return "set" if kits[job["kit"]]["pin_set"] else "not-set"

    def help(self, job):
        """Does what the job asks for; the acts, in words of the command. Nothing while the same question still stands."""
        asked = (job["state"], job["wait"], job["step"], job["code"], job["updated_ms"])
        if self.told.get(job["job"]) == asked:
            return []
        self.told[job["job"]] = asked
        assert job["advice"] and job["code"], f"nobody can know what to do: {job}"
        act, words = self._answer(job)
        try:
            if words:
                self.world.branch.cli("job", *words)
        except BranchError:
            # The daemon died with the answer in its hands; whether it heard it shows when it asks again.
            self.world.wait("the daemon to die", lambda: not self.world.branch.agent.running(), 2)
            del self.told[job["job"]]
        return [act]

    def _answer(self, job):
        """The act in words, and the words of the command for it."""
        if job["wait"] == "decision":
            word = self._decide(job)
            return f"{job['step']} {word}", ("decide", job["job"], word)
        if job["wait"] == "destroyed":
            self._into_the_box(job)
            return "destroyed", ("confirm-destroyed", job["job"])
        if job["wait"] == "pin_decision":
            word = self._ask_the_bank(job)
            return "pin " + word, ("pin", job["job"], word)
        return f"looks at {job['code']}", None
