#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardwrightd dies by kill -9 before and after every row it makes durable, and once more while it recovers."""
import sys

from lane import BY_ITSELF, SPOILED, deal, in_doubt, need, run, three_branches

STEPS = ("feed", "stripe", "chip", "verify", "print")


def killed(sites, expected, station=None):
    """One kit. The daemon dies at the first site, starts again, dies at the next one while it recovers, and so on."""
    def case(world):
        desk = world.branch.desks[0].name
        if station:
            world.restart_station(desk, station)
        kit = None
        for site in sites:
            world.restart_agent(f"{site}=kill")
            kit = kit or world.assign(desk)
            world.wait_death_helping(world.branch.agent, site, kit)
        world.restart_agent()
        outcome = world.outcome(kit, **expected)
        if station:
            world.restart_station(desk)
        return outcome
    return ("agent killed at " + ", then ".join(sites), case)


def at_every_row():
    rows = [f"agent.{row}.{step}" for step in STEPS
            for row in ("intent.before", "intent.after", "outcome.before", "outcome.after")]
    rows += [f"agent.{what}.{when}{more}" for when in ("before", "after")
             for what, more in (("accept", ""), ("note", ".data_ok"), ("note", ".station"), ("note", ".preflight"),
                                ("outbox", ".acked"))]
    return [killed([site], BY_ITSELF) for site in rows] + [
        killed(["agent.attempt.before"], BY_ITSELF),
        killed(["agent.attempt.after"], SPOILED),  # the try is in the journal, so it may have been made
    ]


def on_the_way_to_the_reject_box():
    """The key try of the first plastic made it spoiled: the daemon dies again at each row until it is in the box."""
    twice = {"acts": ["destroyed", "destroyed"], "plastics": 2}  # the first word was not heard
    return [killed(["agent.attempt.after", f"agent.{row}"], SPOILED)
            for row in ("note.before.restarted", "note.after.restarted", "outcome.before.chip", "outcome.after.chip",
                        "intent.before.reject", "intent.after.reject", "outcome.before.reject", "outcome.after.reject",
                        "note.after.destroyed")] + [
        killed(["agent.attempt.after", "agent.note.before.destroyed"], twice)]


def while_it_recovers():
    again = [("intent.after.feed", "note.after.restarted", "outcome.before.feed"),
             ("outcome.before.feed", "note.before.restarted", "outcome.before.feed"),
             ("intent.after.stripe", "note.before.station", "note.after.station", "outcome.after.stripe"),
             ("outcome.before.stripe", "outcome.before.stripe", "outcome.after.stripe"),
             ("outcome.before.chip", "note.after.restarted", "outcome.after.chip"),
             ("intent.after.verify", "note.before.result_none", "note.after.result_none", "outcome.before.verify"),
             ("intent.after.print", "outcome.after.print", "intent.after.print", "outcome.before.print"),
             ("outcome.before.print", "note.after.station", "outcome.after.print")]
    return [killed(["agent." + row for row in rows], BY_ITSELF) for rows in again]


def while_a_person_decides():
    """The station cannot say whether the stripe was written; the daemon dies with the person's word in its hands."""
    lost = "station.stripe.written=error"
    unheard = {"acts": ["stripe spoiled"] + in_doubt("stripe")["acts"], "plastics": 2}
    return [killed(["agent.outcome.before.decision"], unheard, station=lost),
            killed(["agent.outcome.after.decision"], in_doubt("stripe"), station=lost)]


def cases():
    return at_every_row() + on_the_way_to_the_reject_box() + while_it_recovers() + while_a_person_decides()


if __name__ == "__main__":
    need(len(sys.argv) > 1, "usage: kill_agent.py BUILD [words of case names]")
    sys.exit(run(deal(three_branches(), cases())))
