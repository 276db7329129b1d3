#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whoever takes part in a PIN dies by kill -9: cardwrightd at every row, the kiosk's station, hsmd."""
import sys
import time

from lane import BY_ITSELF, deal, need, run, three_branches

PIN = "4826"
ROWS = ("release.before.create", "release.after.create", "release.before.use", "release.after.use", "intent.before.pin",
        "intent.after.pin", "outcome.before.pin", "outcome.after.pin", "outbox.before.acked@1", "outbox.after.acked@1",
        "outbox.before.acked@2", "outbox.after.acked@2")
# Only the server knows whether a PIN that was under way arrived: a person asks it, whatever the answer.
ASKED = {"intent.after.pin": ["pin not-set"], "outcome.before.pin": ["pin set"]}


class Customer:
    """A customer with a finished card at the kiosk, and the teller who releases it as often as it takes."""

    def __init__(self, world, kit, delay_ms=0):
        self.world, self.kit, self.delay_ms = world, kit, delay_ms
        branch = world.branch
        card = [p for p in branch.plastic_of(kit) if p["where"] == "output"][0]
        desk = [d for d in branch.desks if card["printer"] == "EMU-" + d.name][0]
        self.plastic = desk.printer.ask(cmd="take", plastic=card["folder"])["plastic"]
        self.releases = self.idle_since = 0
        self.acts = []

    def come(self):
        self.world.branch.kiosk_card.ask(cmd="present", plastic=self.plastic)

    def leave(self):
        self.world.branch.kiosk_card.ask(cmd="remove")

    def release(self):
        branch = self.world.branch
        branch.pinpad.ask(cmd="customer", clear=True, script=[{"pin": PIN, "delay_ms": self.delay_ms}, {"pin": PIN}])
        self.releases += 1
        self.delay_ms = 0
        return branch.cli("release", self.kit, "kiosk-1", check=False)

    def look(self):
        """One look around; True when the card is delivered. The teller releases again when nothing goes on."""
        job, status = self.world.job(self.kit), self.world.get("/v1/status")
        if not job or not status:
            self.idle_since = 0
            return False
        if job["needs_person"]:
            self.acts += self.world.person.help(job)
        idle = job["wait"] == "handover" and not status["kiosks"] and status["hsm"]["ready"]
        if not idle:
            self.idle_since = 0
        elif not self.idle_since:
            self.idle_since = time.monotonic()
        elif time.monotonic() - self.idle_since > 2.5:  # the kiosk rests for two seconds after a failure
            self.release()
            self.idle_since = 0
        return job["state"] == "DELIVERED"

    def wait_delivered(self):
        self.world.wait("the card to be delivered", self.look, 40)
        self.leave()


def finished_kit(world):
    world.restart_agent()
    kit = world.assign(world.branch.desks[0].name)
    world.outcome(kit, **BY_ITSELF)
    world.wait("its report", lambda: world.branch.cli("outbox")["reports"] == [])
    return kit


def check(world, kit, customer, acts):
    server = {k["kitNo"]: k for k in world.branch.bank.state()["kits"]}[kit]
    need(server["pin_set"] and server["pinSetCount"] == 1, f"the PIN was set {server['pinSetCount']} times")
    need(server["activationCount"] == 1 and server["deliveryStatus"] == "DELIVERED", f"the server has {server}")
    need(customer.acts == acts, f"a person did {customer.acts}, not {acts}")
    return f"delivered, {customer.releases} release{'s' if customer.releases > 1 else ''}" + (
        ", person: " + ", ".join(acts) if acts else "")


def agent_killed(row):
    def case(world):
        kit = finished_kit(world)
        customer = Customer(world, kit)
        world.restart_agent(f"agent.{row}=kill")
        world.branch.wait_ready()
        customer.come()
        customer.release()
        world.wait_death(world.branch.agent, row, 20)
        world.restart_agent()
        if row == "outbox.before.acked@2":
            world.oracle.repeated_deliveries += 1
        customer.wait_delivered()
        return check(world, kit, customer, ASKED.get(row, []))
    return (f"agent killed at agent.{row}", case)


def kiosk_step(world):
    return [k["step"] for k in (world.get("/v1/status") or {"kiosks": []})["kiosks"]]


def prompted(world):
    return world.branch.pinpad.ask(cmd="state")["state"] == "entry"


def killed_while(name, what, kill, there):
    """kill(world) while the customer is where there(world) is true."""
    def case(world):
        kit = finished_kit(world)
        customer = Customer(world, kit, delay_ms=1500)
        if what != "no card is there yet":
            customer.come()
        customer.release()
        world.wait(what, lambda: there(world), 20)
        kill(world)
        customer.come()
        customer.wait_delivered()
        return check(world, kit, customer, [])
    return (f"{name} killed while {what}", case)


def cases():
    waits = lambda world: kiosk_step(world) == ["wait for card"]  # noqa: E731
    found = [agent_killed(row) for row in ROWS]
    for name, kill in (("kiosk station", lambda w: w.restart_kiosk()), ("hsmd", lambda w: w.restart_hsmd()),
                       ("agent", lambda w: w.restart_agent())):
        found += [killed_while(name, "no card is there yet", kill, waits),
                  killed_while(name, "the PIN is typed", kill, prompted)]
    return found


if __name__ == "__main__":
    need(len(sys.argv) > 1, "usage: kill_pin.py BUILD [words of case names]")
    sys.exit(run(deal(three_branches(), cases())))
