#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
cardwright station perso and verify with a virtual chip, through hsmd and the station's admin socket.
usage: test_card.py BUILD [test...]
"""
import ctypes
import json
import os
import sys
import threading
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from card_rig import PAN, SOURCE, CardRig, Key, Peer, testprofiles  # noqa: E402

PROFILE = os.path.join(SOURCE, "config/profiles/generic-debit.json")
READER = "cardwright desk (SN0042) 00 00"
DATA = f"pan {PAN}\nexpiry 3012\npsn 01\nservice_code 220\nname RAO/ASHA\n"


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def verdicts(lines):
    return {line[1]: (line[0], line[2] if len(line) > 2 else "") for line in lines}


def perso(rig, *options, data=DATA, profile=PROFILE):
    return rig.cardwright("station", "perso", "--reader", READER, "--profile", profile, "--data", rig.write("data", data), *options)


def verify(rig, *options, profile=PROFILE):
    return rig.cardwright("station", "verify", "--reader", READER, "--profile", profile, *options)


def good(rig, plastic, *options, level):
    rig.present(plastic)
    code, lines, errors = perso(rig, *options)
    told = verdicts(lines)
    check(code == 0 and told["plastic"] == ("ok", "personalised"), (code, lines, errors))
    check(told["authenticate"][1] == "security level " + level, told)
    check(PAN not in str(lines) + errors, "a card number was shown")
    state = rig.chip.ask(cmd="state")
    check(state["personalised"] and state["ext_auth_failures"] == 0 and state["violation_count"] == 0, state)
    code, lines, errors = verify(rig)
    told = verdicts(lines)
    check(code == 0, (code, lines, errors))
    check(all(told[step][0] == "ok" for step in ("select", "gpo", "records", "card", "arqc", "second-ac", "atc", "pin-tries")), told)
    check(PAN not in str(lines) + errors, "a card number was shown")
    return told


def test_scp03(rig):
    good(rig, "a", "--scp", "03", level="33")


def test_scp02(rig):
    good(rig, "b", "--scp", "02", level="03")


def test_prepared_data(rig):
    """Keys and PIN that the issuer made come with the data, in clear; hsmd enciphers them under the DEK of each protocol."""
    with open(PROFILE) as source:
        profile = json.load(source)
    for rule in profile["dgis"]:
        if rule.pop("hsm", False):
            rule["data"] = True
    profile["prepared"] = True
    path = rig.write("prepared.json", json.dumps(profile))
    keys = [Key("k", "imk-ac", "tdes2") for _ in range(3)]
    data = DATA + f"dgi 8000 {''.join(k.value.hex() for k in keys)}\ndgi 9000 {''.join(k.kcv() for k in keys)}\n"
    data += "8010 08 24 1234 FFFFFFFFFF 9010 02 0303\ndgi 0B01 DF010155\n"
    for scp in ("02", "03"):
        rig.present("prepared" + scp)
        code, lines, errors = perso(rig, "--scp", scp, data=data, profile=path)
        check(code == 0 and verdicts(lines)["plastic"][1] == "personalised", (lines, errors))
        state = rig.chip.ask(cmd="state")
        check(state["personalised"] and state["dgis"] == 11 and state["violation_count"] == 0, state)
        code, lines, errors = verify(rig, profile=path)
        told = verdicts(lines)
        check(code == 0 and told["arqc"][0] == "unknown" and told["second-ac"][0] == "ok", (lines, errors))
    code, lines, errors = perso(rig, data=DATA, profile=path)
    check(code != 0 and "8000" in errors and verdicts(lines)["plastic"][1] == "untouched", (lines, errors))


# ---- keys and life cycle behind the data ----

def closing_profile(rig, *after, name="closing"):
    """Under the file name by which hsmd finds the product."""
    with open(PROFILE) as source:
        profile = json.load(source)
    profile["after"] = list(after)
    return rig.write(f"made/{name}/generic-debit.json", json.dumps(profile))


def put_key(kvn, algorithm, **more):
    return {"put_key": {"kvn": kvn, "algorithm": algorithm, **more}}


def set_status(of, state):
    return {"set_status": {"of": of, "state": state}}


CLOSE = (set_status("application", "0F"), set_status("card", "initialized"), set_status("card", "secured"))


def test_keys_and_life_cycle(rig):
    """PUT KEY of the card's own diversified keys, SET STATUS of application and card, under each kind of channel; the new keys then
    open the card, and the ledger is empty behind it."""
    try:
        for plastic, kvn, algorithm, how, make, options in (
                ("put03", "31", "aes", "kdf3", ("--i03", "70"), ("--scp", "03")),
                ("put02", "21", "des3", "visa2", ("--i02", "75"), ("--scp", "02", "--level", "13"))):
            rig.replace_desk_card(*make)
            rig.present(plastic)
            profile = closing_profile(rig, put_key(kvn, algorithm), *CLOSE)
            code, lines, errors = perso(rig, *options, "--new-diversify", how, profile=profile)
            told = verdicts(lines)
            check(code == 0 and told["plastic"][1] == "personalised", (lines, errors))
            check("key version " + kvn in told["put-key"][1] and "SECURED" in told["set-status"][1], told)
            state = rig.chip.ask(cmd="state")
            check(state["life_cycle"] == "SECURED" and state["violation_count"] == 0, state)
            code, lines, errors = verify(rig, profile=profile)
            check(code == 0, (lines, errors))
            # The application is personalised for good, so this ends after the channel that the new keys opened.
            code, lines, errors = perso(rig, *options, "--diversify", how, profile=closing_profile(rig, *CLOSE, name="again"))
            told = verdicts(lines)
            check(code != 0 and "authenticate" in told and "key version " + kvn in told["initialize"][1], (lines, errors))
    finally:
        rig.replace_desk_card()


def test_put_key_lost(rig):
    """The answer to PUT KEY never comes: the key information is read, a person decides, and the keys are not put again."""
    profile = closing_profile(rig, put_key("31", "aes"), name="lost")
    options = ("--scp", "03", "--new-diversify", "kdf3")
    for plastic, kind, keys in (("torn", "tear", "new"), ("dropped", "die", "old")):
        rig.present(plastic)
        rig.chip.ask(cmd="fault", kind=kind, ins="D8", nth=1, reconnect=True)
        code, lines, errors = perso(rig, *options, profile=profile)
        rig.chip.ask(cmd="fault", kind="none")
        told = verdicts(lines)
        check(code != 0 and told["plastic"][1] == ("in-doubt" if keys == "new" else "spoiled"), (lines, errors))
        check(told["key-info"][1].endswith("keys " + keys), told)
        check(rig.chip.ask(cmd="state")["violation_count"] == 0, "the card was asked what it does not allow")
    # What was dropped has its old keys and its application, which can be taken off and put on again: the keys cannot.
    with open(os.path.join(rig.plastic("dropped"), "chip.json")) as source:
        chip = json.load(source)
    check(chip["puts"] == [], chip["puts"])
    chip["app_state"] = 7
    tampered(rig, "dropped", chip, lambda dgis: None)
    code, lines, errors = perso(rig, *options, profile=profile)
    check(code != 0 and "HSM_QUARANTINE" in errors and "put-key" not in verdicts(lines), (lines, errors))


def test_put_key_refused(rig):
    """A card that says no keeps its keys; one that is to get what its DEK cannot carry is not even asked."""
    rig.present("refused")
    profile = closing_profile(rig, put_key("20", "aes", mode="add"), name="refused")
    code, lines, errors = perso(rig, "--scp", "03", "--new-diversify", "kdf3", profile=profile)
    check(code != 0 and "version 20 already" in errors and verdicts(lines)["plastic"][1] == "untouched", (lines, errors))
    check(rig.chip.ask(cmd="state")["violation_count"] == 0, "no key was touched")
    rig.replace_desk_card("--shy", "data")  # which does not tell what keys it has
    rig.present("refusing")
    code, lines, errors = perso(rig, "--scp", "03", "--new-diversify", "kdf3", profile=profile)
    check(code != 0 and "refuses its new keys" in errors and verdicts(lines)["plastic"][1] == "spoiled", (lines, errors))
    check(any("is there already" in v for v in rig.chip.ask(cmd="state")["violations"]), "why it was refused")
    # Not every error says that nothing was written: the card is asked what it has.
    rig.replace_desk_card()
    rig.present("vague")
    rig.chip.ask(cmd="fault", kind="sw", sw="6F00", ins="D8", nth=1)
    code, lines, errors = perso(rig, "--scp", "03", "--new-diversify", "kdf3",
                                profile=closing_profile(rig, put_key("31", "aes"), name="vague"))
    rig.chip.ask(cmd="fault", kind="none")
    told = verdicts(lines)
    check(code != 0 and told["plastic"][1] == "spoiled" and told["key-info"][1].endswith("keys old"), (lines, errors))
    rig.replace_desk_card()
    rig.present("stronger")
    code, lines, errors = perso(rig, "--scp", "02", "--new-diversify", "kdf3",
                                profile=closing_profile(rig, put_key("21", "aes"), name="stronger"))
    check(code != 0 and "HSM_PUT_KEY" in errors and "stronger than the card's DEK" in errors, (lines, errors))
    check(rig.chip.ask(cmd="state")["violation_count"] == 0, "nothing of it reached the card")


# ---- what is on a card, and what is taken off it ----

APPLICATION = "F04357444542495401"


def false_answers(rig, name, options, choose=None):
    """An answer whose R-MAC is not the card's: nothing goes out behind it but the command that was under way already, and the
    card is spoiled, even when that command's own answer is lost. Under T=0 each answer is fetched."""
    rig.present("sound" + name)
    code, lines, errors = perso(rig, *options)
    check(code == 0, (lines, errors))
    sound = rig.chip.ask(cmd="state")
    check(sound["violation_count"] == 0, sound)
    total, fetched = sound["apdus"], name.endswith("t0")
    installs, stores = (sum(line[1] == step for line in lines) for step in ("install", "store"))
    secured = installs + stores
    check(installs > 0 and stores > 4, (installs, stores))
    cases = [("E6", 1, 1, ()), ("E2", 1, installs + 1, ()), ("E2", stores // 2, installs + stores // 2, ()),
             ("E2", stores, secured, ()), ("E2", stores - 1, secured - 1, ("tear",))]
    for ins, nth, at, more in cases if choose is None else [cases[i] for i in choose]:
        plastic = f"false{name}-{ins}-{nth}"
        rig.present(plastic)
        for kind in ("rmac", *more):  # the second counts from behind the first
            rig.chip.ask(cmd="fault", kind=kind, ins=ins, nth=nth)
        code, lines, errors = perso(rig, *options)
        rig.chip.ask(cmd="fault", kind="none")
        state = rig.chip.ask(cmd="state", plastic=rig.plastic(plastic))
        where = (name, ins, nth, lines, errors, state)
        check(code != 0 and verdicts(lines)["plastic"][1] == "spoiled" and "response MAC" in errors, where)
        unsent = secured - min(at + 1, secured)
        check(state["apdus"] == total - unsent * (2 if fetched else 1) - (fetched and bool(more)), where)
        check(state["personalised"] == (at + 1 >= secured) and state["violation_count"] == 0, where)
        check(PAN not in str(lines) + errors, "a card number was shown")


def test_response_mac(rig):
    false_answers(rig, "", ("--scp", "03"))


def test_response_mac_scp02(rig):
    """At level 13 (R-MAC beside C-MAC and C-ENC), on chips with R-MAC among their options, and each protocol of transmission."""
    try:
        for i02, protocol in (("35", "t1"), ("75", "t0")):
            rig.replace_desk_card("--i02", i02, "--protocol", protocol)
            false_answers(rig, f"02-{i02}-{protocol}", ("--scp", "02", "--level", "13"), (0, 2, 3, 4))
    finally:
        rig.replace_desk_card()


def test_response_mac_t0(rig):
    try:
        rig.replace_desk_card("--protocol", "t0")
        false_answers(rig, "03-t0", ("--scp", "03"), (0, 2, 4))
    finally:
        rig.replace_desk_card()


def test_class_of_get_response(rig):
    """A T=0 card that wants GET RESPONSE in the command's own class: with a profile that says so it is personalised and verified,
    with another no key is tried."""
    with open(PROFILE) as source:
        profile = json.load(source)
    profile["get_response_class"] = "command"
    own = rig.write("profiles/own-class.json", json.dumps(profile))
    try:
        rig.replace_desk_card("--protocol", "t0", "--get-response", "own")
        rig.present("own-class")
        code, lines, errors = perso(rig, "--scp", "03")
        check(code != 0 and verdicts(lines)["plastic"][1] == "untouched" and "refuses to hand out its answer" in errors, (lines, errors))
        violations = rig.chip.ask(cmd="state")["violation_count"]
        check(violations == 1, violations)
        code, lines, errors = perso(rig, "--scp", "03", profile=own)
        check(code == 0, (lines, errors))
        code, lines, errors = verify(rig, profile=own)
        check(code == 0, (lines, errors))
        state = rig.chip.ask(cmd="state")
        check(state["violation_count"] == violations and state["personalised"], state)
    finally:
        rig.replace_desk_card()


def card(rig, what, *options):
    return rig.cardwright("station", "card", what, *options, "--reader", READER)


def test_status_and_delete(rig):
    """A technician reads what is on a card, under each kind of channel, and takes the application off it: named twice, recorded before,
    and refused for anything else."""
    try:
        rig.replace_desk_card("--apps", "pse,ppse", "--i02", "35")
        rig.present("inventory")
        for options in (("--scp", "03"), ("--scp", "02", "--level", "13")):
            code, lines, errors = card(rig, "status", *options)
            text = " ".join(" ".join(line) for line in lines)
            check(code == 0 and not errors, (lines, errors))
            for words in ("key-info version 20: DES keys 01 02 03", "key-info version 30: AES keys 01 02 03",
                          "domain A000000151000000 01 OP_READY, privileges 9E", "application 315041592E5359532E4444463031 07 SELECTABLE",
                          "application 325041592E5359532E4444463031", f"application {APPLICATION} 07 SELECTABLE",
                          "package F043574445424954 01 LOADED"):
                check(words in " ".join(text.split()), (words, text))
        code, lines, errors = card(rig, "delete", APPLICATION)
        check(code == 2 and "not confirmed" in errors and not lines, (lines, errors))
        code, lines, errors = card(rig, "delete", APPLICATION + "02", "--confirm", APPLICATION + "02")
        check(code != 0 and "no application" in errors and verdicts(lines)["delete"][1] == "untouched", (lines, errors))
        code, lines, errors = card(rig, "delete", "A000000151000000", "--confirm", "A000000151000000")
        check(code != 0 and verdicts(lines)["delete"][1] == "untouched", (lines, errors))
        code, lines, errors = card(rig, "delete", APPLICATION, "--confirm", APPLICATION.lower(), "--scp", "03")
        check(code == 0 and verdicts(lines)["delete"] == ("ok", "deleted"), (lines, errors))
        code, lines, errors = card(rig, "status")
        check(code == 0 and f"application {APPLICATION}" not in " ".join(" ".join(line) for line in lines), (lines, errors))
        with open(rig.path("hsm-state/audit.jsonl")) as spool:
            records = [json.loads(line) for line in spool]
        names = [r["detail"]["aid"] for r in records if r["what"] == "card.delete"]
        check(names == [APPLICATION + "02", "A000000151000000", APPLICATION], records)
        state = rig.chip.ask(cmd="state")
        check(state["violation_count"] == 0, state["violations"])
        # DELETE is done and the look behind it fails (the look before took four answers): that is not untouched.
        rig.present("half-known")
        rig.chip.ask(cmd="fault", kind="sw", sw="6985", ins="F2", nth=5)
        code, lines, errors = card(rig, "delete", APPLICATION, "--confirm", APPLICATION, "--scp", "03")
        rig.chip.ask(cmd="fault", kind="none")
        check(code != 0 and verdicts(lines)["delete"][1] == "in-doubt", (lines, errors))
    finally:
        rig.replace_desk_card()


def test_extended_apdu(rig):
    """What is longer than a short answer is read at once from a card that says it can; another never sees an extended command."""
    try:
        rig.present("short")
        code, lines, errors = card(rig, "status")
        state = rig.chip.ask(cmd="state")
        check((code, state["extended"], state["violation_count"]) == (0, 0, 0), (lines, errors, state["violations"]))
        rig.replace_desk_card("--extended")
        rig.present("extended")
        code, lines, errors = card(rig, "status")
        state = rig.chip.ask(cmd="state")
        check(code == 0 and any("version 79" in line[2] for line in lines), (lines, errors))
        check(state["extended"] >= 2 and state["violation_count"] == 0, state)
        good(rig, "extended-perso", "--scp", "03", level="33")
    finally:
        rig.replace_desk_card()


# ---- offline data authentication ----

def record(*objects):
    return [{"tag": "70", "of": [{"tag": tag, "value": value} for tag, value in objects]}]


def signing_profile(rig, ways, *, bits=1024, plain=False, ca=True, padded=True, name="signing.json"):
    """The generic profile with SDA (40), DDA (20), CDA (01)."""
    with open(PROFILE) as source:
        profile = json.load(source)
    rules = {rule["dgi"]: rule for rule in profile["dgis"]}
    afl = "08010100" + "10010201" + "180105" + "00"
    rules["9104"]["of"] = [{"tag": "82", "value": f"{0x18 | ways:02X}00"}, {"tag": "94", "value": afl}]
    records = [record(("8F", "{ca_index}"), ("9F32", "{issuer_exponent}"), ("92", "{issuer_remainder}"), ("9F4A", "82")),
               record(("90", "{issuer_certificate}"))]
    dynamic = ways & 0x21
    records.append(record(("9F46", "{icc_certificate}")) if dynamic else record(("93", "{ssad}")))
    records.append(record(("9F47", "{icc_exponent}"), ("9F48", "{icc_remainder}"), ("9F49", "9F3704")) if dynamic else record(("9F05", "0002")))
    records.append(record(("93", "{ssad}")) if ways & 0x40 and dynamic else record(("5F2D", "656E")))
    extra = [{"dgi": f"03{i + 1:02}", "of": r} for i, r in enumerate(records)]
    parts = (("8103", "n"), ("8101", "d")) if plain else (("8201", "q_inv"), ("8202", "dq"), ("8203", "dp"), ("8204", "q"), ("8205", "p"))
    if dynamic:
        extra += [{"dgi": dgi, "part": "icc." + part, "encrypted": True, "padded": padded} for dgi, part in parts]
        profile["offline_auth"] = {"icc_key": {"bits": bits}, "dac": "DAC1", "issuer_bits": 1152, "ca_bits": 1152}
    else:
        profile["offline_auth"] = {"dac": "DAC1", "issuer_bits": 1152, "ca_bits": 1152}
    profile["dgis"] = extra + profile["dgis"]
    if ca:
        profile["terminal"]["ca_keys"] = [rig.issuer.ca_key()]
    return rig.write("made/" + name, json.dumps(profile))


def signed_card(rig, plastic, profile, *options):
    rig.present(plastic)
    code, lines, errors = perso(rig, *options, profile=profile)
    check(code == 0 and verdicts(lines)["plastic"][1] == "personalised", (lines, errors))
    state = rig.chip.ask(cmd="state")
    check(state["personalised"] and state["violation_count"] == 0, state["violations"])


def judged(rig, profile, **wanted):
    code, lines, errors = verify(rig, profile=profile)
    told = verdicts(lines)
    for step, verdict in wanted.items():
        step = step.replace("_", "-")
        check(told.get(step, ("missing",))[0] == verdict, (step, lines, errors))
    check(PAN not in str(lines) + errors, "a card number was shown")
    check((code == 0) == all(verdict != "failed" for verdict, _ in told.values()), (code, lines))
    return told


def test_offline_authentication(rig):
    """SDA alone, DDA with the plain form of the key, all three with CRT: made by us, accepted by the chip and by the terminal."""
    for plastic, ways, how, options in (("sda", 0x40, {}, ("--scp", "02")), ("dda", 0x20, {"plain": True, "bits": 1136}, ("--scp", "03")),
                                        ("cda", 0x61, {"padded": False, "bits": 1152}, ("--scp", "03"))):
        profile = signing_profile(rig, ways, **how)
        signed_card(rig, plastic, profile, *options)
        wanted = {"offline_auth": "ok", "arqc": "ok", "second_ac": "ok"}
        wanted.update({step: "ok" for bit, step in ((0x40, "sda"), (0x20, "dda"), (0x01, "cda")) if ways & bit})
        told = judged(rig, profile, **wanted)
        check(all(step not in told for bit, step in ((0x40, "sda"), (0x20, "dda"), (0x01, "cda")) if not ways & bit), told)


def tampered(rig, plastic, chip, change):
    """The chip of a personalised card, changed where no terminal could change it."""
    folder = rig.plastic(plastic)
    rig.take_out()
    change(chip["dgis"])
    with open(os.path.join(folder, "chip.json"), "w") as target:
        json.dump(chip, target)
    rig.chip.ask(cmd="present", plastic=folder)


def flip(name, at):
    def change(dgis):
        dgis[name] = dgis[name][:at] + ("0" if dgis[name][at] != "0" else "1") + dgis[name][at + 1:]
    return change


def test_offline_authentication_fails(rig):
    """Each thing a forger or a broken chip would have wrong is found and named."""
    profile = signing_profile(rig, 0x61)
    signed_card(rig, "forged", profile, "--scp", "03")
    with open(os.path.join(rig.plastic("forged"), "chip.json")) as source:
        good = source.read()
    other = signing_profile(rig, 0x61, ca=False, name="no-ca.json")
    judged(rig, other, offline_auth="unknown", second_ac="ok")  # no product has this profile: nobody knows a key
    for change, words, wanted in (
            (flip("0302", 60), "does not open", {"offline_auth": "failed"}),  # issuer certificate
            (flip("0303", 60), "does not open", {"offline_auth": "failed"}),  # ICC certificate
            (flip("0201", 70), "hash", {"offline_auth": "failed"}),           # a signed record
            (flip("0305", 60), "does not open", {"offline_auth": "ok", "sda": "failed", "dda": "ok"}),
            (flip("8201", 9), "does not open", {"offline_auth": "ok", "sda": "ok", "dda": "failed", "cda": "failed"})):
        tampered(rig, "forged", json.loads(good), change)
        told = judged(rig, profile, **wanted)
        check(any(verdict == "failed" and words in text for verdict, text in told.values()), (words, told))
        # A hash that differs spoils the certificate; the transaction ends all the same and leaves the card clean.
        check("second-ac" in told, told)


def test_profile_check(rig):
    """The linter as a person meets it: file, line, place, advice; the shipped profiles are well."""
    folder = os.path.join(SOURCE, "config/profiles")
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".json")):
        code, lines, errors = rig.cardwright("profile", "check", os.path.join(folder, name))
        check(code == 0 and "nothing is wrong" in str(lines[0]) and not errors, (name, lines, errors))
    with open(PROFILE) as source:
        text = source.read()
    bad = rig.write("bad.json", text.replace('"{track2}"', '"{trak2}"').replace('"p1_last": "80"', '"p1_last": "8"'))
    done = [" ".join(line) for line in rig.cardwright("profile", "check", bad)[1]]
    check(any(line.startswith("bad.json:7: store_data.p1_last: ") for line in done), done)
    check(any(line.startswith("bad.json:11: dgis[0].of[0].of[0]: ") for line in done), done)
    check(rig.cardwright("profile", "check", bad)[0] == 1, "the exit status")
    # The test token without keys takes unsigned ones, and says so; a named key does not.
    known = rig.path("profiles/generic-debit.json")
    code, lines, errors = rig.cardwright("--config", rig.path("cardwright.json"), "profile", "check", known)
    check(code == 0 and "which this configuration allows" in " ".join(lines[-1]), (lines, errors))
    private, public = testprofiles.new_key(rig.folder)
    code, lines, errors = rig.cardwright("profile", "check", known, "--key", public)
    check(code == 1 and "not signed" in " ".join(lines[-1]), (lines, errors))
    testprofiles.sign(rig.build, private, [known])
    code, lines, errors = rig.cardwright("profile", "check", known, "--key", public)
    check(code == 0 and "which holds" in " ".join(lines[-1]), (lines, errors))
    desk = Peer(rig.path("run/station/bench.sock"))
    told = desk.ask("status")["profiles"]
    desk.close()
    check(told["signature"] == "none" and told["signed"] == 0 and told["unsigned"] > 0, told)


