#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Issuer scripts at the kiosk: PIN CHANGE of each cryptogram version, blocks, and a card that is torn in the middle."""
import json
import os
import shutil
import sys

import test_station
from ipc import Refused
from process import wait_for
from issuer import Issuer
from rig import Rig
from run_each import run_each
from testkeys import card_master_keys
from test_station import check, finished_card, kiosk_client

PAUSE = {"delay_ms": 200}
VERSIONS = (("80", "10"), ("81", "18"), ("82", "22"), ("83", "m16"), ("84", "m20"), ("85", "ccd"))


class Customer:
    """One card at the kiosk, from kiosk.begin to kiosk.end."""
    number = 0

    def __init__(self, rig, plastic, job, code, **members):
        Customer.number += 1
        self.rig, self.plastic, self.ticket = rig, plastic, f"S{Customer.number}"
        self.kiosk = kiosk_client(rig)
        rig.kiosk_chip.ask(cmd="present", plastic=plastic)
        self.hsm = rig.hsm()
        opened = self.hsm.call("session.open", kind="kiosk", ticket=self.ticket)
        ident = self.kiosk.send("kiosk.begin", fds=opened["fds"], ticket=self.ticket, timeout_ms=30000, **members)
        test_station.close_all(opened["fds"])
        answer(rig, self.kiosk, ident, plastic)
        self.hsm.call("kiosk.bind", [rig.seal(job.pan)], session=opened["json"]["session"], kit=job.kit, plastic_code=code,
                      expiry="2912")

    def choose(self, pin):
        check(self.kiosk.ask("kiosk.prove", ticket=self.ticket)["genuine"], "genuine")
        self.rig.pad.ask(cmd="customer", script=[{"pin": pin, **PAUSE}, {"pin": pin, **PAUSE}], clear=True)
        check(self.kiosk.ask("kiosk.pin", ticket=self.ticket, attempts=1)["outcome"] == "equal", "PIN")

    def ask_script(self, *commands, template=72):
        return self.kiosk.send("kiosk.script", ticket=self.ticket, commands=commands, template=template)

    def script(self, *commands, template=72):
        return self.kiosk.wait(self.ask_script(*commands, template=template))["json"]

    def reply(self, asked):
        return self.kiosk.replies[asked]["json"]

    def go(self):
        self.kiosk.ask("kiosk.end", ticket=self.ticket)
        self.rig.kiosk_chip.ask(cmd="remove")
        self.hsm.close()
        self.kiosk.close()
        wait_for_empty(self.rig)


def wait_for_empty(rig, kiosk=None):
    own = kiosk or kiosk_client(rig)
    wait_for("the reader to be empty", lambda: not own.ask("status")["reader"]["card"], 10)
    if not kiosk:
        own.close()


def put_in(rig, kiosk, plastic):
    wait_for_empty(rig, kiosk)
    rig.kiosk_chip.ask(cmd="present", plastic=plastic)


def answer(rig, kiosk, asked, plastic):
    """The reply to a call that reads a card; one that the reader does not see is pushed in again (vpcd misses one that comes at
    a bad moment)."""
    for _ in range(2):
        try:
            return kiosk.wait(asked, seconds=6)["json"]
        except TimeoutError:
            if kiosk.ask("status")["reader"]["card"]:
                break
            rig.kiosk_chip.ask(cmd="remove")
            put_in(rig, kiosk, plastic)
    return kiosk.wait(asked)["json"]


class ScriptRig(Rig):
    """Here customers are waited for as long as at a real kiosk: no test is about one who does not come."""

    def __init__(self, build):
        super().__init__(build)
        self.issuer = Issuer("608040")
        self.keys.update({k.label: k for k in card_master_keys("aes128")}, issuer=self.issuer)

    def config(self):
        """Product 88 has keys of AES: in the style of the common core definitions, as shipped."""
        config = super().config()
        config["pin"]["entry_timeout_ms"] = 15000
        config["products"].append({**self.product("88", 3), "cvn": "ccd", "chip_pin_script": True, "profile": "style-ccd-debit.json",
                                   "issuer_key": "issuer", "issuer_certificate": "issuer.json",
                                   **{f"imk_{part}": f"aes128-imk-{part}" for part in ("ac", "smi", "smc")}})
        return config

    def start_token(self):
        self.write("profiles/issuer.json", self.issuer.json())
        super().start_token()


