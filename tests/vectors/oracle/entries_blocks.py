# SPDX-License-Identifier: Apache-2.0
"""Entries of key blocks: every version, optional blocks of every shape, and blocks that somebody changed."""
import keyblock
from modes import cipher

USAGES = ("P0", "B0", "B1", "C0", "D0", "D1", "E0", "E1", "E2", "E3", "E4", "E5", "E6", "K0", "K1", "M0", "M1", "M3",
          "M6", "M7", "V0", "V1", "V2", "10")


def option(d):
    """id, length in hex (one in four in its long form), characters."""
    name, text = d.one("KS", "KV", "HM", "CT", "TS", "LB", "IK", "KP", "PK", "10", "Z9"), d.hex(d.rng.randint(0, 12))
    if name == "LB":
        text = d.one("a label", "key of the branch", "~ !", "")
    if d.rng.random() < 0.25:
        return f"{name}0004{len(text) + 10:04X}{text}"
    return f"{name}{len(text) + 4:02X}{text}"


def options(d, block):
    """Whole cipher blocks of them, by a padding block where it takes one."""
    text, count = "", d.one(0, 0, 1, 2, 3)
    for _ in range(count):
        text += option(d)
    missing = -len(text) % block
    if missing == 0:
        return text, count
    missing += 0 if missing >= 4 else block
    return text + f"PB{missing:02X}" + (d.hex(missing)[:missing - 4]), count + 1


def block_of(d, version):
    kbpk = d.aes() if version == "D" else d.tdes()
    algorithm = d.one("T", "T", "A", "H", "D") if version == "D" else d.one("T", "T", "H", "D")
    key = {"T": d.tdes, "A": d.aes, "D": lambda: d.hex(8), "H": lambda: d.hex(d.number(1, 64))}[algorithm]()
    size = cipher(keyblock.name_of(version))[0]
    text, count = options(d, size)
    header = f"{version}0000{d.one(*USAGES)}{algorithm}{d.one(*'BCDEGNSTVXY')}{d.one('00', '12', 'c1', 'A0')}" \
             f"{d.one(*'ENS')}{count:02d}00{text}"
    clear = bytes.fromhex(key)
    payload = (8 * len(clear)).to_bytes(2, "big") + clear
    longest = 96 // size * size
    length = d.rng.randrange(-(-len(payload) // size) * size, longest + 1, size)
    payload += bytes.fromhex(d.hex(length - len(payload)))
    return {"kbpk": kbpk, "block": keyblock.wrap(bytes.fromhex(kbpk), header, payload)}


def changed(d, e):
    """The block with another character somewhere, or cut off, or under another key."""
    text, at = e["block"], d.rng.randrange(5, len(e["block"]))
    other = d.one(*(c for c in "0123456789ABCDEF" if c != text[at].upper()))
    return d.one(dict(e, block=text[:at] + other + text[at + 1:]), dict(e, block=text[:-d.number(1, 16)]),
                 dict(e, kbpk=d.hex(len(e["kbpk"]) // 2)))


def tr31_unwrap(d):
    for version in "ABCD" * 6:
        yield block_of(d, version)


def tr31_unwrap_changed(d):
    for version in "ABCD" * 4:
        yield dict(changed(d, block_of(d, version)), alg="tr31_unwrap")
