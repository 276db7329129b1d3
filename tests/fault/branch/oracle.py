# SPDX-License-Identifier: Apache-2.0
"""What must hold after every case: the books, the plastics in the emulators, the server, and what the emulators complain of."""
import os
import re

from person import PANELS, read_plastic


class Wrong(Exception):
    pass


def need(true, text):
    if not true:
        raise Wrong(text)


class Oracle:
    def __init__(self, world):
        self.world = world
        self.repeated_deliveries = 0  # a report whose answer was lost with the daemon is sent again

    def _plastics(self):
        """Every plastic that left a hopper."""
        root = self.world.branch.path("plastics")
        for name in sorted(os.listdir(root)):
            folder = os.path.join(root, name)
            if os.path.exists(os.path.join(folder, "plastic.json")):
                yield folder, read_plastic(folder)

    def _touched_once(self):
        for folder, plastic in self._plastics():
            events = [e["event"] for e in plastic["history"]]
            name = os.path.basename(folder)
            need(events.count("stripe written") <= 1, f"{name}: its stripe was written {events.count('stripe written')} times")
            for p in PANELS:
                need(events.count(f"panel {p} printed") <= 1, f"{name}: panel {p} was printed twice")

    def _keys_tried_once(self):
        """One EXTERNAL AUTHENTICATE a chip, and after it each command once: a wrapped one sent again breaks the channel."""
        for desk in self.world.branch.desks:
            name, tries = "", 0
            with open(self.world.branch.path("logs", f"apdu-{desk.name}.log")) as log:
                for line in log:
                    card = re.search(r"card in the reader: (\S+)", line)
                    if card and card.group(1) != name:
                        name, tries = card.group(1), 0
                    tries += " INS 82," in line
                    need(tries <= 1, f"{name}: a key was tried {tries} times on this chip")
                    need(" SW 6982" not in line, f"{name}: the secure channel refused a command")

    def _books(self):
        branch = self.world.branch
        stock = branch.cli("stock")
        need(stock["balanced"] and stock["unaccounted"] == 0, f"the ledger does not balance: {stock}")
        places = {}
        for p in stock["places"]:
            places[p["place"]] = places.get(p["place"], 0) + p["count"]
        fed = rejected = lies = 0
        for desk in branch.desks:
            state = desk.printer.ask(cmd="state")
            need(state["card"] is None, f"{desk.name}: a card is left in the machine")
            need(places.get("hopper:" + desk.name, 0) == state["hopper"],
                 f"{desk.name}: {state['hopper']} cards in the hopper, the ledger says {places.get('hopper:' + desk.name, 0)}")
            need(places.get("transport:" + desk.name, 0) == 0, f"{desk.name}: the ledger has a card in the machine")
            fed += state["counters"]["fed"]
            rejected += len(state["reject"])
            lies += len(state["output"])
        rejected += len(self.world.person.box)
        taken = sum(1 for folder, p in self._plastics() if p["where"] == "taken" and folder not in self.world.person.box)
        need(stock["drawn"] == fed, f"{fed} cards were fed, the ledger says {stock['drawn']}")
        need(stock["spoiled"] + stock["destroyed"] == rejected,
             f"{rejected} cards in the reject boxes, the ledger says {stock['spoiled'] + stock['destroyed']}")
        need(stock["in_output"] + stock["in_kiosk"] + stock["delivered"] == lies + taken,
             f"{lies + taken} good cards, the ledger says {stock}")

    def _journal(self):
        branch = self.world.branch
        need(branch.cli("audit")["intact"], "the audit chain is broken")
        for check in branch.cli("doctor")["checks"]:
            need(check["what"] not in ("journal", "audit log", "stock") or check["verdict"] == "ok",
                 f"doctor: {check['what']}: {check['text']}")

    def _one_live_plastic(self, kit):
        branch = self.world.branch
        live = [p for p in branch.plastic_of(kit) if p["where"] != "reject" and p["folder"] not in self.world.person.box]
        need(len(live) == 1, f"kit {kit} has {len(live)} live plastics")
        folder = live[0]["folder"]
        events = [e["event"] for e in read_plastic(folder)["history"]]
        need(events.count("stripe written") == 1, f"kit {kit}: its stripe was written {events.count('stripe written')} times")
        need(all(events.count(f"panel {p} printed") == 1 for p in PANELS), f"kit {kit}: it is not printed as it should be")
        desk = [d for d in branch.desks if live[0]["printer"] == "EMU-" + d.name][0]
        need(desk.card.ask(cmd="state", plastic=folder)["personalised"], f"kit {kit}: its chip is not personalised")

    def _server(self):
        state = self.world.branch.bank.state()
        need(state["duplicate_activations"] == 0, "a kit was activated twice")
        need(state["duplicate_deliveries"] <= self.repeated_deliveries, "a delivery was reported twice")
        need(state["request_id_other_body"] == 0, "a request id was used for another body")
        for kit in state["kits"]:
            need(kit["activationCount"] <= 1 and kit["pinSetCount"] <= 1, f"the server has had too much of kit {kit}")

    def check(self):
        """After a case: everything is at rest."""
        self._touched_once()
        self._keys_tried_once()
        self._books()
        self._journal()
        for kit in self.world.made[-2:]:
            self._one_live_plastic(kit)
        self._server()
        need(not self.world.branch.violations(), f"the emulators complain: {self.world.branch.violations()}")

    def check_end(self):
        """At the end of a lane: every kit once more, and the server knows of each."""
        for kit in self.world.made:
            self._one_live_plastic(kit)

        def reported():
            kits = {k["kitNo"]: k for k in self.world.branch.bank.state()["kits"]}
            return all(kits[k]["deliveryStatus"] in ("BANK", "DELIVERED") for k in self.world.made)
        self.world.wait("the reports to reach the server", reported)
        self._server()