def chip(plastic):
    with open(os.path.join(plastic, "chip.json")) as f:
        return json.load(f)


def copy_of(rig, plastic, name):
    other = rig.path("plastics", name)
    shutil.copytree(plastic, other)
    return other


def with_external_authenticate(rig, plastic, name):
    """A card that wants the bank's answer by EXTERNAL AUTHENTICATE: the 10 bytes of method 1 do not fit its CDOL2."""
    other = copy_of(rig, plastic, name)
    memory = chip(other)
    aip = memory["dgis"]["9104"]
    check(aip.startswith("82021800"), aip)
    memory["dgis"]["9104"] = "82021C00" + aip[8:]
    with open(os.path.join(other, "chip.json"), "w") as f:
        json.dump(memory, f)
    return other


def block_of(pin):
    return f"2{len(pin):X}{pin}".ljust(16, "F")


def clean(rig):
    state = rig.kiosk_chip.ask(cmd="state")
    check(state["violation_count"] == 0, state)


def test_pin_change_of_each_version(rig, plastic, job):
    method1 = with_external_authenticate(rig, plastic, "method-1")
    for number, (code, cvn) in enumerate(VERSIONS):
        card = method1 if cvn in ("10", "m16", "m20") else plastic
        rig.replace_kiosk_card("--cvn", cvn)
        customer = Customer(rig, card, job, code)
        pin = f"72{number}4"
        customer.choose(pin)
        before = chip(card)
        reply = customer.script("pin-change", template=71 if number % 2 else 72)
        check(reply["outcome"] == "done" and reply["sw"] == "9000" and reply["pin_tries"] == 3, (cvn, reply))
        after = chip(card)
        check(after["pin"] == block_of(pin), (cvn, "the chip has another PIN"))
        check(after["atc"] == before["atc"] + 1 == reply["atc"], (cvn, reply, before["atc"]))
        clean(rig)
        customer.go()


def test_several_commands_in_one_script(rig, plastic, job):
    for code, cvn, template in (("84", "m20", 71), ("85", "ccd", 72)):
        card = plastic if cvn == "ccd" else with_external_authenticate(rig, plastic, "several-" + cvn)
        rig.replace_kiosk_card("--cvn", cvn)
        customer = Customer(rig, card, job, code)
        customer.choose("73951")
        reply = customer.script("pin-change", "pin-unblock", template=template)
        check(reply["outcome"] == "done" and reply["done"] == 2, (cvn, reply))
        check(chip(card)["pin"] == block_of("73951"), "PIN")
        clean(rig)
        customer.go()
    rig.replace_kiosk_card()


