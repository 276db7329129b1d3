# SPDX-License-Identifier: Apache-2.0
"""Looks for known secrets in files, in argv and environ, and in the writable memory of processes."""
import os
import re
import shutil
import sqlite3
import tempfile

from cardmath import cvv, dukpt_pin_key, pin_block, tdes
from sound import stripe_of

CHUNK = 1 << 22
SQLITE = b"SQLite format 3\0"
# Three digits after what somebody calls a verification value who writes it down.
NAMED_CODE = re.compile(rb"(?<![a-z0-9])(?:i?cv[vc][12]?|cvx2?|cav2?|csc|cid|dcvv|card[ _-]?verification[ _-]?(?:value|code)|"
                        rb"security[ _-]?code)[^a-z0-9]{1,6}(?:(?:is|was|value)[^a-z0-9]{1,3})?(\d{3})(?![a-z0-9])", re.I)


def patterns_of_key(label, value):
    """A key as bytes, and as hex of either case."""
    return {f"key {label}": [value, value.hex().encode(), value.hex().upper().encode()]}


def patterns_of_card(folder, cvk):
    """{what: [bytes]}: PAN as digits and packed, tracks, and the digits with the CVV in them; a CVV alone is too short."""
    tracks = stripe_of(folder)
    pan, rest = tracks[2].split("=")
    packed = bytes.fromhex(pan if len(pan) % 2 == 0 else pan + "F")
    discretionary = rest[7:]
    assert cvv(cvk, pan, rest[:4], rest[4:7]) in discretionary
    return {f"PAN {pan[:6]}..{pan[-4:]}": [pan.encode(), packed],
            f"track 1 of {pan[-4:]}": [tracks[1].encode()],
            f"track 2 of {pan[-4:]}": [tracks[2].encode(), rest.encode()]}


def codes_of_card(folder, cvk):
    """{what: digits} of the three verification values; to be looked for where they mean something."""
    pan, rest = stripe_of(folder)[2].split("=")
    return {f"{name} of {pan[-4:]}": cvv(cvk, pan, rest[:4], service)
            for name, service in (("CVV", rest[4:7]), ("CVV2", "000"), ("iCVV", "999"))}


def look_for_codes(data, codes, public=()):
    """
    Three digits are everywhere. A value is found as a whole string of JSON (unless it is one of the public ones, as a
    service code is; the fields of a log, MS="394", are no JSON), and after a name of such values, whatever marks are between.
    """
    named = {m.decode() for m in NAMED_CODE.findall(data)}
    quoted = {m.decode() for m in re.findall(rb"(?<!=)[\"'](\d{3})[\"']", data)} - set(public)
    return {what for what, digits in codes.items() if digits in named | quoted}


def _texts_of_journal(path):
    """Every text and blob in every table, of a copy: the daemon keeps its journal locked."""
    folder = tempfile.mkdtemp(prefix="cw-", dir="/tmp")
    copy = os.path.join(folder, "copy.db")
    shutil.copyfile(path, copy)
    if os.path.exists(path + "-wal"):
        shutil.copyfile(path + "-wal", copy + "-wal")
    journal = sqlite3.connect(copy)
    try:
        journal.text_factory = bytes
        for (table,) in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in journal.execute(f'SELECT * FROM "{table.decode()}"'):
                yield from (cell for cell in row if isinstance(cell, bytes))
    finally:
        journal.close()
        shutil.rmtree(folder)


def codes_in_file(path, codes, public=()):
    """As look_for_codes, and a cell of an SQLite table that is nothing but the value."""
    with open(path, "rb") as f:
        data = f.read()
    found = look_for_codes(data, codes, public)
    if data.startswith(SQLITE):
        cells = set(_texts_of_journal(path))
        found |= {what for what, digits in codes.items() if digits not in public and digits.encode() in cells}
    return found


def public_codes(config):
    """Strings of three digits that stand in the configuration."""
    return set(re.findall(r'"(\d{3})"', config))


def core_limits(pid):
    """Soft and hard limit of a core file, as words."""
    with open(f"/proc/{pid}/limits") as f:
        line = [line for line in f if line.startswith("Max core file size")][0]
    return line.split()[4:6]


def patterns_of_pin(pin, pan, bdk, ksns):
    """The digits (six, lest chance finds them), the clear block, and the blocks the pad sent."""
    clear = pin_block(pin, pan)
    field = bytes.fromhex(f"0{len(pin):X}{pin}".ljust(16, "F"))
    found = {"PIN": [pin.encode()], "clear PIN block": [clear, clear.hex().encode(), clear.hex().upper().encode()],
             "PIN field": [field, field.hex().upper().encode()]}
    for ksn in ksns:
        sent = tdes(dukpt_pin_key(bdk, ksn), clear)
        found[f"enciphered PIN block {ksn.hex()[-4:]}"] = [sent, sent.hex().encode(), sent.hex().upper().encode()]
    return found


def look(data, patterns):
    return {what for what, values in patterns.items() if any(v in data for v in values)}


def in_file(path, patterns):
    with open(path, "rb") as f:
        return look(f.read(), patterns)


def in_command(pid, patterns):
    """argv and environ."""
    found = set()
    for name in ("cmdline", "environ"):
        found |= in_file(f"/proc/{pid}/{name}", patterns)
    return found


def _writable(pid):
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            words = line.split()
            if words[1].startswith("rw") and not (len(words) > 5 and words[5] in ("[vvar]", "[vsyscall]")):
                start, end = (int(x, 16) for x in words[0].split("-"))
                yield start, end


def in_memory(pid, patterns):
    """Every writable mapping; pieces overlap so that nothing hides on a border."""
    found, overlap = set(), max(len(v) for values in patterns.values() for v in values)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for start, end in _writable(pid):
            tail, at = b"", start
            while at < end:
                try:
                    mem.seek(at)
                    data = mem.read(min(CHUNK, end - at))
                except (OSError, ValueError):
                    break
                if not data:
                    break
                found |= look(tail + data, patterns)
                tail, at = data[-overlap:], at + len(data)
    return found


def children(pid):
    """Processes of this session, the leader first."""
    found = [pid]
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as f:
                session = int(f.read().rpartition(")")[2].split()[3])
        except OSError:
            continue
        if session == pid and int(name) != pid:
            found.append(int(name))
    return found
