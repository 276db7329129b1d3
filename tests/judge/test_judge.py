#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What a stranger would see: cards of other makes, written from the specifications alone, personalised and verified by the station;
a terminal and a GlobalPlatform host, written in the same way, with the chips the station made. usage: test_judge.py BUILD [TEST...]
"""
import json
import os
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from crypto import card_check_value  # noqa: E402
from gptool import Host  # noqa: E402
from judge_rig import DATA, PAN, READER, JudgeRig, luhn  # noqa: E402
from pcsc import CardError, Connection  # noqa: E402
from terminal import Terminal, Wrong  # noqa: E402

NATIVE_ATR = "3B6500002063CB6B00"  # T=0


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def connect(rig):
    """pcscd may need another look before it has powered the card."""
    for _ in range(100):
        try:
            return Connection(rig.pcsc["PCSCLITE_CSOCK_NAME"], READER)
        except CardError:
            time.sleep(0.1)
    raise AssertionError("the card cannot be reached")


def terminal(rig, connection, imk="debit-imk-ac", issuer=None):
    key = (issuer or rig.issuer).ca_key()
    ca = {int(key["index"], 16): (int(key["modulus"], 16), int(key["exponent"], 16))}
    return Terminal(connection, ca, rig.keys[imk].value, imk.startswith("aes"))


def load(rig, name):
    with open(rig.profile(name)) as source:
        return json.load(source)


def aids(profile):
    return [profile["aid"]] + [app["aid"] for app in profile.get("applications", [])]


def made(rig, card, profile, *options, verify=(), data=DATA):
    """Personalised and verified; the verdicts of the checks by name."""
    code, lines, errors = rig.perso(profile, *options, data=data)
    check(code == 0 and not card.complaints and card.tries == 0, (lines, errors, card.complaints))
    said = {line[1]: line[2] for line in lines if len(line) > 2}
    code, lines, errors = rig.verify(profile, *verify)
    check(code == 0 and not card.complaints, (lines, errors, card.complaints))
    told = {line[1]: line[0] for line in lines}
    check(told["records"] == told["arqc"] == told["second-ac"] == "ok", lines)
    return said, told


def accepted(rig, card, aid, issuer=None):
    """The terminal's transaction, with the offline PIN that came to this card, and a wrong one."""
    application = card.applications[aid]
    with connect(rig) as connection:
        done = terminal(rig, connection, issuer=issuer).transaction(bytes.fromhex(aid), application.pin)
    check(application.ended[-1] == 0x40 and not card.complaints, (done, card.complaints))
    return done


def test_java_card(rig):
    """SCP03 i=70 on key version FF; the PPSE hides from contacts; a signature of the second cryptogram that is none."""
    profile = load(rig, "style-vsdc-debit")
    card = rig.insert(installed=aids(profile), kvn=0xFF, forgetful=True, contact_ppse=False)
    _, told = made(rig, card, rig.profile("style-vsdc-debit"))
    check(told["ppse"] == "unknown" and told["pse"] == told["dda"] == told["cda"] == "ok", told)
    check(accepted(rig, card, profile["aid"])["offline"] == ["dda", "cda"], "offline data authentication")
    card.make["forged_second"] = True
    code, lines, _ = rig.verify(rig.profile("style-vsdc-debit"))
    check(code == 1 and ["second-ac"] == [line[1] for line in lines if line[0] == "failed"], lines)


def test_older_card(rig):
    """SCP02 i=55, Visa's name of the domain, answers of format 1, no counters to be read."""
    profile = load(rig, "generic-debit-dual")
    card = rig.insert(installed=aids(profile), scp=2, i=0x55, kvn=0xFF, isd="A000000003000000", format=1, get_data=False)
    _, told = made(rig, card, rig.profile("generic-debit-dual"), "--scp", "02")
    check(told["atc"] == told["pin-tries"] == "absent", told)
    accepted(rig, card, profile["aid"])


