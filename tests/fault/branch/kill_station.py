#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cardwright-stationd dies by kill -9 before, in the middle of and after every step, and around the result."""
import sys

from lane import BY_ITSELF, SPOILED, deal, in_doubt, need, run, three_branches

STEPS = ("feed", "stripe", "chip", "verify", "print")
COMMANDS = 11  # of a personalisation, behind EXTERNAL AUTHENTICATE


def killed(site, expected, name=None, meanwhile=None):
    """One kit; its station dies at the site, starts again, and the kit is made."""
    def case(world):
        desk = world.branch.desks[0]
        world.restart_station(desk.name, f"{site}=kill")
        kit = world.assign(desk.name)
        world.wait_death(desk.station, site)
        if meanwhile:
            meanwhile(desk)
        world.restart_station(desk.name)
        return world.outcome(kit, **expected)
    return ("station killed at " + (name or site), case)


def around_the_steps():
    found = [killed("station.step.before.preflight", BY_ITSELF), killed("station.step.after.preflight", BY_ITSELF)]
    for n, step in enumerate(STEPS):
        # A stripe tells nothing without being moved, and reconcile moves nothing: only there a person is asked.
        lost = in_doubt("stripe") if step == "stripe" else BY_ITSELF
        found += [killed(f"station.step.before.{step}", lost), killed(f"station.step.after.{step}", lost),
                  killed(f"station.result.before@{n + 2}", lost, f"station.result.before {step}"),
                  killed(f"station.ack.before@{n + 1}", BY_ITSELF, f"station.ack.before {step}")]
    return found


def in_the_middle():
    return [
        killed("evolis.sent.Si", BY_ITSELF),
        killed("evolis.sent.Smw", in_doubt("stripe")),
        killed("station.stripe.written", in_doubt("stripe")),
        killed("evolis.sent.Sis", BY_ITSELF),
        killed("station.attempt.before", BY_ITSELF),
        # From here on a key may have reached the chip.
        killed("station.authenticate.before", SPOILED),
        killed("station.authenticate.after", SPOILED),
        *(killed(f"station.store.before@{n}", SPOILED) for n in range(1, COMMANDS + 1)),
        not_known(f"station.store.before@{COMMANDS}", SPOILED),
        killed("evolis.sent.Sr", BY_ITSELF),
        killed("evolis.sent.panel@1", BY_ITSELF),  # the first panel waits for the second one before it is printed
        killed("evolis.sent.panel@3", in_doubt("print")),
        killed("evolis.sent.panel@5", in_doubt("print")),
        killed("evolis.sent.Se", BY_ITSELF),
    ]


def rejected(site, acts=("destroyed",), name=None):
    """A chip that refuses its check; the station dies around the way to the reject box."""
    def case(world):
        desk = world.branch.desks[0]
        world.restart_station(desk.name, f"{site}=kill")
        desk.card.ask(cmd="fault", kind="sw", ins="AE", nth=1, sw="6985")
        kit = world.assign(desk.name)
        world.wait_death(desk.station, site)
        world.restart_station(desk.name)
        return world.outcome(kit, list(acts), 2)
    return ("station killed at " + (name or site), case)


def on_the_way_to_the_box():
    # Its results and acknowledgements: preflight (not acknowledged), feed, stripe, chip, verify, reject.
    return [rejected("station.step.before.reject"), rejected("station.step.after.reject"),
            rejected("station.result.before@6", name="station.result.before reject"),
            rejected("station.ack.before@5", name="station.ack.before reject")]


def not_known(site, expected):
    """The station lives, but cannot say what its step has done to the card."""
    def case(world):
        desk = world.branch.desks[0]
        world.restart_station(desk.name, f"{site}=error")
        kit = world.assign(desk.name)
        return world.outcome(kit, **expected)
    return ("station in doubt at " + site, case)


def new_ribbon(desk):
    desk.printer.ask(cmd="ribbon", kind="ymcko", remaining=150)


def cases():
    # With another ribbon the counters prove nothing; but a person sees a finished card in the tray.
    seen = killed("evolis.sent.Se", {"acts": ["print done"], "plastics": 1}, "evolis.sent.Se, ribbon changed", new_ribbon)
    doubts = [not_known("station.feed.after", BY_ITSELF), not_known("station.print.after", BY_ITSELF)]
    return around_the_steps() + in_the_middle() + on_the_way_to_the_box() + doubts + [seen]


if __name__ == "__main__":
    need(len(sys.argv) > 1, "usage: kill_station.py BUILD [words of case names]")
    sys.exit(run(deal(three_branches(), cases())))
