#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
cardwright-stationd alone, against a virtual printer, virtual chips, a virtual PIN pad and the real hsmd; the test plays
cardwrightd. usage: test_station.py BUILD [test...]
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from ipc import Peer, Refused, close_all  # noqa: E402
from rig import Job, Rig, wait_for  # noqa: E402
from run_each import run_each  # noqa: E402

ALL = ("feed", "stripe", "chip", "verify", "print", "eject")


def ack_attempts(peer, event):
    if event["event"] == "attempt":
        peer.send("attempt.ack", job=event["job"], seq=event["seq"])


def connect(rig, ack=True):
    desk = rig.desk()
    desk.on_event = ack_attempts if ack else None
    desk.ask("hello", generation=1)
    wait_for("the printer", lambda: desk.ask("status")["printer"]["state"] == "ready", 15)
    wait_for("the reader", lambda: desk.ask("status")["reader"]["present"], 15)
    return desk


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def failed(result, code, outcome="failed", cls=None):
    check(result["outcome"] == outcome and result["code"] == code and (cls is None or result["class"] == cls), result)
    check(len(result["text"]) > 10 and result["where"], result)


def plastic_of(answer):
    with open(os.path.join(answer, "plastic.json")) as f:
        return json.load(f)


def clean_up(rig, job=None):
    """Whatever is still inside goes to the reject box by hand; nothing may have been done against the rules."""
    if job:
        job.end()
    state = rig.printer.ask(cmd="state")
    rig.printer.ask(cmd="faults_off")
    rig.chip.ask(cmd="fault", kind="none")
    if state["position"] not in ("none", "hopper", "output"):
        rig.printer.ask(cmd="clear", to="taken")
    check(state["violations"] == 0, state["violation_texts"])


def memory_of(pid):
    """Everything a process can read of itself."""
    found = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            if "r" not in rights or "[v" in line:
                continue
            start, end = (int(x, 16) for x in area.split("-"))
            try:
                memory.seek(start)
                found.append((line.strip(), memory.read(end - start)))
            except OSError:
                continue  # guard pages, locked-away secrets of the kernel
    return found


def canary(pid, pan):
    """Where a process has the PAN, as digits or packed."""
    time.sleep(0.2)
    forms = (pan.encode(), bytes.fromhex(pan + "F" * (len(pan) % 2)))
    return [area for area, content in memory_of(pid) if any(form in content for form in forms)]


# ---- one card ----

def whole_card(rig, plastic_code, scp):
    desk = connect(rig)
    job = Job(rig, desk, plastic_code)
    check(job.step("preflight")["outcome"] == "done", "preflight")
    job.through("feed", "stripe")
    check(canary(rig.station.pid(), job.pan), "the canary would not notice a PAN")
    chip = job.step("chip")
    check(chip["outcome"] == "done" and chip["key_tried"] and chip["where"] == "contact", chip)
    check(chip["evidence"]["scp"] == scp and len(chip["evidence"]["cplc"]) == 84, chip)
    attempts = [e for e in desk.events if e["event"] == "attempt"]
    check(len(attempts) == 1 and attempts[0]["card"] == chip["evidence"]["cplc"] and attempts[0]["scp"] == scp, attempts)
    check(any(e["event"] == "progress" and e["percent"] > 0 for e in desk.events), "progress")
    verify = job.step("verify")
    check(verify["outcome"] == "done" and verify["evidence"]["cplc"] == chip["evidence"]["cplc"], verify)
    check(verify["evidence"]["atc"] >= 1 and verify["evidence"]["records"] == 3, verify)
    check(job.baseline()["cplc"] == chip["evidence"]["cplc"], job.base)
    printed = job.step("print")
    check(printed["outcome"] == "done" and printed["ribbon_used"], printed)
    done = job.step("eject")
    check(done["outcome"] == "done" and done["where"] == "output", done)
    check(desk.ask("hello", generation=1)["job"] == job.name, "job is still named")
    check(not canary(rig.station.pid(), job.pan), "the PAN stayed after the card had left")
    plastic = rig.printer.ask(cmd="take")["plastic"]
    with open(os.path.join(plastic, "stripe.json")) as f:
        tracks = {t["track"]: t["text"] for t in json.load(f)["tracks"]}
    check(job.pan in tracks[2] and "RAO/ASHA" in tracks[1], "stripe")
    with open(os.path.join(plastic, "chip.json")) as f:
        memory = json.load(f)
    check("violations" not in memory or not memory["violations"], "chip violations")
    state = rig.chip.ask(cmd="state", plastic=plastic)
    check(state["personalised"] and state["violation_count"] == 0 and state["ext_auth_failures"] == 0, state)
    check(os.path.exists(os.path.join(plastic, "front.png")), "no face was printed")
    for name in ("stationd-desk.log", "hsmd.log"):
        with open(rig.path("logs", name)) as f:
            check(job.pan not in f.read(), "a PAN in " + name)
    clean_up(rig, job)
    desk.close()