# ---- contact and contactless ----

def both_paths(rig, name, *more):
    """A shipped profile with PSE, PPSE and a contactless path: made over contacts, judged over both interfaces."""
    profile = os.path.join(SOURCE, "config/profiles", name + ".json")
    apps = ("--apps", "pse,ppse", *more)
    rig.replace_desk_card(*apps)
    signed_card(rig, name, profile, "--scp", "03")
    told = judged(rig, profile, pse="ok", ppse="ok", contactless="unknown", offline_auth="ok", dda="ok", cda="ok", arqc="ok", second_ac="ok")
    contact = told["gpo"][1]
    rig.replace_desk_card(*apps, "--interface", "contactless")
    rig.present(name)
    dynamic = {"cda": "ok"} if name == "style-mchip-debit" else {"dda": "ok", "cda": "ok"}
    told = judged(rig, profile, pse="absent", ppse="ok", contactless="ok", offline_auth="ok", arqc="ok", second_ac="ok", **dynamic)
    check(told["gpo"][1] != contact, told)
    state = rig.chip.ask(cmd="state")
    check(state["violation_count"] == 0, state["violations"])
    rig.chip.ask(cmd="remove")
    return profile


def test_styles(rig):
    try:
        for name in ("style-vsdc-debit", "style-mchip-debit", "style-rupay-debit"):
            with open(os.path.join(SOURCE, "config/profiles", name + ".json")) as source:
                both_paths(rig, name, "--aid", json.load(source)["aid"])
    finally:
        rig.replace_desk_card()