def test_native_card(rig):
    """T=0, SCP03 i=00, no CPLC, no key information, short commands only; two of three applications are to be installed first."""
    profile = load(rig, "style-rupay-debit")
    for app in (profile, *profile["applications"]):
        app["install"] = {"package": "A00000000310", "class": "A0000000031056", "instance": app["aid"], "privileges": "00",
                          "parameters": "C900"}
    path = rig.write("made/native.json", json.dumps(profile))
    card = rig.insert(installed=aids(profile)[1:2], i=0x00, kvn=1, t0=True, atr=NATIVE_ATR, fci="long", cplc=False, key_info=False,
                      install_answer=False, max_data=0x80)
    said, told = made(rig, card, path, "--scp", "03", verify=("--product", "S4"))
    check("those of product S" in said["issuer-keys"] and told["offline-auth"] == "ok", (said, told))
    accepted(rig, card, profile["aid"])
    code, lines, errors = rig.perso(path, "--product", "ZZ")
    check(code != 0 and not lines and "plastic code" in errors, (lines, errors))


def test_through_the_application(rig):
    """EMV CPS without INSTALL [for personalization], SCP02 i=15, a P1 of STORE DATA that says what the data are."""
    profile = {**load(rig, "generic-debit"), "flow": "application",
               "store_data": {"p1": "08", "p1_encrypted": "68", "p1_last": "80", "chunk": 200}}
    card = rig.insert(installed=aids(profile), scp=2, i=0x15, kvn=1, store_p1=0x08, fci="none")
    made(rig, card, rig.write("made/generic-debit.json", json.dumps(profile)), "--scp", "02")
    accepted(rig, card, profile["aid"])


def test_aes_keys(rig):
    """Card keys of AES-128 and AES-192 under SCP03, of AES-256 under SCP02; check values and PIN blocks of another kind. TDES keys are refused."""
    profile = load(rig, "style-ccd-debit")
    card = rig.insert(installed=aids(profile), aes=128)
    made(rig, card, rig.profile("style-ccd-debit"))
    with connect(rig) as connection:
        judge = terminal(rig, connection, "aes128-imk-ac")
        check(judge.transaction(bytes.fromhex(profile["aid"]), card.applications[profile["aid"]].pin)["offline"] == ["dda", "cda"], "offline")
    for dgi in profile["dgis"]:
        dgi.update({"8000": {"keys": "aes256"}, "9000": {"kcv": "cmac"}, "8010": {"pin_block": "control-0"}}.get(dgi["dgi"], {}))
    path = rig.write("made/aes256.json", json.dumps(profile))
    card = rig.insert(installed=aids(profile), aes=256, scp=2, i=0x55, kvn=0xFF, kcv="cmac", pin_control=0)
    made(rig, card, path, "--scp", "02", "--product", "A256", verify=("--product", "A256"))
    for dgi in profile["dgis"]:
        dgi.update({"8000": {"keys": "aes192"}}.get(dgi["dgi"], {}))
    card = rig.insert(installed=aids(profile), aes=192, kcv="cmac", pin_control=0)
    made(rig, card, rig.write("made/aes192.json", json.dumps(profile)), "--product", "A192", verify=("--product", "A192"))
    card = rig.insert(installed=aids(profile), aes=256)
    code, lines, errors = rig.perso(path, "--product", "A128")
    check(code != 0 and card.tries == 0 and not card.trace and "aes256" in errors + str(lines), (lines, errors, card.trace))


def prepared(rig, profile, card, told):
    """The groupings that another station put on this card, as a data set of an issuer who made them."""
    application = card.applications[profile["aid"]]
    lines = "".join(f"dgi {name} {value.hex()}\n" for name, value in application.dgis.items())
    return DATA + lines + told


