#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A mixed fleet on one machine: printers of three families on one bus, two of them with the same serial, one without any, two chip
readers of the same name, a station for each printer. Nobody has another's, also when cables are pulled. usage: test_fleet.py BUILD
"""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from ipc import Peer  # noqa: E402
from rig import VPCD, Emulator, Job, Rig, free_ports, listens, socket_answers, wait_for  # noqa: E402

PROGRAMS = {"evolis": "printer/emu-printer", "magicard": "printer-magicard/emu-printer-magicard", "matica": "printer-matica/emu-printer-matica"}
# name: family, serial, serial string on the bus, port
PRINTERS = {"alone": ("evolis", "EV-1", "EV-1", "1-1"), "left": ("evolis", "TWIN", "TWIN", "1-2"), "right": ("evolis", "TWIN", "TWIN", "1-3"),
            "mute": ("magicard", "MG-1", "", "1-4"), "matica": ("matica", "MX-1", "MX-1", "1-5")}
# name: port, device number on bus 1, serial number; pcscd gives all of them the same name and an index of its own
READERS = {"right": ("1-6.2", 91, "RDR-R"), "left": ("1-6.1", 90, "RDR-L")}
# station: driver, printer_serial, reader
STATIONS = {"by-serial": ("evolis", "EV-1", "none here"), "by-port-left": ("evolis", "port:1-2", "usb:1-6.1"),
            "by-port-right": ("evolis", "port:1-3", "serial:RDR-R"), "by-asking": ("magicard", "MG-1", "none here"),
            "matica": ("matica", "MX-1", "none here"), "unclear": ("evolis", "TWIN", "none here")}
OWN = {"by-serial": "alone", "by-port-left": "left", "by-port-right": "right", "by-asking": "mute", "matica": "matica"}
# of another configuration, which cannot know of the first
RIVALS = {"second": ("evolis", "EV-1", "none here"), "guesser": ("evolis", "TWIN", "none here")}
# The library names the socket on which a process hears of plugs by its descriptor number: whoever comes later with the same number
# takes it away. So each station opens its own above other numbers; by-serial's is taken by unclear, and it hears nothing any more.
FIRST_FD = {"by-serial": 10, "unclear": 10, "by-port-left": 30, "by-port-right": 50, "by-asking": 70, "matica": 90, "second": 110, "guesser": 130}
ABOVE = 'for n in $(seq 3 "$0"); do eval "exec $n</dev/null"; done; exec umockdev-wrapper "$@"'


def check(good, what):
    if not good:
        raise AssertionError(what)


def ack_attempts(peer, event):
    if event["event"] == "attempt":
        peer.ask("attempt.ack", job=event["job"], seq=event["seq"])


class Fleet(Rig):
    def config(self, stations=None):
        config = super().config()
        config["products"] = config["products"][:1]
        config["stations"] = [{"name": name, "kind": "issue", "printer_driver": driver, "printer_serial": serial, "reader": reader,
                               "plastic_codes": "71", "card_timeout_ms": 2500}
                              for name, (driver, serial, reader) in (stations or STATIONS).items()]
        return config

    def start_readers(self):
        self.ports = dict(zip(READERS, free_ports(len(READERS))))
        os.makedirs(self.path("pcscd/run"))
        conf = []
        driver = self.path("pcscd/station.so")
        shutil.copy(os.path.join(self.build, "tests/emu/card/ifd-unplug.so"), driver)
        for number, (name, (_, device, serial)) in enumerate(READERS.items()):
            of_reader = driver + (f".{number}" if number else "")
            shutil.copy(VPCD, of_reader + ".vpcd")
            self.write(of_reader + ".identity", f"1 {device} {serial}\n")
            port = self.ports[name]
            conf.append(f'FRIENDLYNAME "cardwright station"\nDEVICENAME /dev/null:0x{port:X}\nLIBPATH {driver}\nCHANNELID 0x{port:X}\n')
        self.write("pcscd/conf/readers", "\n".join(conf))
        self.pcsc = {"PCSCLITE_CSOCK_NAME": self.path("pcscd/run/pcscd.comm")}
        self.start_pcscd()
        self.chips = {name: self.start_card(name) for name in READERS}

    def readers_on_the_bus(self):
        """What the kernel says of them: where they are plugged in."""
        for port, device, _ in READERS.values():
            folder = os.path.join(self.testbed["UMOCKDEV_DIR"], "sys/bus/usb/devices", port)
            os.makedirs(folder)
            for name, value in (("busnum", 1), ("devnum", device)):
                with open(os.path.join(folder, name), "w") as out:
                    out.write(f"{value}\n")

    def start_emulator(self, name, number):
        family, serial, usb_serial, port = PRINTERS[name]
        ready, control = self.path(name + ".ready"), self.path(name)
        argv = ["tests/emu/" + PROGRAMS[family], "--ready-file", ready, "--plastics", self.path("plastics-" + name), "--control", control,
                "--serial", serial, "--usb-serial", usb_serial, "--port", port, "--dev", str(2 + 15 * number), "--hopper", "20"]
        argv += ["--testbed", self.testbed["UMOCKDEV_DIR"]] if number else []
        argv += ["--chip-control", self.path("card-" + name)] if name in READERS else []
        process = self.run("printer-" + name, argv)
        wait_for(name, lambda: os.path.exists(ready) and socket_answers(control), processes=[process])
        with open(ready) as f:
            self.testbed = {"UMOCKDEV_DIR": f.read().strip()}
        return Emulator(control)

    def start(self):
        self.prepare()
        self.start_token()
        self.start_hsmd()
        self.start_readers()
        self.printers = {name: self.start_emulator(name, n) for n, name in enumerate(PRINTERS)}
        self.readers_on_the_bus()
        self.stations, self.desks = {}, {}
        for name in STATIONS:
            self.start_station_of(name)

    def start_station_of(self, name, config="cardwright.json"):
        process = self.run("stationd-" + name, ["drivers/cardwright-stationd", "--config", self.path(config), "--station", name],
                           {**self.pcsc, **self.testbed}, ["bash", "-c", ABOVE, str(FIRST_FD[name] - 1)])
        wait_for(name, lambda: listens(self.path(f"run/station/{name}.sock")), processes=[process])
        self.stations[name], self.desks[name] = process, Peer(self.path(f"run/station/{name}.sock"))
        self.desks[name].on_event = ack_attempts
        self.desks[name].ask("hello", generation=1)

    def kill_station_of(self, name):
        self.stations[name].kill()
        self.processes.remove(self.stations[name])
        self.desks[name].close()
        os.unlink(self.path(f"run/station/{name}.sock"))

    def printer(self, station):
        return self.desks[station].ask("status")["printer"]

    def says(self, station, text):
        """What the station tells of its printer, as soon as this text is in it."""
        def look():
            told = self.printer(station)
            return told if text in told["text"] else None
        return wait_for(f'"{text}" of {station}', look)

    def ready(self, *stations):
        for station in stations:
            wait_for(station, lambda s=station: self.printer(s)["state"] == "ready")

    def offline(self, station):
        wait_for(station + " to be offline", lambda: self.printer(station)["state"] == "offline")

    def state(self, printer):
        return self.printers[printer].ask(cmd="state")

    def fed(self):
        return {name: self.state(name)["counters"]["fed"] for name in self.printers}

    def holds(self, station):
        """The printers whose nodes the process has open."""
        folder = f"/proc/{self.stations[station].pid()}/fd"
        nodes = set()
        for fd in os.listdir(folder):
            try:
                nodes.add(os.readlink(os.path.join(folder, fd)).rpartition("/dev/bus/usb/001/")[2])
            except OSError:
                continue  # closed meanwhile
        return [name for name in self.printers if f"{self.state(name)['bus']['devnum']:03}" in nodes]

    def each_its_own(self):
        self.ready(*OWN)
        for station, printer in OWN.items():
            wait_for(f"{station} to have {printer} and no other", lambda s=station, p=printer: self.holds(s) == [p])

    def makes_a_card(self, station, printer, kind="std"):
        """A test card of a station uses a card of its own printer and of no other."""
        before = self.fed()
        result = self.desks[station].ask("test_card", kind=kind)
        check(result["outcome"] == "done", (station, result))
        after = self.fed()
        check([n for n in after if after[n] != before[n]] == [printer], (station, before, after))
        return result

    def accounted_for(self, printer):
        """Every card that left the hopper lies somewhere."""
        state = self.state(printer)
        inside = 1 if state["card"] else 0
        check(state["counters"]["fed"] == len(state["output"]) + len(state["reject"]) + inside, state)

    def tell(self):
        """What a failed test is found out by."""
        for name, peer in self.desks.items():
            if self.stations[name].running():
                print(name, "holds", self.holds(name), peer.ask("status")["printer"]["text"], flush=True)
        for name in self.printers:
            print(name, self.state(name)["bus"], flush=True)
        super().tell()

    def violations(self):
        states = {name: self.state(name) for name in self.printers}
        return {name: s["violation_texts"] for name, s in states.items() if s["violations"]}


def each_has_its_own(fleet):
    fleet.each_its_own()
    fleet.makes_a_card("by-serial", "alone")
    fleet.makes_a_card("by-port-left", "left")
    fleet.makes_a_card("by-port-right", "right")
    fleet.makes_a_card("by-asking", "mute")
    wait_for("each printer to be somebody's", lambda: all(fleet.state(p)["bus"]["claimed"] for p in fleet.printers))


def twins_are_not_guessed(fleet):
    """unclear means a serial that two printers have, each at a port of another station; guesser knows of no other station."""
    fleet.write("rival.json", json.dumps(fleet.config(RIVALS)))
    fleet.start_station_of("guesser", "rival.json")
    for station, text in (("unclear", "another station names"), ("guesser", "2 printers fit")):
        told = fleet.says(station, text)
        check(told["state"] == "offline" and fleet.holds(station) == [], told)
    fleet.kill_station_of("guesser")


def one_owner(fleet):
    fleet.start_station_of("second", "rival.json")
    told = fleet.says("second", "other software holds")
    check(told["state"] == "offline", told)
    fleet.makes_a_card("by-serial", "alone")
    fleet.kill_station_of("second")


def pulled(fleet, *stations):
    for station in stations:
        fleet.printers[OWN[station]].ask(cmd="unplug")
    for station in stations:
        fleet.offline(station)


def on_other_ports(fleet):
    """Who is known by a serial is found there; a port without its printer stays empty, whatever twin there is."""
    fleet.kill_station_of("unclear")  # it may rightly have a twin that is at nobody's port
    pulled(fleet, *OWN)
    for number, (station, printer) in enumerate(OWN.items()):
        fleet.printers[printer].ask(cmd="plug", port=f"1-{10 + number}")
    fleet.ready("by-serial", "by-asking", "matica")  # also by-serial, which is told of no plug
    for station, home in (("by-port-left", "1-2"), ("by-port-right", "1-3")):
        fleet.says(station, "is connected")
        check(fleet.holds(station) == [], station)
        fleet.printers[OWN[station]].ask(cmd="unplug")
        fleet.printers[OWN[station]].ask(cmd="plug", port=home)
    fleet.each_its_own()


def print_and_pull(fleet, station):
    """A job whose printer is pulled at the second panel; the step's result."""
    printer = fleet.printers[OWN[station]]
    job = Job(fleet, fleet.desks[station])
    job.through("preflight", "feed", "stripe", "chip", "verify")
    printer.ask(cmd="fault", name="unplug", at={"panel": "m"})
    return job, job.send("print")