def test_contact_and_contactless(rig):
    try:
        profile = both_paths(rig, "generic-debit-dual")
        rig.replace_desk_card("--apps", "pse,ppse")

        def other_application(dgis):
            dgis["10101"] = dgis["10101"].replace("F04357444542495401", "F04357444542495402")
        with open(os.path.join(rig.plastic("generic-debit-dual"), "chip.json")) as source:
            chip = json.load(source)
        rig.present("generic-debit-dual")
        tampered(rig, "generic-debit-dual", chip, other_application)
        judged(rig, profile, pse="failed", ppse="ok")
        chip["directories"] = 0
        tampered(rig, "generic-debit-dual", chip, lambda dgis: None)
        told = judged(rig, profile, pse="failed", ppse="unknown", arqc="ok")
        check("not readable over contacts" in told["ppse"][1], told)
        with open(profile) as source:
            strict = json.load(source)
        strict["applications"][1]["over_contacts"] = True
        judged(rig, rig.write("made/generic-debit-dual.json", json.dumps(strict)), pse="failed", ppse="failed")
    finally:
        rig.replace_desk_card()


def test_reader_by_serial_number(rig):
    rig.present("bound")
    for reader, found in (("serial:SN0042", True), ("serial:SN004", False)):
        code, lines, errors = rig.cardwright("station", "verify", "--reader", reader, "--profile", PROFILE)
        told = verdicts(lines)
        check(("connect" in told) == found and (found or "plugged in" in errors), (reader, lines, errors))
    rig.replace_desk_card()  # that card was never personalised, and complains of being treated like one