def test_scp03_card(rig):
    whole_card(rig, "71", 3)


def test_scp02_card(rig):
    whole_card(rig, "72", 2)


def test_card_with_new_keys(rig):
    """A job whose profile puts keys and ends the card's life cycle: each key version is an attempt of its own."""
    desk = connect(rig)
    job = Job(rig, desk, "74")
    check(job.step("preflight")["outcome"] == "done", "preflight")
    job.through("feed", "stripe")
    chip = job.step("chip")
    check(chip["outcome"] == "done" and chip["evidence"]["new_keys"] == "new" and chip["evidence"]["new_kvn"] == 0x31, chip)
    check(len(chip["evidence"]["new_kcv"]) == 18, chip)
    attempts = [(e["card"], e["kvn"]) for e in desk.events if e["event"] == "attempt"]
    check(attempts == [(chip["evidence"]["cplc"], 0x30), (chip["evidence"]["cplc"], 0x31)], attempts)
    check(job.step("verify")["outcome"] == "done", "verify")
    check(job.step("eject")["outcome"] == "done", "eject")
    plastic = rig.printer.ask(cmd="take")["plastic"]
    state = rig.chip.ask(cmd="state", plastic=plastic)
    check(state["life_cycle"] == "SECURED" and state["violation_count"] == 0, state)
    with open(os.path.join(plastic, "chip.json")) as f:
        check([put["kvn"] for put in json.load(f)["puts"]] == [0x31], "the keys on the chip")
    clean_up(rig, job)
    desk.close()


def test_t0_card_with_format_1(rig):
    """Case 4 without Le, 61xx and GET RESPONSE; answers in template 80."""
    rig.replace_desk_card("--protocol", "t0", "--format", "80")
    try:
        whole_card(rig, "71", 3)
        whole_card(rig, "72", 2)
    finally:
        rig.replace_desk_card()


def test_chip_without_response_security(rig):
    """i=10 where the product wants level 33: no key is tried, and the level is not lowered."""
    rig.replace_desk_card("--i03", "10")
    try:
        desk, job = to_chip(rig)
        result = job.step("chip")
        failed(result, "PRD_SMARTCARD", cls="REJECT")
        check(not result["key_tried"] and "level 33" in result["text"], result)
        leave(rig, desk, job)
    finally:
        rig.replace_desk_card()


# ---- before a card moves ----

def test_ribbon_out_at_preflight(rig):
    desk = connect(rig)
    job = Job(rig, desk)
    rig.printer.ask(cmd="ribbon", kind="ymcko", remaining=0)
    failed(job.step("preflight"), "PRT_RIBBON_ENDED", cls="OPERATOR")
    check(desk.ask("status")["printer"]["code"] == "PRT_RIBBON_ENDED", "status")
    rig.printer.ask(cmd="ribbon", kind="ymcko", remaining=100)
    check(job.step("preflight")["outcome"] == "done", "preflight after the ribbon")
    clean_up(rig, job)
    desk.close()