def pulled_in_a_job(fleet):
    """Both twins are pulled while they print, and put back in the other order, one by way of another port. Each job knows its card."""
    jobs = {station: print_and_pull(fleet, station) for station in ("by-port-left", "by-port-right")}
    results = {station: job.desk.wait(ident)["json"] for station, (job, ident) in jobs.items()}
    for station, result in results.items():
        check(result["outcome"] in ("failed", "in_doubt") and result["ribbon_used"], (station, result))
        fleet.offline(station)
    fleet.printers["left"].ask(cmd="plug", port="1-8")
    fleet.printers["right"].ask(cmd="plug", port="1-3")
    fleet.ready("by-port-right")
    check(fleet.printer("by-port-left")["state"] == "offline" and fleet.holds("by-port-left") == [], "left has taken a twin")
    fleet.printers["left"].ask(cmd="unplug")
    fleet.printers["left"].ask(cmd="plug", port="1-2")
    fleet.each_its_own()
    for station, (job, _) in jobs.items():
        job.desk.ask("result.ack", job=job.name, step="print", seq=job.seq)
        verdict = job.reconcile("print")
        check(verdict["verdict"] != "done", (station, verdict))
        rejected = job.step("reject")
        check(rejected["outcome"] == "done" and rejected["where"] == "reject", (station, rejected))
        job.end()
        fleet.accounted_for(OWN[station])