# ---- published channels ----

def test_published_channels(rig):
    """Every channel of scp.json (pySim's nine of SCP03 among them) by a running hsmd on its token, byte for byte."""
    with open(os.path.join(SOURCE, "tests/vectors/scp.json")) as vectors:
        channels = [e for e in json.load(vectors) if e["alg"] == "scp_channel"]
    check(sum("pySim, SCP03" in e["source"] for e in channels) == 9, "the nine are there")
    peer = Peer(rig.path("run/hsmd/admin.sock"))
    for e in channels:
        want = e["external_authenticate"] + "".join(c["wrapped"] + c.get("clear", "") for c in e["commands"])
        got = peer.call("algorithm.known_answer", attachments=[json.dumps(e).encode()])["att"][0].decode()
        check(got == want, (e["source"], got))
    peer.close()


# ---- cards that are not like ours ----

def make_of_card(rig, make, *options, level, with_verify=False):
    """make: options of emu-card; options: of the command."""
    rig.replace_desk_card(*make)
    rig.present("make" + "".join(make).replace("-", "").replace(",", ""))
    code, lines, errors = perso(rig, *options)
    told = verdicts(lines)
    check(code == 0 and told["plastic"][1] == "personalised", (make, lines, errors))
    check(told["authenticate"][1] == "security level " + level, (make, told))
    state = rig.chip.ask(cmd="state")
    check(state["personalised"] and state["violation_count"] == 0, (make, state["violations"]))
    if with_verify:
        code, lines, errors = verify(rig)
        check(code == 0, (make, lines, errors))
    return told