def test_instructions(rig):
    """An issuer's data set with ORDER, VERCNTL, ENC, GROUP and SECLEV, for a profile that names no grouping."""
    profile = load(rig, "generic-debit")
    first = rig.insert(installed=aids(profile))
    made(rig, first, rig.profile("generic-debit"))
    bare = {**profile, "prepared": True, "dgis": [], "instructions": {"order": ["8010", "0101"], "vercntl": ["A00A"]}}
    path = rig.write("made/bare.json", json.dumps(bare))
    told = "dgi A00A 0102\nenc 8010\norder A00A 9010 8000 9000\ngroup 9102 9200\ngroup 9010 0101\nseclev 03\n"
    told = prepared(rig, profile, first, told)
    completing = told.replace("order A00A", "order")
    card = rig.insert(installed=aids(profile))
    code, lines, errors = rig.perso(path, data=told)
    application = card.applications[profile["aid"]]
    check(code == 0 and not card.complaints, (lines, errors, card.complaints))
    order = application.order
    check(order.index("8010") < order.index("0101") and order.index("9010") < order.index("8000") < order.index("9000"), order)
    check(["9102", "9200"] in application.commands and ["9010", "0101"] in application.commands, application.commands)
    check(application.level == 3 and "A00A" not in application.dgis and "A00A" in order, (application.level, order))
    accepted(rig, card, profile["aid"])
    card = rig.insert(installed=aids(profile))
    for wrong, words in (("order 0101 7777\n", "ORDER, DGI 7777"), ("group 8000 9000\n", "another P1"), ("seclev 00\n", "without a MAC"),
                         ("order 0101 8010\n", "another order"), ("order 8000\n", "each once"), ("pdi 0000\n", "known word"),
                         ("group 0101 0201\n", "two groups"), (None, "comes last")):
        code, lines, errors = rig.perso(path, data=told + wrong if wrong else completing)
        check(code != 0 and not card.tries and not card.applications[profile["aid"]].order and words in errors + str(lines),
              (wrong, lines, errors))


def test_group_too_big(rig):
    """A group that one command of this card does not take is found out before EXTERNAL AUTHENTICATE, and one that just fits goes."""
    profile = load(rig, "generic-debit")
    first = rig.insert(installed=aids(profile))
    made(rig, first, rig.profile("generic-debit"))
    bare = rig.write("made/bare.json", json.dumps({**profile, "prepared": True, "dgis": []}))
    dgis = {dgi["dgi"]: dgi for dgi in profile["dgis"]}
    joined = [dgi for name, dgi in dgis.items() if name[0] != "8" and name != "9010"] + [dgis["8000"], {**dgis["8010"], "joined": True}, dgis["9010"]]
    joined = rig.write("made/joined.json", json.dumps({**profile, "dgis": joined}))
    given = prepared(rig, profile, first, "").replace("dgi 8010 " + first.applications[profile["aid"]].dgis["8010"].hex(),
                                                      "dgi 8010 " + first.applications[profile["aid"]].dgis["8010"][:8].hex())
    for path, data in ((bare, given + "group 9102 9200\norder 9200 9010\n"), (bare, given + "group 8000 8010\norder 8010 9010\n"),
                       (joined, DATA)):
        card = rig.insert(installed=aids(profile), max_data=0x50)  # 63 clear bytes a command; the groups have 70 to 79
        code, lines, errors = rig.perso(path, data=data)
        check(code != 0 and "in one STORE DATA" in errors and ["untouched"] == [line[2] for line in lines if line[1] == "plastic"],
              (lines, errors))
        check(not any(header[2:4] == "82" for header, _, _ in card.trace), card.trace)
        card.make["max_data"] = 0x60
        code, lines, errors = rig.perso(path, data=data)
        check(code == 0 and not card.complaints, (path, lines, errors, card.complaints))


def test_key_version_changed(rig):
    """A try that nobody saw succeed bars these keys on this card; the card that comes back with another version is another matter."""
    profile = load(rig, "generic-debit")
    card = rig.insert(installed=aids(profile), kvn=0x30, auth_sw=0x6982)
    code, lines, errors = rig.perso(rig.profile("generic-debit"))
    check(code != 0 and card.tries == 1, (lines, errors))
    card.make["auth_sw"] = 0x9000
    for kvn, barred in ((0x30, True), (0x31, False)):
        card.make["kvn"], card.trace[:] = kvn, []
        code, lines, errors = rig.perso(rig.profile("generic-debit"))
        check(("HSM_QUARANTINE" in errors) == barred and (code != 0) == barred, (kvn, lines, errors))
        check(any(header[2:4] == "82" for header, _, _ in card.trace) != barred, card.trace)
    accepted(rig, card, profile["aid"])


def test_card_secured(rig):
    """A card becomes SECURED behind its data, from either state before; by way of INITIALIZED where that is what is next."""
    profile = {**load(rig, "generic-debit"), "after": [{"set_status": {"of": "card", "state": "secured"}}]}
    path = rig.write("made/secured.json", json.dumps(profile))
    for state in (0x01, 0x07):
        for more in ({}, {"paged_status": True, "scp": 2, "i": 0x55}):
            card = rig.insert(installed=aids(profile), state=state, **more)
            code, lines, errors = rig.perso(path)
            check(code == 0 and not card.complaints and card.make["state"] == 0x0F, (state, more, lines, errors, card.complaints))