def test_changed_profile(rig):
    """A profile with one other byte stops its own product, before a card moves; what was judged is what is used."""
    path = rig.path("profiles/method-1-cdol2.json")
    with open(path) as source:
        signed = source.read()
    rig.write(path, signed.replace("910A", "9108"))
    rig.kill_station()
    rig.start_station()
    desk = connect(rig)
    job = Job(rig, desk, "86")
    result = job.step("preflight")
    failed(result, "PRT_SETUP_ERROR", cls="OPERATOR")
    check("method-1-cdol2.json" in result["text"] and "does not hold" in result["text"], result)
    told = desk.ask("status")["profiles"]
    with open(rig.path("cardwright.json")) as f:
        others = len(json.load(f)["products"]) - 1
    check(told["signature"] == "required" and told["refused"] == 1 and told["signed"] == others and told["unsigned"] == 0
          and told["text"] == result["text"], told)
    check(rig.profile_check(path)[0] == 1 and "does not hold" in rig.profile_check(path)[1], "the command sees it too")
    os.rename(path + ".sig", path + ".away")
    check("is not signed" in job.step("preflight")["text"], "unsigned")
    os.rename(path + ".away", path + ".sig")
    job.end()
    job = Job(rig, desk)
    check(job.step("preflight")["outcome"] == "done", "another product")
    job.end()
    rig.write(path, signed)
    job = Job(rig, desk, "86")
    check(job.step("preflight")["outcome"] == "done", "the signed file is back")
    rig.write(path, signed + " ")
    check(job.step("preflight")["outcome"] == "done", "it was read once")
    check(desk.ask("status")["profiles"]["refused"] == 0, "status")
    rig.write(path, signed)
    check(rig.profile_check(path)[0] == 0 and "which holds" in rig.profile_check(path)[1], "the command")
    clean_up(rig, job)
    desk.close()


def test_instruction_about_data_that_no_job_brings(rig):
    """An instruction is not passed over: the product stops before a card moves."""
    desk = connect(rig)
    job = Job(rig, desk, "77")
    result = job.step("preflight")
    failed(result, "PRD_UNEXPECTED_DATA", cls="REJECT")
    check("VERCNTL, DGI A00A" in result["text"], result)
    clean_up(rig, job)
    waiting = Job(rig, desk, "76")
    result = waiting.step("preflight")
    failed(result, "PRT_SETUP_ERROR", cls="OPERATOR")
    check("DGI 3001 from a data set" in result["text"], result)
    clean_up(rig, waiting)
    desk.close()


def test_feed_never_on_a_card(rig):
    desk = connect(rig)
    job = Job(rig, desk)
    rig.printer.ask(cmd="fault", name="card_inside", at="now")
    wait_for("the station to see it", lambda: desk.ask("status")["printer"]["where"] == "print", 10)
    check(desk.ask("hello", generation=1)["where"] == "print", "hello tells of the card")
    before = rig.printer.ask(cmd="state")["hopper"]
    result = job.step("feed")
    check(result["outcome"] == "failed" and result["class"] == "OPERATOR", result)
    check(rig.printer.ask(cmd="state")["hopper"] == before, "a card was fed on a card")
    rig.printer.ask(cmd="clear", to="taken")
    clean_up(rig, job)
    desk.close()


def test_printer_unplugged_and_back(rig):
    desk = connect(rig)
    rig.printer.ask(cmd="unplug")
    wait_for("offline", lambda: desk.ask("status")["printer"]["state"] == "offline", 15)
    check(desk.ask("status")["printer"]["code"] == "PRT_NOT_REACHABLE", "code")
    rig.printer.ask(cmd="plug")
    wait_for("ready again", lambda: desk.ask("status")["printer"]["state"] == "ready", 15)
    desk.close()


# ---- stripe ----

def test_blank_stripe(rig):
    desk = connect(rig)
    job = Job(rig, desk)
    job.through("preflight", "feed")
    rig.printer.ask(cmd="fault", name="mag_blank")
    result = job.step("stripe")
    failed(result, "PRD_MAGSTRIPE")
    check(not result["key_tried"], result)
    rejected = job.step("reject")
    check(rejected["outcome"] == "done" and rejected["where"] == "reject", rejected)
    clean_up(rig, job)
    desk.close()


# ---- the technician ----

def refused(desk, text, call, **members):
    try:
        desk.ask(call, **members)
    except Refused as e:
        check(text in e.error["text"], e.error)
        return
    check(False, call + " was not refused")