def killed_while_it_was_away(fleet):
    """A station killed after it dropped the handle, and one killed anywhere in opening it again: the next one has its printer."""
    pulled(fleet, "by-port-left", "by-port-right")
    fleet.kill_station_of("by-port-right")
    fleet.printers["left"].ask(cmd="plug")
    fleet.printers["right"].ask(cmd="plug")
    fleet.kill_station_of("by-port-left")
    fleet.start_station_of("by-port-left")
    fleet.start_station_of("by-port-right")
    fleet.each_its_own()
    fleet.makes_a_card("by-port-left", "left")
    fleet.makes_a_card("by-port-right", "right")


def readers_by_topology(fleet):
    """Two readers of one name: each station finds the chip of its own printer's card."""
    names = {station: fleet.desks[station].ask("status")["reader"] for station in ("by-port-left", "by-port-right")}
    check(all(reader["present"] for reader in names.values()), names)
    for station in names:
        result = fleet.makes_a_card(station, OWN[station], "chip")
        check(result["evidence"]["atr"].startswith("3B"), (station, result))


def main():
    fleet = Fleet(sys.argv[1])
    try:
        fleet.start()
        for test in (each_has_its_own, twins_are_not_guessed, one_owner, readers_by_topology, on_other_ports, pulled_in_a_job,
                     killed_while_it_was_away):
            test(fleet)
            print("ok", test.__name__, flush=True)
        check(not fleet.violations(), fleet.violations())
    except BaseException:
        fleet.tell()
        raise
    finally:
        fleet.stop()


main()