MAKES = (  # the card; options of the command; the level, or why it is left alone
    ({"isd": "D2760000850101", "i": 0x10, "kvn": 0x3F, "fci": "odd", "cplc": False}, (), "03"),
    ({"isd": "A0000001510000", "empty_select": False, "i": 0x60, "kvn": 0x01, "key_info": False}, (), "33"),
    ({"isd": "A000000003000000", "empty_select": False, "scp": 2, "i": 0x35, "kvn": 0x20, "fci": "none"}, ("--level", "13"), "13"),
    ({"scp": 2, "i": 0x75, "kvn": 0x2F, "fci": "long"}, ("--level", "13"), "13"),
    ({"i": 0x61, "kvn": 0x30, "fci": "long", "store_answer": "9F360200017F"}, (), "33"),
    ({"i": 0x11, "kvn": 0x32, "cplc": False, "fci": "odd"}, (), "03"),
    ({"i": 0x20, "t0": True, "atr": NATIVE_ATR, "store_answer": "00"}, (), "13"),
    ({"state": 0x01, "isd": "A000000003000000"}, (), "33"),
    ({"select_sw": 0x6283}, (), "it is locked"),
)


def test_other_makes(rig):
    """Names of the domain, answers of each length (28, 29, 32 bytes and S16), challenges of both kinds, data with 9000; a locked card."""
    profile = load(rig, "generic-debit")
    for make, options, end in MAKES:
        card = rig.insert(installed=aids(profile), **make)
        code, lines, errors = rig.perso(rig.profile("generic-debit"), "--scp", f"{card.make['scp']:02}", *options)
        said = {line[1]: line[2] for line in lines if len(line) > 2}
        check(not card.complaints and card.tries == 0, (make, lines, errors, card.complaints))
        made_it = card.applications[profile["aid"]].personalised
        if len(end) > 2:
            check(code != 0 and end in errors and said["plastic"] == "untouched" and not made_it, (make, lines, errors))
            continue
        check(code == 0 and made_it and said["authenticate"] == "security level " + end, (make, lines, errors))
        check(f"key version {card.make['kvn']:02X}" in said["initialize"], (make, said))


def test_what_the_operator_reads(rig):
    """A card that names its key version, and refusals that say which part of the card or the data they are about."""
    profile, dual = load(rig, "generic-debit"), load(rig, "generic-debit-dual")
    for more in ({}, {"scp": 2, "i": 0x55, "kvn": 0x01}):
        card = rig.insert(installed=aids(profile), first_key=False, **more)
        code, lines, errors = rig.perso(rig.profile("generic-debit"))
        check(code == 0 and not card.complaints and card.tries == 0, (lines, errors, card.complaints))
    cases = ((dual, {"installed": aids(dual)[:2]}, "personalisation of " + aids(dual)[2]),
             (profile, {"unknown": ("0202",)}, "DGI 0202: its application does not know it"),
             (profile, {"store_p1": 0x08}, "DGI 0101: the card finds P1 or P2 wrong"),
             (profile, {"isd": "D276000085010102", "empty_select": False}, "none of the usual names"),
             (profile, {"first_key": False, "key_info": False}, "no keys of version 00"),
             (profile, {"challenge_aid": "A000000003000000"}, "the card knows its keys, but its challenge"))
    for made_of, make, words in cases:
        card = rig.insert(**{"installed": aids(made_of), **make})
        code, lines, errors = rig.perso(rig.profile(made_of["name"]))
        check(code != 0 and words in errors and card.tries == 0, (words, lines, errors))


def test_list_in_parts(rig):
    """GET STATUS one entry at a time, with 6310 while there are more, under R-MAC."""
    profile = load(rig, "style-vsdc-debit")
    card = rig.insert(installed=aids(profile), paged_status=True)
    code, lines, errors = rig.cardwright("station", "card", "status", "--reader", READER, "--scp", "03")
    text = " ".join(" ".join(line) for line in lines)
    check(code == 0 and not card.complaints, (lines, errors, card.complaints))
    check(all("application " + aid in " ".join(text.split()) for aid in aids(profile)), text)


