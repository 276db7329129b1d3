# SPDX-License-Identifier: Apache-2.0
"""Usage: run.py [--seed N] [--token NAME]... [--keep FILE] HSM-VECTORS

An independent judge of hsmd's algorithms, written from the standards in Python alone. First it must itself agree with
every published vector here; then it makes a file of some hundred entries out of the seed and puts it to each token by
HSM-VECTORS; at last come files that nobody can read. --keep leaves the file."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

from answer import ALGORITHMS, agrees
from generate import generate

VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir)
MALFORMED = {
    "empty": b"", "half": b'[{"alg": "cvv", "cvk": "0123', "object": b'{"alg": "cvv"}', "latin": b'[{"alg": "\xe9"}]',
    "number": b"[" + b"9" * 40 + b"]", "twice": b'[{"alg": "cvv", "alg": "pvv"}]', "deep": b"[" * 100000,
}
# Entries that are none, and how many of them must fail (the last one is good).
WRONG = [1, "x", None, [], {}, {"alg": 5, "expect": "1"}, {"alg": "cvv"}, {"alg": "cvv", "expect": 561},
         {"alg": "cvv", "cvk": ["0"], "pan": "4" * 100000, "expiry": 8701, "service": "101", "expect": "561"},
         {"alg": "retail_mac", "key": "0" * 32, "msg": "00", "padding": 2 ** 62, "expect": "00"},
         {"alg": "dukpt_aes_pin", "bdk": "0" * 32, "ikid": "0" * 16, "counter": -1, "expect": "00"},
         {"alg": "tr31_unwrap", "kbpk": "0" * 32, "block": "B9999P0TE00E9900", "expect": "00"},
         {"alg": "cmac", "cipher": "aes", "key": "0" * 32, "msg": "00" * 2000000, "expect": "00"},
         {"alg": "kcv", "method": "legacy", "key": "0123456789ABCDEFFEDCBA9876543210", "expect": "08d7b4"}]


def check_oracle():
    """The oracle against what is published."""
    for name in ("hsm.json", "scp.json"):
        with open(os.path.join(VECTORS, name), encoding="utf-8") as f:
            known = [e for e in json.load(f) if e["alg"] in ALGORITHMS]
        wrong = [e["source"] for e in known if not agrees(e)]
        if wrong:
            sys.exit(f"the oracle does not agree with {name}: {wrong}")
        print(f"the oracle agrees with {len(known)} entries of {name}")


def ask(tool, token, path):
    """Exit status, the last line's counts, everything said."""
    done = subprocess.run([tool, "--token", token, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    out = done.stdout.decode()
    last = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", (out.splitlines() or [""])[-1])
    if not last:
        sys.exit(f"no counts in the last line of {tool} --token {token}: {out} {done.stderr.decode()}")
    return done.returncode, tuple(int(n) for n in last.groups()), out + done.stderr.decode()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else json.dumps(data).encode())
    return path


def check_malformed(tool, folder):
    for name, data in MALFORMED.items():
        status, counts, said = ask(tool, "softhsm", write(os.path.join(folder, name), data))
        if status != 2 or counts != (0, 1, 0) or len(said.splitlines()) < 2:
            sys.exit(f"the malformed file {name} gave {status} {counts} {said}")
    status, counts, said = ask(tool, "softhsm", write(os.path.join(folder, "wrong"), WRONG))
    if status != 1 or counts != (1, len(WRONG) - 1, 0):
        sys.exit(f"the wrong entries gave {status} {counts} {said}")
    status, counts, said = ask(tool, "softhsm", write(os.path.join(folder, "none"), []))
    if status != 0 or counts != (0, 0, 0) or "no entries" not in said:
        sys.exit(f"the file without entries gave {status} {counts} {said}")
    print(f"{len(MALFORMED)} malformed files refused, {len(WRONG) - 1} wrong entries failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--token", action="append")
    parser.add_argument("--keep")
    parser.add_argument("tool")
    args = parser.parse_args()
    check_oracle()
    file = generate(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        path = write(args.keep or os.path.join(folder, "entries"), file)
        for token in args.token or ("softhsm", "nss"):
            status, counts, said = ask(args.tool, token, path)
            print(f"seed {args.seed}, {token}: {counts}")
            if status != 0 or counts != (len(file), 0, 0):
                sys.exit(said)
        check_malformed(args.tool, folder)


if __name__ == "__main__":
    main()
