#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardwrightd dies by kill -9 before and after every row it makes durable, and once more while it recovers."""
import sys

from lane import World, build_dir, describe, need, run

STEPS = ("feed", "stripe", "chip", "verify", "print")


def desk_of(world):
    return world.branch.desks[0].name


def killed_once(site):
    """One kit; the daemon dies at the site, starts again, and the kit is made."""
    def case(world):
        world.restart_agent(f"{site}=kill")
        kit = world.assign(desk_of(world))
        world.wait_death(world.branch.agent, site)
        world.restart_agent()
        done = world.wait_made([kit])
        return describe(done) + f", {world.job(kit)['plastics']} plastics"
    return case


def cases():
    sites = []
    for step in STEPS:
        sites += [f"agent.intent.before.{step}", f"agent.intent.after.{step}", f"agent.outcome.before.{step}",
                  f"agent.outcome.after.{step}"]
    sites += ["agent.attempt.before", "agent.attempt.after", "agent.accept.before", "agent.accept.after",
              "agent.note.before.data_ok", "agent.note.after.data_ok", "agent.note.before.station",
              "agent.note.after.station", "agent.note.before.preflight", "agent.note.after.preflight",
              "agent.outbox.before.acked", "agent.outbox.after.acked"]
    return [("agent killed at " + s, killed_once(s)) for s in sites]


def make_world(lane):
    return World(build_dir(), desks=("desk-1",) if lane % 2 == 0 else ("desk-2",), kits=30)


if __name__ == "__main__":
    sys.exit(run(make_world, cases(), lanes=3))