def coded(application, more):
    """Groupings as STORE DATA carries them, a long length in its form FF."""
    found = {**application.dgis, "8010": application.dgis["8010"][:8], "3001": more}  # as the issuer made it, not filled up
    size = lambda value: f"{len(value):02X}" if len(value) < 255 else f"FF{len(value):04X}"  # noqa: E731
    return "".join(name + size(value) + value.hex() + "\n" for name, value in found.items())


def test_odd_shapes(rig):
    """Data that are legal and rare: groupings on the wire alone, 19 digits, lengths from 255 on, entries of others in the PSE."""
    debit = load(rig, "generic-debit")
    bare = rig.write("made/wire.json", json.dumps({**debit, "prepared": True, "dgis": []}))
    card = rig.insert(installed=aids(debit))
    code, lines, errors = rig.perso(rig.profile("generic-debit"), data=DATA.replace(PAN, luhn("608040123456777777")))
    check(code == 0 and not card.complaints, (lines, errors, card.complaints))
    code, lines, errors = rig.verify(rig.profile("generic-debit"), "--product", "71")
    check(code == 0 and "arqc" in [line[1] for line in lines if line[0] == "ok"], (lines, errors))
    first = card.applications[debit["aid"]]
    for more in (255, 700):
        card = rig.insert(installed=aids(debit), scp=2 if more == 255 else 3, i=0x55 if more == 255 else 0x70)
        code, lines, errors = rig.perso(bare, data=coded(first, os.urandom(more)) + "order 3001 8000\n")
        check(code == 0 and not card.complaints and len(card.applications[debit["aid"]].dgis["3001"]) == more, (lines, errors))
    card = rig.insert(installed=aids(debit))
    code, lines, errors = rig.perso(bare, data="# nothing\n")
    check(code != 0 and not card.trace and "neither the profile nor the data" in errors, (lines, errors))
    dual = load(rig, "generic-debit-dual")
    other = [{"tag": "61", "of": [{"tag": "4F", "value": aid}, {"tag": "50", "text": "OTHER"}]} for aid in ("F043574445424954FF", "F0435744FF")]
    dual["applications"][0]["dgis"].insert(1, {"dgi": "0102", "of": [{"tag": "70", "of": other}]})
    card = rig.insert(installed=aids(dual))
    made(rig, card, rig.write("made/pse.json", json.dumps(dual)), "--product", "S1", verify=("--product", "S1"))
    accepted(rig, card, dual["aid"])


def test_antenna(rig):
    """The same chip by its antenna: the cryptogram comes with the processing options."""
    profile = load(rig, "generic-debit-dual")
    profile["terminal"]["arqc_data"] = ["9F66", "9F02", "9F37", "5F2A", "82", "9F36", "9F10"]
    path = rig.write("made/antenna.json", json.dumps(profile))
    card = rig.insert(installed=aids(profile))
    code, lines, errors = rig.perso(path)
    check(code == 0 and not card.complaints, (lines, errors, card.complaints))
    rig.eject()
    card.make["at_start"], card.atr = True, bytes.fromhex("3B80800101")
    rig.put_back()
    product = next(p["plastic_code"] for p in rig.config()["products"] if p.get("issuer_key"))
    code, lines, errors = rig.verify(path, "--product", product)
    told = {line[1]: line[0] for line in lines}
    check(code == 0 and not card.complaints, (lines, errors, card.complaints))
    check(told["contactless"] == told["mandatory"] == told["arqc"] == "ok" and told["second-ac"] == "absent", lines)