def test_technician_at_the_printer(rig):
    """Counters follow the cards, a setting sticks, test cards of every kind come out, and none of it during a job."""
    desk = connect(rig)

    def lines(sheet):
        return {line["name"]: line["value"] for line in desk.ask("printer.sheet", sheet=sheet)["lines"]}
    inventory = desk.ask("status")["printer"]["inventory"]
    check(inventory["head"] == "001000123" and inventory["board"] is None and inventory["firmware"], inventory)
    before = int(lines("counters")["cards"])
    check(lines("sensors")["cover"] == "5.00", lines("sensors"))
    desk.ask("printer.apply", settings=[{"name": "mag.coercivity", "value": "l"}])
    check(lines("settings")["mag.coercivity"] == "l", lines("settings"))
    desk.ask("printer.apply", settings=[{"name": "mag.coercivity", "value": "h"}])
    refused(desk, "no such setting", "printer.apply", settings=[{"name": "zone", "value": "2"}])
    check(desk.ask("printer.raw", command="Rfv")["answer"], "firmware")
    refused(desk, "not for the console", "printer.raw", command="Smr;2")
    for kind in ("std", "mag", "chip"):
        result = desk.ask("test_card", kind=kind)
        check(result["outcome"] == "done" and result["where"] == "output", (kind, result))
    check(result["evidence"]["atr"].startswith("3B"), result)
    check(int(lines("counters")["cards"]) == before + 3, lines("counters"))
    rig.printer.ask(cmd="fault", name="mag_blank")
    result = desk.ask("test_card", kind="mag")
    failed(result, "PRD_MAGSTRIPE")
    check(result["where"] == "output", result)
    for _ in range(4):
        rig.printer.ask(cmd="take")
    failed(desk.ask("printer.clean"), "PRT_RIBBON", cls="OPERATOR")
    rig.printer.ask(cmd="ribbon", present=False)
    result = desk.ask("printer.clean")
    check(result["outcome"] == "done", result)
    rig.printer.ask(cmd="ribbon", kind="ymcko", remaining=100)
    job = Job(rig, desk)
    for call, members in (("printer.raw", {"command": "Rfv"}), ("printer.clean", {}), ("test_card", {"kind": "std"}),
                          ("printer.sheet", {"sheet": "counters"})):
        try:
            result = desk.ask(call, **members)
            check(result["class"] == "RETRY", result)
        except Refused as e:
            check("card job" in e.error["text"], e.error)
    clean_up(rig, job)
    desk.close()


# ---- chip ----

def to_chip(rig, plastic_code="71", ack=True):
    desk = connect(rig, ack)
    job = Job(rig, desk, plastic_code)
    job.through("preflight", "feed", "stripe")
    return desk, job


def leave(rig, desk, job):
    check(job.step("reject")["outcome"] == "done", "reject")
    clean_up(rig, job)
    desk.close()


def chip_plastic(rig):
    return rig.printer.ask(cmd="state")["card"]


def test_contact_at_the_second_try(rig):
    desk, job = to_chip(rig)
    rig.printer.ask(cmd="fault", name="contact_fail")
    result = job.step("chip")
    check(result["outcome"] == "done", result)
    leave(rig, desk, job)


def test_no_contact(rig):
    desk, job = to_chip(rig)
    rig.printer.ask(cmd="fault", name="contact_fail", count=0)
    result = job.step("chip")
    failed(result, "PRD_SMARTCARD_CARD_NOT_IN_READER", cls="OPERATOR")
    check(not result["key_tried"] and not [e for e in desk.events if e["event"] == "attempt"], result)
    leave(rig, desk, job)


def test_attempt_without_acknowledgement(rig):
    """The client goes away after the event: no key may be tried."""
    desk, job = to_chip(rig, ack=False)
    ident = job.send("chip")
    while not [e for e in desk.events if e["event"] == "attempt"]:
        desk._receive(30)
    desk.close()
    desk = rig.desk()
    job.desk = desk
    wait_for("the result", lambda: desk.ask("result.last")["result"], 30)
    result = desk.ask("result.last")["result"]
    check(result["seq"] == job.seq and result["outcome"] == "failed" and not result["key_tried"], result)
    check(ident > 0 and result["class"] == "RETRY", result)
    leave(rig, desk, job)


def test_wrong_card_keys(rig):
    """The card cryptogram tells before a try is burnt."""
    desk, job = to_chip(rig, "73")
    result = job.step("chip")
    check(result["outcome"] == "failed" and result["class"] == "REJECT" and not result["key_tried"], result)
    state = rig.chip.ask(cmd="state")
    check(state["ext_auth_failures"] == 0 and state["key_tries_scp03"] == 5, state)
    leave(rig, desk, job)


def test_chip_dies_in_store_data(rig):
    desk, job = to_chip(rig)
    rig.chip.ask(cmd="fault", kind="die", nth=4, ins="E2")
    result = job.step("chip")
    check(result["outcome"] == "failed" and result["class"] == "REJECT" and result["key_tried"], result)
    leave(rig, desk, job)


