#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A mixed fleet on one machine: printers of three families on one bus, two of them with the same serial, one without any, a station for
each. Nobody has another's. usage: test_fleet.py BUILD
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from ipc import Peer  # noqa: E402
from rig import Emulator, Rig, listens, socket_answers, wait_for  # noqa: E402

PROGRAMS = {"evolis": "printer/emu-printer", "magicard": "printer-magicard/emu-printer-magicard", "matica": "printer-matica/emu-printer-matica"}
# name: family, serial, serial string on the bus, port
PRINTERS = {"alone": ("evolis", "EV-1", "EV-1", "1-1"), "left": ("evolis", "TWIN", "TWIN", "1-2"), "right": ("evolis", "TWIN", "TWIN", "1-3"),
            "mute": ("magicard", "MG-1", "", "1-4"), "matica": ("matica", "MX-1", "MX-1", "1-5")}
# station: driver, printer_serial
STATIONS = {"by-serial": ("evolis", "EV-1"), "by-port-left": ("evolis", "port:1-2"), "by-port-right": ("evolis", "port:1-3"),
            "by-asking": ("magicard", "MG-1"), "matica": ("matica", "MX-1"), "unclear": ("evolis", "TWIN")}
# of another configuration, which cannot know of the first
RIVALS = {"second": ("evolis", "EV-1")}


def check(good, what):
    if not good:
        raise AssertionError(what)


class Fleet(Rig):
    def config(self, stations=None):
        config = super().config()
        config["products"] = config["products"][:1]
        config["stations"] = [{"name": name, "kind": "issue", "printer_driver": driver, "printer_serial": serial, "reader": "none here",
                               "plastic_codes": "71"} for name, (driver, serial) in (stations or STATIONS).items()]
        return config

    def start_emulator(self, name, number):
        family, serial, usb_serial, port = PRINTERS[name]
        ready, control = self.path(name + ".ready"), self.path(name)
        argv = ["tests/emu/" + PROGRAMS[family], "--ready-file", ready, "--plastics", self.path("plastics-" + name), "--control", control,
                "--serial", serial, "--usb-serial", usb_serial, "--port", port, "--dev", str(2 + 15 * number), "--hopper", "20"]
        process = self.run("printer-" + name, argv + (["--testbed", self.testbed["UMOCKDEV_DIR"]] if number else []))
        wait_for(name, lambda: os.path.exists(ready) and socket_answers(control), processes=[process])
        with open(ready) as f:
            self.testbed = {"UMOCKDEV_DIR": f.read().strip()}
        return Emulator(control)

    def start(self):
        for folder in ("logs", "run", "profiles"):
            os.makedirs(self.path(folder))
        self.write("cardwright.json", json.dumps(self.config()))
        self.printers = {name: self.start_emulator(name, n) for n, name in enumerate(PRINTERS)}
        self.desks = {}
        for name in STATIONS:
            self.start_station_of(name, "cardwright.json")

    def start_station_of(self, name, config):
        process = self.run("stationd-" + name, ["drivers/cardwright-stationd", "--config", self.path(config), "--station", name],
                           self.testbed, ["umockdev-wrapper"])
        wait_for(name, lambda: listens(self.path(f"run/station/{name}.sock")), processes=[process])
        self.desks[name] = Peer(self.path(f"run/station/{name}.sock"))
        self.desks[name].ask("hello", generation=1)

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

    def fed(self):
        return {name: emulator.ask(cmd="state")["counters"]["fed"] for name, emulator in self.printers.items()}

    def makes_a_card(self, station, printer):
        """A test card of a station uses a card of its own printer and of no other."""
        before = self.fed()
        result = self.desks[station].ask("test_card", kind="std")
        check(result["outcome"] == "done", (station, result))
        after = self.fed()
        check([n for n in after if after[n] != before[n]] == [printer], (station, before, after))

    def violations(self):
        states = {name: emulator.ask(cmd="state") for name, emulator in self.printers.items()}
        return {name: s["violation_texts"] for name, s in states.items() if s["violations"]}


def each_has_its_own(fleet):
    fleet.ready("by-serial", "by-port-left", "by-port-right", "by-asking", "matica")
    fleet.makes_a_card("by-serial", "alone")
    fleet.makes_a_card("by-port-left", "left")
    fleet.makes_a_card("by-port-right", "right")
    fleet.makes_a_card("by-asking", "mute")
    wait_for("each printer to be somebody's", lambda: all(p.ask(cmd="state")["bus"]["claimed"] for p in fleet.printers.values()))


def twins_are_not_guessed(fleet):
    told = fleet.says("unclear", "2 printers fit")
    check(told["state"] == "offline", told)


def one_owner(fleet):
    fleet.write("rival.json", json.dumps(fleet.config(RIVALS)))
    fleet.start_station_of("second", "rival.json")
    told = fleet.says("second", "other software holds")
    check(told["state"] == "offline", told)
    fleet.makes_a_card("by-serial", "alone")


def main():
    fleet = Fleet(sys.argv[1])
    try:
        fleet.start()
        for test in (each_has_its_own, twins_are_not_guessed, one_owner):
            test(fleet)
            print("ok", test.__name__, flush=True)
        check(not fleet.violations(), fleet.violations())
    except BaseException:
        for process in fleet.processes:
            print(f"--- {process.name}\n{process.tail(5)}", flush=True)
        raise
    finally:
        fleet.stop()


main()