def test_qvsdc(rig):
    """qVSDC as a profile: personalised over contacts, verified by its antenna with fDDA; without records; a forged signature."""
    profile = load(rig, "style-qvsdc-debit")
    online = load(rig, "style-qvsdc-debit")
    entry = next(dgi for dgi in online["dgis"] if dgi["dgi"] == "9203")
    entry["of"] = [{"tag": "82", "value": "0000"}] + [item for item in entry["of"] if item["tag"] not in ("82", "94")]
    online["dgis"] = [dgi for dgi in online["dgis"] if dgi["dgi"] != "0402"]
    for path, fdda in ((rig.profile("style-qvsdc-debit"), True), (rig.write("made/qvsdc.json", json.dumps(online)), False)):
        card = rig.insert(installed=aids(profile))
        made(rig, card, path, "--product", "S5", verify=("--product", "S5"))
        rig.eject()
        card.make["at_start"], card.atr = "qvsdc", bytes.fromhex("3B80800101")
        rig.put_back()
        code, lines, errors = rig.verify(path, "--product", "S5")
        told = {line[1]: line[0] for line in lines}
        check(code == 0 and not card.complaints, (lines, errors, card.complaints))
        check(told["arqc"] == told["mandatory"] == "ok" and (told.get("fdda") == "ok") == fdda, lines)
        card.make["forged_second"] = True
        code, lines, _ = rig.verify(path, "--product", "S5")
        check((code == 1) == fdda and ["fdda"] * fdda == [line[1] for line in lines if line[0] == "failed"], lines)


def with_enciphered_pin(profile, form=None):
    """Enciphered PIN first in the list of contacts; form: with a key of its own (crt or plain), else under the chip's key."""
    dgis = {dgi["dgi"]: dgi for dgi in profile["dgis"]}
    dgis["0202"]["of"][0]["of"][0]["value"] = "0000000000000000440341034203" "5E031F03"
    if form:
        profile["offline_auth"]["pin_key"] = {"bits": 1008, "exponent": 3}
        dgis["9104"]["of"][1]["value"] = dgis["9104"]["of"][1]["value"] + "28010100"
        tags = (("9F2D", "certificate"), ("9F2E", "exponent"), ("9F2F", "remainder"))
        parts = {"crt": (("8301", "q_inv"), ("8302", "dq"), ("8303", "dp"), ("8304", "q"), ("8305", "p")),
                 "plain": (("8102", "d"), ("8104", "n"))}[form]
        record = {"dgi": "0501", "of": [{"tag": "70", "of": [{"tag": tag, "value": "{pin_%s}" % name} for tag, name in tags]}]}
        made_parts = [{"dgi": dgi, "part": "pin." + part, "encrypted": True, "padded": True} for dgi, part in parts]
        profile["dgis"] = [record, *made_parts, *profile["dgis"]]
    return profile


def test_enciphered_pin(rig):
    """GET CHALLENGE and an enciphered VERIFY: under the key for signatures, and under a PIN key in both its forms."""
    for form, scp in ((None, 3), ("crt", 3), ("plain", 2)):
        profile = with_enciphered_pin(load(rig, "generic-debit-dual"), form)
        path = rig.write("made/pin.json", json.dumps(profile))
        card = rig.insert(installed=aids(profile), scp=scp, i=0x70 if scp == 3 else 0x55, kvn=0xFF)
        _, told = made(rig, card, path, "--scp", f"0{scp}", "--product", "S1", verify=("--product", "S1"))
        check((told.get("pin-key") == "ok") == bool(form), told)
        accepted(rig, card, profile["aid"])


def with_long_keys(rig, issuer_bits, bits, aip, iad="06011203000000"):
    """A profile with keys of these lengths under a CA's key of 1984 bits; iad: its 9F10. Where it is."""
    profile = load(rig, "generic-debit-dual")
    profile["offline_auth"].update(icc_key={"bits": bits, "exponent": 3}, issuer_bits=issuer_bits, ca_bits=1984)
    dgis = {dgi["dgi"]: dgi for dgi in profile["dgis"]}
    dgis["9104"]["of"][0]["value"] = dgis["9203"]["of"][0]["value"] = aip
    dgis["9200"]["of"][0]["value"] = iad
    return rig.write(f"made/long-{issuer_bits}-{bits}-{aip}.json", json.dumps(profile))