def test_makes_of_card(rig):
    try:
        some_makes(rig)
    finally:
        rig.replace_desk_card()


def some_makes(rig):
    told = make_of_card(rig, ("--i03", "71"), "--scp", "03", level="33")
    check(" S16" in told["initialize"][1], told)
    make_of_card(rig, ("--i02", "35"), "--scp", "02", "--level", "13", level="13")
    shy = ("--shy", "empty-select,cplc,data,kdd,fci", "--isd", "old", "--protocol", "t0")
    told = make_of_card(rig, (*shy, "--i03", "01"), level="03", with_verify=True)
    check(" S16" in told["initialize"][1] and "no CPLC" in told["identify"][1], told)


# ---- another program on the same machine ----

class Intruder(threading.Thread):
    """Connects to the reader again and again and resets the card whenever it gets hold of it, as desktop software does."""

    SHARED, EITHER_PROTOCOL, RESET, SHARING_VIOLATION = 2, 3, 1, 0x8010000B

    def __init__(self, rig):
        super().__init__()
        os.environ["PCSCLITE_CSOCK_NAME"] = rig.pcsc["PCSCLITE_CSOCK_NAME"]
        self.lib = ctypes.CDLL("libpcsclite.so.1")
        self.stop, self.resets, self.refused = threading.Event(), 0, 0

    def run(self):
        context, card, protocol = ctypes.c_long(), ctypes.c_long(), ctypes.c_ulong()
        self.lib.SCardEstablishContext(ctypes.c_ulong(2), None, None, ctypes.byref(context))
        while not self.stop.wait(0.002):
            rv = self.lib.SCardConnect(context, READER.encode(), ctypes.c_ulong(self.SHARED), ctypes.c_ulong(self.EITHER_PROTOCOL),
                                       ctypes.byref(card), ctypes.byref(protocol)) & 0xFFFFFFFF
            self.refused += rv == self.SHARING_VIOLATION
            if rv == 0:
                self.resets += 1
                self.lib.SCardDisconnect(card, ctypes.c_ulong(self.RESET))
        self.lib.SCardReleaseContext(context)