def test_keys_of_aes(rig, plastic, job):
    """A card made with AES keys: its cryptogram proven, PIN and try counter by chained MACs, a block and its end; a copy with other keys is none."""
    rig.replace_desk_card("--apps", "pse,ppse")
    rig.replace_kiosk_card("--apps", "pse,ppse")
    desk = test_station.connect(rig)
    made = test_station.Job(rig, desk, "88")
    result = made.through("feed", "stripe", "chip", "verify")
    check(result["evidence"]["atc"] >= 1, result)
    made.through("print", "eject")
    card = rig.printer.ask(cmd="take")["plastic"]
    state = rig.chip.ask(cmd="state", plastic=card)
    check(state["violation_count"] == 0, state)
    made.end()
    desk.close()
    customer = Customer(rig, card, made, "88")
    customer.choose("73951")
    reply = customer.script("pin-change", "pin-unblock", template=71)
    check(reply["outcome"] == "done" and reply["done"] == 2 and reply["pin_tries"] == 3, reply)
    check(chip(card)["pin"] == block_of("73951"), "PIN")
    customer.go()
    for command, blocked in (("application-block", True), ("application-unblock", False)):
        customer = Customer(rig, card, made, "88", blocked=True)
        reply = customer.script(command)
        check(reply["outcome"] == "done" and reply["genuine"] and chip(card)["app_blocked"] == blocked, (command, reply))
        customer.go()
    clean(rig)
    other = Customer(rig, edited(rig, card, "another-key", dgis={**chip(card)["dgis"], "8000": chip(card)["dgis"]["8000"][::-1]}), made, "88")
    check(not other.kiosk.ask("kiosk.prove", ticket=other.ticket)["genuine"], "a card with other keys was believed")
    other.go()
    rig.replace_desk_card()
    rig.replace_kiosk_card()


def test_blocked_and_unblocked(rig, plastic, job):
    customer = Customer(rig, plastic, job, "81")
    customer.choose("7294")
    check(customer.script("application-block")["outcome"] == "done", "block")
    customer.go()
    check(chip(plastic)["app_blocked"], "the application is blocked")
    try:
        Customer(rig, plastic, job, "81")
        check(False, "a blocked application was taken")
    except Refused as e:
        check(e.error["native"] == 0x6283, e.error)
        rig.kiosk_chip.ask(cmd="remove")
        wait_for_empty(rig)
    customer = Customer(rig, plastic, job, "81", blocked=True)
    reply = customer.script("application-unblock")
    check(reply["outcome"] == "done" and reply["genuine"], reply)
    customer.go()
    check(not chip(plastic)["app_blocked"], "the application is not blocked any more")
    lost = copy_of(rig, plastic, "lost")
    customer = Customer(rig, lost, job, "81")
    customer.choose("7294")
    check(customer.script("card-block")["outcome"] == "done", "card block")
    check(chip(lost)["card_blocked"], "the card is blocked")
    clean(rig)
    customer.go()


def test_new_cards_of_method_1(rig, plastic, job):
    """What was personalised is proven with the number and the answer of its own version."""
    for code, cvn in (("86", "m16"), ("87", "m20")):
        rig.replace_desk_card("--cvn", cvn)
        desk = test_station.connect(rig)
        card = test_station.Job(rig, desk, code)
        result = card.through("feed", "stripe", "chip", "verify")
        check(result["evidence"]["atc"] >= 1, (cvn, result))
        card.through("print", "eject")
        state = rig.chip.ask(cmd="state", plastic=rig.printer.ask(cmd="take")["plastic"])
        check(state["violation_count"] == 0 and state["ext_auth_failures"] == 0, (cvn, state))
        card.end()
        desk.close()
    rig.replace_desk_card()


def test_no_pin_no_script(rig, plastic, job):
    customer = Customer(rig, plastic, job, "81")
    before = chip(plastic)["pin"]
    check(customer.kiosk.ask("kiosk.prove", ticket=customer.ticket)["genuine"], "genuine")
    reply = customer.script("pin-change")
    check(reply["outcome"] == "not_done" and reply["done"] == 0, reply)
    check(chip(plastic)["pin"] == before, "PIN")
    customer.go()


def torn(rig, plastic, job, pin, **fault):
    customer = Customer(rig, plastic, job, "81")
    customer.choose(pin)
    rig.kiosk_chip.ask(cmd="fault", **fault)
    reply = answer(rig, customer.kiosk, customer.ask_script("pin-change"), plastic)
    rig.kiosk_chip.ask(cmd="fault", kind="none")
    customer.go()
    return reply