def test_longest_keys(rig):
    """
    Records of 254 bytes: the issuer's certificate under a CA's key of 1984 bits, the chip's under 1976. Signatures of 247 bytes (DDA)
    and, in an answer of 256 bytes under T=0, of 205 (CDA). An issuer's key of 1984 bits is refused before the card is: by the linter,
    and where the profile reckons with a shorter one.
    """
    aid = load(rig, "generic-debit-dual")["aid"]
    issuer = rig.long[1976]
    makes = ((1976, "3800", "06011203000000", {}), (1640, "1900", "1F01120300" + 27 * "5A", {"t0": True, "atr": NATIVE_ATR}))
    for bits, aip, iad, make in makes:
        path = with_long_keys(rig, 1976, bits, aip, iad)
        card = rig.insert(installed=aids(load(rig, "generic-debit-dual")), **make)
        made(rig, card, path, "--product", "L1976", verify=("--product", "L1976"))
        records = card.applications[aid].dgis
        check(len(records["0302"]) == len(records["0303"]) == 254, records.keys())
        check(accepted(rig, card, aid, issuer)["offline"] == (["dda"] if bits == 1976 else ["cda"]), bits)
    for told in (1984, 1976):
        card = rig.insert(installed=aids(load(rig, "generic-debit-dual")))
        code, lines, errors = rig.perso(with_long_keys(rig, told, 1024, "3800"), "--product", "L1984")
        check(code != 0 and "DGI 0303" in errors + str(lines) and "255 bytes" in errors + str(lines), (lines, errors))
        check(not any(header[2:4] == "82" for header, _, _ in card.trace), card.trace)


def sda_only(rig, issuer_bits):
    """A card without a key of its own: its static data are signed, on both paths; where the profile is."""
    profile = load(rig, "generic-debit-dual")
    profile["offline_auth"] = {"dac": "DAC1", "issuer_bits": issuer_bits, "ca_bits": 1984}
    profile["dgis"] = [dgi for dgi in profile["dgis"] if dgi["dgi"][:2] != "82" and dgi["dgi"] != "0304"]
    dgis = {dgi["dgi"]: dgi for dgi in profile["dgis"]}
    dgis["0303"]["of"] = [{"tag": "70", "of": [{"tag": "93", "value": "{ssad}"}]}]
    dgis["0402"]["of"] = [{"tag": "70", "of": [{"tag": "93", "value": "{contactless_ssad}"}]}]
    for name, afl in (("9104", "080101001001020118010300"), ("9203", "08010100100101011801020020010200")):
        dgis[name]["of"] = [{"tag": "82", "value": "5800"}, {"tag": "94", "value": afl}]
    return rig.write(f"made/sda-{issuer_bits}.json", json.dumps(profile))


