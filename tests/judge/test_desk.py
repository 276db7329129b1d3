#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A stranger's first minutes: the desk of `make desk`, a card of another make in its reader, the commands exactly as the desk prints them,
then the terminal with the key that lies there. usage: test_desk.py BUILD
"""
import json
import os
import shlex
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(SOURCE, "tests/branch"))

from branch import free_ports  # noqa: E402
from card import Card  # noqa: E402
from pcsc import CardError, Connection  # noqa: E402
from terminal import Terminal  # noqa: E402
from vpcd import Slot  # noqa: E402

OWN = bytes(range(0x10, 0x40))  # three keys of a card


def said(desk):
    """What it prints until it is ready."""
    lines = []
    for line in desk.stdout:
        lines.append(line.strip())
        if "Ctrl-C" in line:
            return lines
    raise AssertionError(lines)


def command(lines, word):
    """The line with that command, as a person would copy it."""
    return next(line for line in lines if f"station {word} " in line)


def run(line, wait=False):
    """pcscd may need a moment to see the card."""
    for _ in range(20):
        done = subprocess.run(shlex.split(line), cwd=SOURCE, capture_output=True, text=True, check=False)
        if not wait or "no card came" not in done.stderr:
            return done
        time.sleep(0.2)
    raise AssertionError(done.stderr)


def connect(reader, socket):
    for _ in range(50):
        try:
            return Connection(socket, reader)
        except CardError:
            time.sleep(0.1)
    raise AssertionError("the card cannot be reached")


def judge(lines, port, keys, *more):
    perso, verify = command(lines, "perso"), command(lines, "verify")
    words = shlex.split(perso)
    with open(os.path.join(SOURCE, words[words.index("--profile") + 1])) as source:
        profile = json.load(source)
    card = Card(installed=[profile["aid"]] + [app["aid"] for app in profile["applications"]])
    card.keys = keys or card.keys
    slot = Slot(port, card)
    try:
        done = run(" ".join((perso, *more)), wait=True)
        assert done.returncode == 0 and "personalised" in done.stdout and not card.complaints, (done, card.complaints)
        done = run(verify)
        assert done.returncode == 0 and "ok" in done.stdout and not card.complaints, (done, card.complaints)
        folder = os.path.join(SOURCE, os.path.dirname(words[0]))
        with open(os.path.join(folder, "ca.json")) as a, open(os.path.join(folder, "keys.json")) as b:
            ca, test_keys = json.load(a), json.load(b)
        socket = next(line.partition("=")[2] for line in lines if line.startswith("export "))
        with connect("cardwright desk 00 00", socket) as connection:
            terminal = Terminal(connection, {int(ca["index"], 16): (int(ca["modulus"], 16), int(ca["exponent"], 16))},
                                bytes.fromhex(test_keys["debit-imk-ac"]))
            aid = bytes.fromhex(profile["aid"])
            assert terminal.transaction(aid)["offline"] == ["dda", "cda"] and not card.complaints, card.complaints
    finally:
        slot.remove()
    assert slot.failure is None, slot.failure


def main():
    port = free_ports(1)[0]
    own = os.path.join(os.path.abspath(sys.argv[1]), "desk-own.keys")
    with open(own, "w") as out:
        out.write("".join(OWN[at:at + 16].hex() + "\n" for at in (0, 16, 32)))
    desk = subprocess.Popen([os.path.join(SOURCE, "tests/integration/card/desk"), os.path.abspath(sys.argv[1]), "--port", str(port),
                             "--card-keys", "own", "aes", own], stdout=subprocess.PIPE, text=True, cwd=SOURCE)
    try:
        lines = said(desk)
        judge(lines, port, None)
        time.sleep(1)
        judge(lines, port, [OWN[at:at + 16] for at in (0, 16, 32)], "--key-label own")
        print("ok")
        return 0
    finally:
        desk.terminate()
        desk.wait(20)
        os.unlink(own)


if __name__ == "__main__":
    sys.exit(main())