def test_a_torn_card_gets_a_new_transaction(rig, plastic, job):
    """Before or after the card did it, at the script and at each cryptogram: never the same command again."""
    for pin, ins, kind in (("7291", "24", "tear"), ("7292", "24", "die"), ("7293", "AE", "tear")):
        reply = torn(rig, plastic, job, pin, kind=kind, ins=ins, nth=1, reconnect=True)
        check(reply["outcome"] == "done", (kind, ins, reply))
        check(chip(plastic)["pin"] == block_of(pin), (kind, ins))
        clean(rig)


def test_a_refusal_is_told(rig, plastic, job):
    before = chip(plastic)["pin"]
    reply = torn(rig, plastic, job, "7297", kind="sw", ins="24", nth=1, sw="6985")
    check(reply["outcome"] == "not_done" and reply["sw"] == "6985" and reply["text"], reply)
    check(chip(plastic)["pin"] == before, "PIN")


def waiting_for_the_card(rig, plastic, job, pin):
    """The card is torn and stays away: the customer, and the call that waits."""
    customer = Customer(rig, plastic, job, "81")
    customer.choose(pin)
    rig.kiosk_chip.ask(cmd="fault", kind="tear", ins="24", nth=1, reconnect=False)
    asked = customer.ask_script("pin-change")
    wait_for("the pad to ask for the card", lambda: "CARD BACK" in rig.pad.ask(cmd="state")["display"])
    return customer, asked


def test_torn_and_not_back(rig, plastic, job):
    customer, asked = waiting_for_the_card(rig, plastic, job, "7298")
    customer.go()
    reply = customer.reply(asked)
    check(reply["outcome"] == "unknown" and reply["text"], reply)


def test_torn_and_another_card(rig, plastic, job):
    other = copy_of(rig, plastic, "other")
    memory = chip(other)
    number = job.pan[:-4] + "".join(str(9 - int(d)) for d in job.pan[-4:])
    check(job.pan in memory["dgis"]["0101"], "the number is in the first record")
    memory["dgis"] = {k: v.replace(job.pan, number) for k, v in memory["dgis"].items()}
    with open(os.path.join(other, "chip.json"), "w") as f:
        json.dump(memory, f)
    customer, asked = waiting_for_the_card(rig, plastic, job, "7299")
    before = chip(other)["pin"]
    put_in(rig, customer.kiosk, other)
    reply = answer(rig, customer.kiosk, asked, other)
    customer.go()
    check(reply["outcome"] == "unknown" and "another card" in reply["text"], reply)
    check(chip(other)["pin"] == before, "the other card has its own PIN")


def edited(rig, plastic, name, **members):
    other = copy_of(rig, plastic, name)
    memory = {**chip(other), **members}
    with open(os.path.join(other, "chip.json"), "w") as f:
        json.dump(memory, f)
    return other


def test_lost_answers_are_read_back(rig, plastic, job):
    """A block or an unblock whose answer is lost: the card itself tells whether it was done, and no second command is sent."""
    for command, ins, members, flag in (
            ("application-block", "1E", {}, lambda m: m["app_blocked"]),
            ("application-unblock", "18", {"app_blocked": True}, lambda m: not m["app_blocked"]),
            ("pin-unblock", "24", {"pin_tries": 0}, lambda m: m["pin_tries"] > 0)):
        for kind in ("tear", "die") if command != "application-unblock" else ("tear",):
            card = edited(rig, plastic, f"{command}-{kind}", **members)
            customer = Customer(rig, card, job, "81", blocked=True)
            rig.kiosk_chip.ask(cmd="fault", kind=kind, ins=ins, nth=1, reconnect=True)
            reply = answer(rig, customer.kiosk, customer.ask_script(command), card)
            done = kind == "tear"
            check(reply["outcome"] == ("done" if done else "not_done"), (command, kind, reply))
            check(flag(chip(card)) == done, (command, kind))
            clean(rig)
            rig.kiosk_chip.ask(cmd="fault", kind="none")
            customer.go()


