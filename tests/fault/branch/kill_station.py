#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardwright-stationd dies by kill -9 before, in the middle of and after every step, and around the result."""
import sys

from lane import World, build_dir, describe, run

STEPS = ("feed", "stripe", "chip", "verify", "print")
IN_THE_MIDDLE = (
    "evolis.sent.Si", "evolis.sent.Smw", "station.stripe.written", "evolis.sent.Sis", "station.attempt.before",
    "station.authenticate.before", "station.authenticate.after", "station.store.before@1", "station.store.before@6",
    "station.store.before@11", "evolis.sent.Sr", "evolis.sent.panel@1", "evolis.sent.panel@3", "evolis.sent.panel@5",
    "evolis.sent.Se",
)


def killed_at(site, name=None):
    """One kit; its station dies at the site, starts again, and the kit is made."""
    def case(world):
        desk = world.branch.desks[0].name
        world.restart_station(desk, f"{site}=kill")
        kit = world.assign(desk)
        world.wait_death(world.desk(desk).station, site)
        world.restart_station(desk)
        done = world.wait_made([kit])
        return describe(done) + f", {world.job(kit)['plastics']} plastics"
    return ("station killed at " + (name or site), case)


def cases():
    found = [killed_at("station.step.before.preflight"), killed_at("station.step.after.preflight")]
    for n, step in enumerate(STEPS):
        found += [killed_at(f"station.step.before.{step}"), killed_at(f"station.step.after.{step}"),
                  killed_at(f"station.result.before@{n + 2}", f"station.result.before {step}"),
                  killed_at(f"station.ack.before@{n + 1}", f"station.ack.before {step}")]
    return found + [killed_at(s) for s in IN_THE_MIDDLE]


def make_world(lane):
    return World(build_dir(), desks=("desk-1",) if lane % 2 == 0 else ("desk-2",), kits=30)


if __name__ == "__main__":
    sys.exit(run(make_world, cases(), lanes=3))