def test_chip_refuses_a_grouping(rig):
    desk, job = to_chip(rig)
    rig.chip.ask(cmd="fault", kind="sw", nth=3, ins="E2", sw="6A80")
    before = rig.chip.ask(cmd="state")["apdus"] if rig.chip.ask(cmd="state")["present"] else 0
    result = job.step("chip")
    failed(result, "PRD_SMARTCARD", cls="REJECT")
    check("6A80" in result["text"] and result["key_tried"] and result["native"] == 0x6a80, result)
    # SELECT, CPLC, INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, INSTALL, two STORE DATA; the third was not executed
    check(rig.chip.ask(cmd="state")["apdus"] - before == 7, rig.chip.ask(cmd="state")["apdus"])
    leave(rig, desk, job)


def test_torn_at_the_last_store_data(rig):
    """The completing command reached the chip, its answer never came: in doubt, and the chip itself tells."""
    desk, job = to_chip(rig)
    rig.chip.ask(cmd="fault", kind="tear", nth=10, ins="E2")
    result = job.step("chip")
    check(result["outcome"] == "in_doubt" and result["class"] == "IN_DOUBT" and result["key_tried"], result)
    verdict = job.reconcile("chip")
    check(verdict["verdict"] == "done" and verdict["where"] == "contact", verdict)
    check(job.step("verify")["outcome"] == "done", "verify after reconcile")
    leave(rig, desk, job)


def test_keys_added_and_the_answer_lost(rig):
    """The card listed no key of the new version before: what it lists afterwards is the answer that never came."""
    for kind, keys, outcome, cls in (("tear", "new", "in_doubt", "IN_DOUBT"), ("die", "old", "failed", "REJECT")):
        desk, job = to_chip(rig, "79")
        rig.chip.ask(cmd="fault", kind=kind, ins="D8", nth=1, reconnect=True)
        result = job.step("chip")
        check((result["outcome"], result["class"], result["evidence"]["new_keys"]) == (outcome, cls, keys), result)
        check(result["key_tried"] and result["evidence"]["new_kvn"] == 0x31, result)
        verdict = job.reconcile("chip")
        check(verdict["verdict"] == ("done" if keys == "new" else "not_done") and verdict["where"] == "contact", verdict)
        check(keys == "new" or "old card keys" in verdict["text"], verdict)
        if keys == "new":
            check(job.step("verify")["outcome"] == "done", "verify after reconcile")
        with open(os.path.join(chip_plastic(rig), "chip.json")) as f:
            check([put["kvn"] for put in json.load(f)["puts"]] == ([0x31] if keys == "new" else []), "the keys on the chip")
        leave(rig, desk, job)


def test_keys_that_are_there_already(rig):
    """A card from somewhere else in the hopper: no key of it is touched."""
    with open(rig.path("card-keys.json")) as f:
        keys = json.load(f)
    rig.replace_desk_card("--keys", rig.write("used-keys.json", json.dumps({**keys, "scp02": {**keys["scp02"], "kvn": "31"}})))
    try:
        desk, job = to_chip(rig, "79")
        result = job.step("chip")
        failed(result, "PRD_SMARTCARD", cls="REJECT")
        check(not result["key_tried"] and "version 31 already" in result["text"], result)
        check(not [e for e in desk.events if e["event"] == "attempt"], desk.events)
        leave(rig, desk, job)
    finally:
        rig.replace_desk_card()


def test_verify_notices_another_chip(rig):
    desk, job = to_chip(rig)
    job.through("chip")
    other = rig.path("plastics", "other")
    os.makedirs(other, exist_ok=True)
    rig.chip.ask(cmd="fault", kind="swap", plastic=other)
    time.sleep(1.0)
    result = job.step("verify")
    failed(result, "PRD_SMARTCARD", cls="REJECT")
    leave(rig, desk, job)


def test_mute_chip_does_not_hold_the_station(rig):
    """The call into pcscd never comes back: the station goes on, says that the reader hangs, and finds it again."""
    desk, job = to_chip(rig)
    rig.chip.ask(cmd="fault", kind="mute", nth=3, ins="E2")
    ident = job.send("chip")
    check(desk.ask("status", seconds=2)["busy"], "status is answered meanwhile")
    result = desk.wait(ident)["json"]
    failed(result, "PRD_TIMEOUT", cls="REJECT")
    check(result["key_tried"] and desk.ask("status")["reader"]["stuck"], result)
    failed(job.step("verify"), "PRD_TIMEOUT", cls="OPERATOR")
    rig.chip.ask(cmd="remove")
    wait_for("the reader to come back", lambda: not desk.ask("status")["reader"]["stuck"], 10)
    leave(rig, desk, job)