def test_static_data_alone(rig):
    """SDA under an issuer's key of 1984 bits, whose certificate leaves a remainder (92), and of 1696, whose does not; data changed behind it."""
    aid = load(rig, "generic-debit-dual")["aid"]
    for bits, remainder in ((1984, 36), (1696, 0)):
        path, product = sda_only(rig, bits), f"L{bits}"
        card = rig.insert(installed=aids(load(rig, "generic-debit-dual")))
        said, told = made(rig, card, path, "--product", product, verify=("--product", product))
        check(told["sda"] == "ok" and "icc-key" not in said and not {"dda", "cda"} & {n for n in told if told[n] == "ok"}, told)
        records = card.applications[aid].dgis
        check(not [name for name in records if name[:2] in ("81", "82", "83")], records.keys())
        with connect(rig) as connection:
            judge = terminal(rig, connection, issuer=rig.long[bits])
            check(judge.transaction(bytes.fromhex(aid), card.applications[aid].pin)["offline"] == ["sda"], judge.records.keys())
        check(len(judge.records.get("92", b"")) == remainder and ("92" in judge.records) == bool(remainder), judge.records.keys())
        check(len(judge.records["93"]) == bits // 8 and judge.data["9F45"].hex() == "dac1", "signed static data")
        if bits == 1984:
            check(len(records["0302"]) == len(records["0303"]) == len(records["0402"]) == 254, "records of the greatest length")
        records["0201"] = records["0201"].replace(bytes.fromhex("5F28020356"), bytes.fromhex("5F28020840"))
        code, lines, _ = rig.verify(path, "--product", product)
        check(code == 1 and "sda" in [line[1] for line in lines if line[0] == "failed"], lines)
        with connect(rig) as connection:
            try:
                terminal(rig, connection, issuer=rig.long[bits]).transaction(bytes.fromhex(aid))
                raise AssertionError("changed data were taken")
            except Wrong as wrong:
                check("signed static data" in str(wrong), wrong)


def test_check_value_in_the_chip(rig):
    """{icvv} of a data file: hsmd makes it, with service code 999; where it cannot, or the text is wrong, no card is touched."""
    profile, expiry = load(rig, "generic-debit"), "3012"
    wanted = card_check_value(rig.keys["debit-cvk"].value, PAN, expiry, "999")
    for place in ("00000{icvv}00", "{icvv}"):
        card = rig.insert(installed=aids(profile))
        said, _ = made(rig, card, rig.profile("generic-debit"), data=DATA + f"discretionary {place}\n")
        track2 = card.applications[profile["aid"]].dgis["0101"].hex()
        check(f"{PAN}d{expiry}220{place.replace('{icvv}', wanted)}" in track2 and said["icvv"] == "made with the product's cvk", said)
        accepted(rig, card, profile["aid"])
    bare = rig.write("made/bare-icvv.json", json.dumps({**profile, "name": "bare-icvv"}))
    for options, data, words in (((), "discretionary {icvv}{icvv}\n", "once for three"), ((), "discretionary {icvv}\ntrack2 608040D3\n", "no track2"),
                                 (("--product", "ZZ"), "discretionary {icvv}\n", "plastic code")):
        card = rig.insert(installed=aids(profile))
        code, lines, errors = rig.perso(bare, *options, data=DATA + data)
        check(code != 0 and words in errors + str(lines) and not card.trace, (data, lines, errors, card.trace))


def test_no_offline_pin(rig):
    """A product whose PIN is only ever verified online: no reference PIN, no counters, no such rule; one that has the rule alone."""
    profile = load(rig, "generic-debit")
    profile["dgis"] = [dgi for dgi in profile["dgis"] if dgi["dgi"] not in ("8010", "9010")]
    methods = next(dgi for dgi in profile["dgis"] if dgi["dgi"] == "0202")["of"][0]["of"][0]
    offline, methods["value"] = methods["value"], "0000000000000000420142035E031F03"
    card = rig.insert(installed=aids(profile))
    _, told = made(rig, card, rig.write("made/online.json", json.dumps(profile)), verify=("--product", "71"))
    check(told["pin-tries"] == "absent" and card.applications[profile["aid"]].pin is None, told)
    accepted(rig, card, profile["aid"])
    methods["value"] = offline
    card = rig.insert(installed=aids(profile))
    code, lines, errors = rig.perso(rig.write("made/online-wrong.json", json.dumps(profile)))
    check(code != 0 and not card.trace and "8010 and 9010" in errors + str(lines), (lines, errors, card.trace))


def test_our_chip(rig):
    """The other way round: the chip the product's tests use, met by the terminal and by the host."""
    profile = load(rig, "style-mchip-debit")
    rig.start_emulator("--apps", "pse,ppse", "--aid", profile["aid"], "--protocol", "t0", "--i02", "75")
    rig.present("judged")
    rig.wait_for_card(True)
    with connect(rig) as connection:
        for scp, level, kvn in ((2, 0x03, 0x20), (2, 0x13, 0x20), (3, 0x01, 0x30), (3, 0x33, 0x30)):
            host = Host(connection)
            host.open(scp, level, kvn)
            check(host.send("80CA9F7F")[0][:2] == b"\x9f\x7f" and host.send("80F28002", b"\x4f\x00")[1] == 0x9000, (scp, level))
    code, lines, errors = rig.perso(rig.profile("style-mchip-debit"))
    check(code == 0, (lines, errors))
    with connect(rig) as connection:
        check(terminal(rig, connection).transaction(bytes.fromhex(profile["aid"]))["offline"] == ["dda", "cda"], "offline")
    state = rig.chip.ask(cmd="state")
    check(state["violation_count"] == 0, state["violations"])


TESTS = [value for name, value in list(globals().items()) if name.startswith("test_")]


def main():
    rig, failures, only = JudgeRig(sys.argv[1]), 0, sys.argv[2:]
    try:
        rig.start()
        for test in [t for t in TESTS if not only or t.__name__[5:] in only]:
            try:
                start = time.monotonic()
                test(rig)
                print(f"ok {test.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
            except Exception:  # noqa: BLE001
                failures += 1
                print("FAILED", test.__name__, flush=True)
                traceback.print_exc()
    finally:
        rig.stop()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
