#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Cards of all shipped profiles, made by `cardwright station perso`, read by cardpeek: an EMV reader that is none of ours.
usage: cardpeek_profiles.py BUILD [FOLDER for what cardpeek showed]; exit status 77 where cardpeek is not installed.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "judge"))

from judge_rig import READER, JudgeRig  # noqa: E402
from card_rig import Rig  # noqa: E402
from tlv import flat, items  # noqa: E402


class Reader(JudgeRig):
    """The virtual chip of the product's tests over contacts and antenna; the judge's card for what that one does not do."""

    def use_none(self):
        for process in [p for p in self.processes if p.name == "card-desk"]:
            process.stop()
            self.processes.remove(process)
        if os.path.exists(self.path("card-desk")):
            os.unlink(self.path("card-desk"))

    def use(self, *more):
        self.use_none()
        self.chip = Rig.start_card(self, "desk", *more)

    def leave(self):
        self.take_out()

    def product_of(self, name):
        with open(self.path("cardwright.json")) as f:
            codes = [p["plastic_code"] for p in json.load(f)["products"] if p["profile"] == name + ".json"]
        return codes[0]

    def home(self):
        """cardpeek unpacks its scripts into a new HOME and wants to be started again."""
        folder = self.path("home")
        if not os.path.isdir(folder):
            os.mkdir(folder)
            self.cardpeek("", os.devnull)
        return folder

    def cardpeek(self, aid, tree):
        """Its output goes to a file and its input stays open: at the end of a file its console asks for ever."""
        env = {**os.environ, **self.pcsc, "HOME": self.home(), "CARDPEEK_AID": aid, "CARDPEEK_TREE": tree}
        argv = ["cardpeek", "-c", "-r", "pcsc://" + READER, "-e", f"dofile('{os.path.join(HERE, 'read.lua')}')"]
        with open(self.path("logs/cardpeek.log"), "wb") as log, \
                subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=log, stderr=log, env=env) as process:
            try:
                process.stdin.write(b"1\n1\n")
                process.stdin.flush()
                return process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise

    def last_words(self):
        with open(self.path("logs/cardpeek.log"), errors="replace") as log:
            return log.read()[-300:]


def attributes(node):
    return {a.get("name"): a.text or "" for a in node.findall("attr")}


def shown_of(tree, aid):
    """(tag, value) to its name, of what cardpeek shows below the application; its values begin with the bits of an element, "8:"."""
    found = {}
    with open(tree, encoding="utf-8", errors="replace") as f:
        text = f.read().split("\n", 1)[1]  # its first line is not XML
    for node in xml.fromstring(text).iter("node"):
        if attributes(node).get("id") != "#" + aid:
            continue
        for below in node.iter("node"):
            a = attributes(below)
            if "id" in a and a.get("val", "").startswith("8:"):
                found[a["id"].upper(), a["val"][2:].upper()] = a.get("label", "")
    return found


def named_records(dgis, afl):
    for at in range(0, len(afl), 4):
        for record in range(afl[at + 1], afl[at + 2] + 1):
            yield dgis[f"{afl[at] >> 3:02X}{record:02X}"]


def expected_of(dgis, contactless):
    """What is in the answers of this path, out of the groupings that the chip keeps."""
    fci, gpo = ("9103", "9203") if contactless else ("9102", "9104")
    answer = dict(items(dgis[gpo]))
    found = [(tag, value) for tag, value in flat(dgis[fci]) + flat(dgis[gpo]) if tag != "94" or value]
    for record in named_records(dgis, answer.get("94", b"")):
        found += flat(record)
    return found


def chip_dgis(folder):
    with open(os.path.join(folder, "chip.json")) as f:
        return {name: bytes.fromhex(value) for name, value in json.load(f)["dgis"].items()}


def judged(rig, name, path, aid, expected, folder):
    """One line; how much is wrong."""
    tree = os.path.join(folder, f"{name}-{path}.xml")
    status = rig.cardpeek(aid, tree)
    shown = shown_of(tree, aid) if os.path.exists(tree) else {}
    missing = [tag for tag, value in expected if (tag, value.hex().upper()) not in shown]
    unnamed = sorted({tag for tag, value in expected if shown.get((tag, value.hex().upper()), "").startswith("TLV")})
    print(f"{name}, {path}: {len(expected)} objects, {len(missing)} missing or different {' '.join(missing)}"
          f"; without a name in cardpeek: {' '.join(unnamed) or 'none'}", flush=True)
    if status:
        print(f"  cardpeek ended with {status}: {rig.last_words()}", flush=True)
    return len(missing) + (status != 0)


def personalised(rig, name):
    code, lines, errors = rig.perso(rig.profile(name), "--product", rig.product_of(name))
    if code:
        raise RuntimeError(f"{name}: {errors or lines}")


def in_the_reader(rig, name):
    folder = rig.present(name)
    rig.wait_for_card(True)
    return folder


def read_profile(rig, name, folder):
    """How much is wrong, by each interface."""
    with open(rig.profile(name)) as f:
        profile = json.load(f)
    aid, entry = profile["aid"], [dgi for dgi in profile["dgis"] if dgi.get("role") == "contactless-gpo"]
    if any(item.get("tag") == "9F6C" for dgi in entry for item in dgi["of"]):
        return read_qvsdc(rig, name, profile, folder)
    rig.use("--apps", "pse,ppse", "--aid", aid)
    plastic = in_the_reader(rig, name)
    personalised(rig, name)
    wrong = judged(rig, name, "contact", aid, expected_of(chip_dgis(plastic), False), folder)
    rig.leave()
    if not entry:
        return wrong
    rig.use("--apps", "pse,ppse", "--aid", aid, "--interface", "contactless")
    plastic = in_the_reader(rig, name)
    wrong += judged(rig, name, "contactless", aid, expected_of(chip_dgis(plastic), True), folder)
    rig.leave()
    return wrong


def read_qvsdc(rig, name, profile, folder):
    """By the antenna the cryptogram comes with the processing options, which the judge's card does."""
    rig.use_none()
    card = rig.insert(installed=[profile["aid"]] + [app["aid"] for app in profile["applications"]])
    personalised(rig, name)
    dgis = card.applications[profile["aid"]].dgis
    wrong = judged(rig, name, "contact", profile["aid"], expected_of(dgis, False), folder)
    rig.eject()
    card.make["at_start"], card.atr = "qvsdc", bytes.fromhex("3B80800101")
    rig.put_back()
    wrong += judged(rig, name, "contactless", profile["aid"], expected_of(dgis, True), folder)
    rig.eject()
    return wrong


def main():
    if len(sys.argv) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if not shutil.which("cardpeek"):
        print("skipped: cardpeek is not installed; apt-get install cardpeek")
        return 77
    folder = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="cardpeek-")
    os.makedirs(folder, exist_ok=True)
    rig, wrong = Reader(sys.argv[1]), 0
    try:
        rig.start()
        for path in sorted(glob.glob(os.path.join(os.path.dirname(rig.profile("generic-debit")), "*.json"))):
            wrong += read_profile(rig, os.path.basename(path)[:-5], folder)
    finally:
        rig.stop()
    print(f"what cardpeek showed is in {folder}; {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
