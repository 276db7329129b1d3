#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Several daemons die at the same moment: the agent and a station at a step, and all of them as when the power fails."""
import os
import random
import signal
import sys
import time

from lane import World, describe, need, one_desk, run

SEED = 2718
CUTS = 10
AT_THE_STATION = ("station.step.before.feed", "evolis.sent.Si", "station.step.after.feed", "station.stripe.written",
                  "station.step.before.chip", "station.authenticate.after", "station.store.before@6", "station.step.after.chip",
                  "station.step.after.verify", "evolis.sent.panel@3", "evolis.sent.Se", "station.step.after.print")
AT_THE_AGENT = ("intent.after.feed", "outcome.before.feed", "intent.after.stripe", "outcome.before.stripe",
                "intent.after.chip", "attempt.before", "attempt.after", "outcome.before.chip", "outcome.before.verify",
                "intent.after.print", "outcome.before.print")


def station_then_agent(site):
    """The station dies at the site and takes the agent with it; the agent is back first and finds no station."""
    def case(world):
        desk = world.branch.desks[0]
        world.restart_station(desk.name, f"{site}=kill")
        kit = world.assign(desk.name)
        world.wait_death(desk.station, site)
        world.restart_agent()
        world.restart_station(desk.name)
        return world.outcome(kit)
    return ("agent and station killed at " + site, case)


def agent_then_station(row):
    """The agent dies at the row and takes the station with it, so that nobody kept the result."""
    def case(world):
        desk = world.branch.desks[0]
        world.restart_agent(f"agent.{row}=kill")
        kit = world.assign(desk.name)
        world.wait_death(world.branch.agent, row)
        world.restart_station(desk.name)
        world.restart_agent()
        return world.outcome(kit)
    return ("agent and station killed at agent." + row, case)


def daemons(branch):
    return [branch.agent, branch.hsmd, branch.kiosk] + [d.station for d in branch.desks]


def cut(world):
    """Everything that is ours dies at once; the machines, the readers and the bank stay."""
    for process in daemons(world.branch):
        os.kill(process.pid(), signal.SIGKILL)
    world.restart_hsmd()
    for desk in world.branch.desks:
        world.restart_station(desk.name)
    world.restart_kiosk()
    world.restart_agent()


def open_kits(world, kits):
    jobs = {j["kit"]: j for j in (world.get("/v1/jobs?all=1") or {"jobs": []})["jobs"]}
    return [k for k in kits if k not in jobs or jobs[k]["wait"] != "handover"]


def at_work(world, kits):
    """A station works on a card, or all kits are made; meanwhile a person answers what is asked."""
    jobs = (world.get("/v1/jobs") or {"jobs": []})["jobs"]
    for job in jobs:
        if job["needs_person"]:
            world.acts += world.person.help(job)
    return any(j["wait"] == "result" for j in jobs) or not open_kits(world, kits)


def power_fails(number, kits):
    """Both desks have work, a card is in a machine, and the power fails."""
    def case(world):
        while len(open_kits(world, kits)) < 4 and any(world.fresh.values()):
            kits.extend(world.assign(desk) for desk in world.fresh if world.fresh[desk])
        world.wait("a card in a machine", lambda: at_work(world, kits), 30)
        after_s = world.chance.uniform(0, 1.4)
        time.sleep(after_s)
        states = [f"{j['state']}/{j['wait']}" for j in (world.get("/v1/jobs") or {"jobs": []})["jobs"] if j["wait"] != "handover"]
        cut(world)
        if number < CUTS:
            return f"cut after {after_s:.2f} s, open: {' '.join(states)}"
        done = world.wait_made(kits, 90)
        plastics = sum(world.job(kit)["plastics"] for kit in kits)
        acts = world.acts + [a for kit in kits for a in done[kit]]
        return f"{len(kits)} kits " + describe(acts, plastics)
    return (f"power cut {number}", case)


def two_desks():
    world = World(sys.argv[1], kits=16, time_scale="0.03")
    world.chance = random.Random(SEED)
    world.at_rest = False
    return world


if __name__ == "__main__":
    need(len(sys.argv) > 1, "usage: power_cut.py BUILD [words of case names]")
    made = []
    sys.exit(run([(one_desk("desk-1"), [station_then_agent(s) for s in AT_THE_STATION]),
                  (one_desk("desk-2"), [agent_then_station(r) for r in AT_THE_AGENT]),
                  (two_desks, [power_fails(n, made) for n in range(1, CUTS + 1)])]))