def test_pcscd_killed_under_the_chip(rig):
    desk, job = to_chip(rig)
    rig.chip.ask(cmd="fault", kind="late", nth=5, ins="E2", ms=1500)
    ident = job.send("chip")
    while not [e for e in desk.events if e["event"] == "attempt"]:
        desk._receive(30)
    time.sleep(0.7)
    rig.pcscd.kill()
    result = desk.wait(ident)["json"]
    check(result["key_tried"] and result["outcome"] == "failed" and result["class"] == "REJECT", result)
    wait_for("status to tell that the reader is gone", lambda: not desk.ask("status")["reader"]["present"], 5)
    rig.start_pcscd()
    wait_for("the reader to be back", lambda: desk.ask("status")["reader"]["present"], 20)
    leave(rig, desk, job)


# ---- results and restarts ----

def test_result_survives_the_connection(rig):
    desk = connect(rig)
    job = Job(rig, desk)
    job.through("preflight")
    job.send("feed")
    desk.close()
    desk = rig.desk()
    desk.on_event = ack_attempts
    job.desk = desk
    wait_for("the station to be idle", lambda: not desk.ask("status")["busy"], 20)
    result = desk.ask("result.last")["result"]
    check(result["outcome"] == "done" and result["step"] == "feed" and result["seq"] == job.seq, result)
    fed = rig.printer.ask(cmd="state")["hopper"]
    again = desk.ask("step", job=job.name, step="feed", seq=job.seq, baseline=job.base)
    check(again["outcome"] == "done" and again["ms"] == result["ms"], again)
    check(rig.printer.ask(cmd="state")["hopper"] == fed, "the step was performed twice")
    desk.ask("result.ack", job=job.name, step="feed", seq=job.seq)
    check(desk.ask("result.last")["result"] is None, "acknowledged results are forgotten")
    leave(rig, desk, job)


def is_refused(desk, text, call):
    try:
        desk.ask(call)
    except Refused as e:
        return text in e.error["text"]
    return False


def ended(rig):
    check(rig.station.wait(60) == 0, "the exit status")
    rig.processes.remove(rig.station)


def test_stopped_station_ends_its_step(rig):
    """SIGTERM while the chip step waits for its chip: the key try is still confirmed, the chip gets all of its data, the result is told,
    and only then does the process go. Nothing new is begun meanwhile; the card goes on at the next one. A client that is away for a
    moment just then comes back for the result."""
    desk, job = to_chip(rig)
    rig.chip.ask(cmd="fault", kind="late", ms=1500, ins="50", nth=1)
    ident = job.send("chip")
    wait_for("the chip to be asked", lambda: rig.chip.ask(cmd="state").get("apdus", 0) > 0)
    rig.station.child.terminate()
    wait_for("the signal", lambda: is_refused(desk, "being stopped", "baseline"), 10)
    result = desk.wait(ident)["json"]
    check(result["outcome"] == "done" and result["key_tried"] and result["where"] == "contact", result)
    desk.close()
    desk = wait_for("the station that is being stopped", lambda: try_connect(rig), 10)
    check(desk.ask("result.last")["result"]["seq"] == job.seq and rig.station.running(), "it waits until the result is durable")
    desk.ask("result.ack", job=job.name, step="chip", seq=job.seq)
    ended(rig)
    desk.close()
    rig.start_station()
    desk = job.desk = connect(rig)
    check(desk.ask("result.last")["result"] is None and desk.ask("hello", generation=1)["where"] == "contact", "the card is where it was")
    job.hsm.close()
    job.hsm = rig.hsm()
    job.begin()
    check(job.step("verify")["outcome"] == "done", "verify")
    leave(rig, desk, job)


def test_stopped_station_whose_client_is_away(rig):
    """Nobody is there to be told: the step ends all the same, and its result waits for somebody. After a second signal it does not, and
    the chip says later what became of it."""
    desk, job = to_chip(rig)
    rig.chip.ask(cmd="fault", kind="late", ms=1500, ins="E2", nth=2)
    job.send("chip")
    wait_for("a key try", lambda: desk.ask("status")["busy"] and [e for e in desk.events if e["event"] == "attempt"])
    wait_for("the chip to be personalised", lambda: rig.chip.ask(cmd="state").get("apdus", 0) > 4)
    desk.close()
    rig.station.child.terminate()
    wait_for("the end of the step", lambda: rig.chip.ask(cmd="state")["personalised"], 60)
    away = wait_for("the station that is being stopped", lambda: try_connect(rig), 10)
    result = wait_for("the result", lambda: away.ask("result.last")["result"], 20)
    check(result["seq"] == job.seq and result["outcome"] == "done", result)
    away.close()
    rig.station.child.terminate()
    ended(rig)
    rig.start_station()
    desk = job.desk = connect(rig)
    verdict = job.reconcile("chip")
    check(verdict["verdict"] == "done" and verdict["where"] == "contact", verdict)
    job.hsm.close()
    job.hsm = rig.hsm()
    job.begin()
    leave(rig, desk, job)


