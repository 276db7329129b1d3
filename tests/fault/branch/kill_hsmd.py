#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The HSM process dies by kill -9 in each phase of a card: the supervisor with all its workers, one session worker while it is
idle, one while a call waits in it. The station is held at a failpoint until it is done.
"""
import os
import signal
import sys
import time

from lane import BY_ITSELF, SPOILED, World, need, one_desk, run

BEFORE_THE_KEY = tuple(f"station.step.before.{s}" for s in ("preflight", "feed", "stripe", "chip"))
# The EXTERNAL AUTHENTICATE is ready before the try is announced: from here on the key may reach the chip.
AFTER_THE_KEY = ("station.attempt.before", "station.authenticate.before")
# What is left needs hsmd for the cryptogram of the check only; the card is whole.
AFTER_THE_CHIP = ("station.step.before.verify", "station.step.before.print")
# The step is done and its outcome not told yet; what is left needs at most a new session.
OUTCOMES = tuple(f"station.step.after.{s}" for s in ("feed", "chip", "print"))


def stopped(process):
    with open(f"/proc/{process.pid()}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "T"


def sessions(world):
    """The session workers: children of the supervisor that carry that name."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                head, tail = f.read().rsplit(")", 1)
        except OSError:
            continue
        if head.endswith("(hsmd-session") and int(tail.split()[1]) == world.branch.hsmd.pid() and tail.split()[0] != "Z":
            found.append(int(pid))
    return sorted(found)


def kill_supervisor(world, _):
    world.restart_hsmd()


def kill_worker(_, pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def hang_worker(_, pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)


def killed(what, site, expected):
    def case(world):
        desk = world.branch.desks[0]
        world.restart_station(desk.name, f"{site}=stop")
        kit = world.assign(desk.name)
        world.wait(site, lambda: stopped(desk.station))
        # Before the print the station lets its session go, and the worker ends by itself.
        want = 0 if site == "station.step.after.print" else 1
        world.wait(f"{want} session workers of hsmd", lambda: len(sessions(world)) == want)
        pids = sessions(world)
        {"supervisor": kill_supervisor, "worker": kill_worker, "worker in a call": hang_worker}[what](world, pids)
        os.kill(desk.station.pid(), signal.SIGCONT)
        if what == "worker in a call":
            time.sleep(0.4)  # the station asks, and waits
            kill_worker(world, pids)
        return world.outcome(kit, **expected)
    return (f"hsmd {what} killed at {site}", case)


def killed_while_rejecting(what):
    """A chip that refuses its check; hsmd dies while the card is on its way to the reject box, which needs no hsmd."""
    name, case = killed(what, "station.step.before.reject", SPOILED)

    def with_bad_chip(world):
        world.branch.desks[0].card.ask(cmd="fault", kind="sw", ins="AE", nth=1, sw="6985")
        return case(world)
    return (name, with_bad_chip)


def one_of_two(site):
    """Two stations at the same point of their cards: one worker dies, the other card does not notice."""
    def case(world):
        for desk in world.branch.desks:
            world.restart_station(desk.name, f"{site}=stop")
        kits = [world.assign(desk.name) for desk in world.branch.desks]
        world.wait(site, lambda: all(stopped(desk.station) for desk in world.branch.desks))
        pids = sessions(world)
        need(len(pids) == 2, f"hsmd has {len(pids)} session workers, not 2")
        kill_worker(world, pids[:1])
        for desk in world.branch.desks:
            os.kill(desk.station.pid(), signal.SIGCONT)
        done = world.wait_made(kits)
        plastics = sorted(world.job(kit)["plastics"] for kit in kits)
        need(plastics == [1, 2] and sorted(done.values()) == [[], ["destroyed"]], f"{plastics}, a person did {done}")
        return "one card spoiled and made again, the other made"
    return (f"hsmd worker of one of two stations killed at {site}", case)


def cases(what, scp):
    found = [killed(what, site, BY_ITSELF) for site in BEFORE_THE_KEY + AFTER_THE_CHIP]
    found += [killed(what, site, SPOILED) for site in AFTER_THE_KEY]
    if what != "worker in a call":  # at an outcome no call waits
        # The session ends with the check: at the outcome of the print only the supervisor is left.
        sites = OUTCOMES if what == "supervisor" else OUTCOMES[:2]
        found += [killed(what, site, BY_ITSELF) for site in sites] + [killed_while_rejecting(what)]
    # Before INSTALL the data are not wrapped yet. Behind it all are: SCP03 has its answers checked by hsmd, SCP02 needs it no more.
    found.append(killed(what, "station.store.before@1", SPOILED))
    return found + [killed(what, "station.store.before@2", SPOILED if scp == 3 else BY_ITSELF)]


def two_desks():
    return World(sys.argv[1], kits=10)


if __name__ == "__main__":
    need(len(sys.argv) > 1, "usage: kill_hsmd.py BUILD [words of case names]")
    pairs = [one_of_two("station.attempt.before"), one_of_two("station.authenticate.before")]
    sys.exit(run([(one_desk("desk-1"), cases("supervisor", 3)), (one_desk("desk-2"), cases("worker", 2)),
                  (one_desk("desk-1"), cases("worker in a call", 3)), (two_desks, pairs)]))