def test_any_blocked_card_is_not_the_blocked_one(rig, plastic, job):
    """SELECT 6A81 does not say whose card it is: the right one and another one, after the answer to a card block was lost."""
    for name, put in (("card-block-tear", None), ("card-block-swap", "blocked long ago")):
        card = copy_of(rig, plastic, name)
        customer = Customer(rig, card, job, "81", blocked=True)
        kind, back = ("tear", card) if not put else ("die", edited(rig, plastic, put, card_blocked=True))
        rig.kiosk_chip.ask(cmd="fault", kind=kind, ins="16", nth=1, reconnect=not put)
        asked = customer.ask_script("card-block")
        if put:
            wait_for("the pad to ask for the card", lambda: "CARD BACK" in rig.pad.ask(cmd="state")["display"])
            rig.kiosk_chip.ask(cmd="fault", kind="none")
            put_in(rig, customer.kiosk, back)
        reply = answer(rig, customer.kiosk, asked, back)
        check(reply["outcome"] == "unknown" and "which one" in reply["text"], reply)
        check(chip(card)["card_blocked"] == (not put), name)
        rig.kiosk_chip.ask(cmd="fault", kind="none")
        customer.go()


def with_another_key(rig, plastic, name, **members):
    """A card that tells what the true one tells, and does not have its keys."""
    other = edited(rig, plastic, name, **members)
    memory = chip(other)
    memory["dgis"]["8000"] = memory["dgis"]["8000"][::-1]
    with open(os.path.join(other, "chip.json"), "w") as f:
        json.dump(memory, f)
    return other


def test_a_copy_is_not_believed(rig, plastic, job):
    for command, members in (("application-block", {"app_blocked": True}), ("application-unblock", {})):
        card = with_another_key(rig, plastic, "copy-" + command, **members)
        customer = Customer(rig, card, job, "81", blocked=True)
        reply = customer.script(command)
        check(reply["outcome"] == "unknown" and not reply["genuine"] and "not proven genuine" in reply["text"], reply)
        customer.go()


def test_what_is_so_already_is_not_sent(rig, plastic, job):
    for command, members in (("application-block", {"app_blocked": True}), ("application-unblock", {})):
        card = edited(rig, plastic, "already-" + command, **members)
        customer = Customer(rig, card, job, "81", blocked=True)
        before = chip(card)
        reply = customer.script(command)
        check(reply["outcome"] == "done" and reply["done"] == 0 and reply["genuine"] and "read back" in reply["text"], reply)
        check(chip(card)["app_blocked"] == before["app_blocked"], command)
        clean(rig)
        customer.go()


def test_try_counter_is_reset(rig, plastic, job):
    for template in (71, 72):
        card = edited(rig, plastic, f"tries-{template}", pin_tries=0)
        customer = Customer(rig, card, job, "81", blocked=True)
        reply = customer.script("pin-unblock", template=template)
        check(reply["outcome"] == "done" and reply["pin_tries"] == 3 == chip(card)["pin_tries"], reply)
        check(chip(card)["pin"] == chip(plastic)["pin"], "the PIN is another one")
        clean(rig)
        customer.go()


GROUPS = {"versions": (test_pin_change_of_each_version, test_several_commands_in_one_script,
                         test_new_cards_of_method_1, test_keys_of_aes, test_no_pin_no_script),
          "torn": (test_lost_answers_are_read_back, test_any_blocked_card_is_not_the_blocked_one, test_a_copy_is_not_believed,
                   test_what_is_so_already_is_not_sent, test_try_counter_is_reset,
                  test_blocked_and_unblocked, test_a_torn_card_gets_a_new_transaction, test_a_refusal_is_told,
                   test_torn_and_not_back, test_torn_and_another_card)}


def main():
    rig = ScriptRig(sys.argv[1])
    tests = GROUPS[sys.argv[2]]
    bad = 0
    try:
        rig.start()
        plastic, job = finished_card(rig)
        bad = run_each(tests, lambda test: test(rig, plastic, job), rig.tell, go_on=False)
    finally:
        rig.stop()
    print(f"{len(tests) - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