def test_killed_station_reconciles_a_feed(rig):
    desk = connect(rig)
    job = Job(rig, desk)
    job.through("preflight")
    fed = rig.printer.ask(cmd="state")["counters"]["fed"]
    job.send("feed")
    wait_for("the card to be fed", lambda: rig.printer.ask(cmd="state")["counters"]["fed"] > fed, 10)
    rig.kill_station()
    desk.close()
    rig.start_station()
    desk = wait_for("the new station", lambda: try_connect(rig), 10)
    job.desk = desk
    wait_for("the printer", lambda: desk.ask("status")["printer"]["present"], 15)
    check(desk.ask("result.last")["result"] is None, "a new process knows no result")
    verdict = job.reconcile("feed")
    check(verdict["verdict"] == "done" and verdict["where"] != "none", verdict)
    result = job.step("stripe")
    check(result["outcome"] == "failed" and result["class"] == "RECONNECT", result)
    job.hsm.close()
    job.hsm = rig.hsm()
    job.begin()
    check(job.step("stripe")["outcome"] == "done", "stripe after job.begin")
    leave(rig, desk, job)


def try_connect(rig):
    try:
        desk = rig.desk()
        desk.on_event = ack_attempts
        desk.ask("hello", generation=2)
        return desk
    except OSError:
        return None


def test_bad_requests(rig):
    desk = connect(rig)
    for call, members in (("nonsense", {}), ("step", {}), ("step", {"job": "x", "step": "feed"}),
                          ("job.begin", {"job": "x"}), ("kiosk.begin", {"ticket": "t"}), ("attempt.ack", {"job": "x", "seq": 1}),
                          ("reconcile", {"job": "x", "step": "dance", "seq": 1}), ("result.ack", {})):
        try:
            desk.ask(call, **members)
            check(False, call + " was not refused")
        except Refused as e:
            check(e.error["class"] == "REJECT" and e.error["text"], e.error)
    check(desk.ask("hello", generation=1)["station"] == "desk", "still there")
    desk.close()


# ---- kiosk ----

def finished_card(rig):
    """A card that was issued, and its job's number."""
    desk = connect(rig)
    job = Job(rig, desk)
    job.through("preflight", *ALL)
    plastic = rig.printer.ask(cmd="take")["plastic"]
    clean_up(rig, job)
    desk.close()
    return plastic, job


def kiosk_client(rig):
    kiosk = Peer(rig.path("run/station/kiosk.sock"))
    check(kiosk.ask("hello", generation=1)["kind"] == "kiosk", "kind")
    return kiosk


def begin(rig, kiosk, ticket):
    hsm = rig.hsm()
    opened = hsm.call("session.open", kind="kiosk", ticket=ticket)
    ident = kiosk.send("kiosk.begin", fds=opened["fds"], ticket=ticket, timeout_ms=20000)
    close_all(opened["fds"])
    return hsm, opened["json"]["session"], ident


def bind(rig, hsm, session, job):
    hsm.call("kiosk.bind", [rig.seal(job.pan)], session=session, kit=job.kit, plastic_code="71", expiry="2912")