def test_another_client(rig):
    """While the card is ours another client is kept out, between any two commands. Should pcscd itself power the card anew for
    what that client did just before, the card is not personalised and the reason is said."""
    rig.present("intruded")
    rig.chip.ask(cmd="fault", kind="late", ms=50, repeat=True)
    intruder = Intruder(rig)
    timer = threading.Timer(0.4, intruder.start)
    timer.start()
    try:
        code, lines, errors = perso(rig, "--scp", "03")
    finally:
        timer.join()
        intruder.stop.set()
        intruder.join()
        rig.chip.ask(cmd="fault", kind="none")
    plastic = verdicts(lines)["plastic"][1]
    kept_out = code == 0 and plastic == "personalised"
    check(kept_out or (plastic in ("untouched", "spoiled", "in-doubt") and "another program reset" in errors), (lines, errors))
    check(not kept_out or intruder.refused > 0, (intruder.refused, intruder.resets))
    state = rig.chip.ask(cmd="state")
    check(state["ext_auth_failures"] == 0 and state["violation_count"] == 0, state["violations"])


TESTS = [value for name, value in sorted(globals().items()) if name.startswith("test_")]


def main():
    chosen = sys.argv[2:]
    unknown = set(chosen) - {t.__name__ for t in TESTS}
    if unknown:
        print("no such test:", ", ".join(sorted(unknown)), file=sys.stderr)
        return 2
    rig = CardRig(sys.argv[1])
    failures = 0
    try:
        rig.start()
        for test in TESTS:
            if chosen and test.__name__ not in chosen:
                continue
            try:
                test(rig)
                print("ok", test.__name__, flush=True)
            except Exception:  # noqa: BLE001
                failures += 1
                print("FAILED", test.__name__, flush=True)
                traceback.print_exc()
    finally:
        if failures and os.environ.get("CW_SHOW_LOGS"):
            for name in sorted(os.listdir(rig.path("logs"))):
                with open(rig.path("logs", name), errors="replace") as log:
                    print(f"---- {name}\n{log.read()[-3000:]}")
        rig.stop()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