def test_kiosk_sets_a_pin(rig):
    plastic, job = finished_card(rig)
    kiosk = kiosk_client(rig)
    hsm, session, ident = begin(rig, kiosk, "T1")
    time.sleep(0.5)
    rig.kiosk_chip.ask(cmd="present", plastic=plastic)
    who = kiosk.wait(ident)["json"]
    check(who["masked_pan"][:6] == job.pan[:6] and who["masked_pan"][-4:] == job.pan[-4:] and who["expiry"] == "2912", who)
    check(job.pan not in json.dumps(who) and len(who["pan_hash"]) == 64, who)
    bind(rig, hsm, session, job)
    try:
        kiosk.ask("kiosk.pin", ticket="T1", attempts=3)
        check(False, "a PIN before the card was proven")
    except Refused:
        pass
    proof = kiosk.ask("kiosk.prove", ticket="T1")
    check(proof["genuine"] and proof["atc"] >= 1, proof)
    rig.pad.ask(cmd="customer", script=[{"pin": "7294", "delay_ms": 300}, {"pin": "7295", "delay_ms": 300},
                                        {"pin": "7294", "delay_ms": 300}, {"pin": "7294", "delay_ms": 300}], clear=True)
    check(kiosk.ask("kiosk.pin", ticket="T1", attempts=3)["outcome"] == "equal", "different, then equal")
    kiosk.ask("kiosk.show", ticket="T1", text="PIN IS SET")
    check("PIN IS SET" in rig.pad.ask(cmd="state")["display"], rig.pad.ask(cmd="state")["display"])
    kiosk.ask("kiosk.end", ticket="T1")
    state = rig.kiosk_chip.ask(cmd="state")
    check(state["violation_count"] == 0, state)
    check(rig.pad.ask(cmd="state")["violations"] == [], rig.pad.ask(cmd="state")["violations"])
    check(not canary(rig.kiosk.pid(), job.pan), "the PAN stayed after the customer had left")
    rig.kiosk_chip.ask(cmd="remove")
    hsm.close()
    kiosk.close()


def pin_outcome(rig, plastic, job, ticket, script, attempts=2):
    """On a machine that stalls the pad's time may be over before its customer has typed: then they come once more."""
    for again in "ABCD":
        outcome = pin_asked(rig, plastic, job, ticket + again, script, attempts)
        if outcome != "timeout" or not script:
            break
    return outcome


def pin_asked(rig, plastic, job, ticket, script, attempts):
    kiosk = kiosk_client(rig)
    rig.kiosk_chip.ask(cmd="present", plastic=plastic)
    hsm, session, ident = begin(rig, kiosk, ticket)
    kiosk.wait(ident)
    bind(rig, hsm, session, job)
    check(kiosk.ask("kiosk.prove", ticket=ticket)["genuine"], "genuine")
    rig.pad.ask(cmd="customer", script=script, clear=True)
    outcome = kiosk.ask("kiosk.pin", ticket=ticket, attempts=attempts)["outcome"]
    kiosk.ask("kiosk.end", ticket=ticket)
    rig.kiosk_chip.ask(cmd="remove")
    hsm.close()
    kiosk.close()
    time.sleep(0.6)
    return outcome


def test_kiosk_outcomes(rig):
    plastic, job = finished_card(rig)
    pause = {"delay_ms": 300}
    cases = (("mismatch", [{"pin": "7294", **pause}, {"pin": "7295", **pause}, {"pin": "7296", **pause}, {"pin": "7297", **pause}]),
             ("cancelled", [{"cancel": True, "delay_ms": 400}]),
             ("weak", [{"pin": "1111", **pause}, {"pin": "1111", **pause}]),
             ("timeout", []),
             ("pad_away", [{"unplug": True, "delay_ms": 300}]))
    for number, (outcome, script) in enumerate(cases):
        got = pin_outcome(rig, plastic, job, f"O{number}", script)
        check(got == outcome, f"{outcome}: got {got}")
    rig.pad.ask(cmd="plug")
    check(pin_outcome(rig, plastic, job, "O9", [{"pin": "7294", **pause}, {"pin": "7294", **pause}]) == "equal",
          "the pad is found again")


def test_kiosk_nobody_comes(rig):
    kiosk = kiosk_client(rig)
    hsm, _, ident = begin(rig, kiosk, "T3")
    time.sleep(0.3)
    kiosk.ask("kiosk.end", ticket="T3")
    try:
        kiosk.wait(ident)
        check(False, "kiosk.begin without a card")
    except Refused as e:
        check(e.error["rc"].endswith("0010"), e.error)  # cancelled: its own time was not over
    hsm.close()
    kiosk.close()


def main():
    rig = Rig(sys.argv[1])
    wanted = sys.argv[2:]
    tests = [f for n, f in globals().items() if n.startswith("test_") and (not wanted or n in wanted)]
    bad = 0

    def failed():
        rig.tell()
        rig.recover()
    try:
        rig.start()
        bad = run_each(tests, lambda test: test(rig), failed)
    finally:
        rig.stop()
    print(f"{len(tests) - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
