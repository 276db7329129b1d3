# SPDX-License-Identifier: Apache-2.0
"""Entries of secure channels, with a card that the oracle plays."""
import scp

AID = "A000000151000000"


def command(d):
    """A command of the first class, one in five without data."""
    data = d.hex(d.one(0, 1, 8, 15, 16, 17, d.rng.randint(0, 60)))
    head = d.one("80", "00") + d.one("E2", "CA", "F2", "E4") + d.hex(2)
    if not data:
        return head + d.one("", "00")
    return head + f"{len(data) // 2:02X}" + data + d.one("", "00")


def commands(d, s, count):
    out = []
    for _ in range(count):
        plain = command(d)
        s.wrap(bytes.fromhex(plain))
        e = {"plain": plain}
        if s.level & scp.R_MAC:
            clear = bytes.fromhex(d.hex(d.one(0, 0, 1, 16, 30)))
            e["response"] = s.answer(bytes.fromhex(plain), clear, b"\x90\0").hex().upper()
        out.append(e)
    return out


def channel(d, keys, level, response, host, s):
    """The card's cryptogram is put into its response; what follows is the host's side, played along."""
    e = {"enc": keys[0], "mac": keys[1], "dek": keys[2], "host": host, "aid": AID, "level": level}
    e["response"] = response.replace("CRYPTOGRAM", s.cryptogram(True).hex().upper())
    s.wrap(bytes([0x80, 0x82, level, 0, s.length]) + s.cryptogram(False))
    s.level = level
    return dict(e, commands=commands(d, s, d.rng.randint(1, 3)))


def scp02(d):
    for level in (0x01, 0x03, 0x11, 0x13):
        keys, host, card = [d.tdes2() for _ in range(3)], d.hex(8), d.hex(8)
        s = scp.Scp02([bytes.fromhex(k) for k in keys], bytes.fromhex(host), bytes.fromhex(card))
        yield channel(d, keys, level, d.hex(10) + d.hex(1) + "02" + card + "CRYPTOGRAM", host, s)


# What the card offers (i without the bit of its mode) and the security level that is asked for.
LEVELS = ((0x00, 0x01), (0x10, 0x03), (0x20, 0x11), (0x30, 0x13), (0x60, 0x33), (0x70, 0x33), (0x70, 0x01))


def scp03_card(d, i, level, size):
    """size: 8 in mode S8, 16 in mode S16."""
    length = d.one(16, 24, 32)
    keys, host, sequence = [d.hex(length) for _ in range(3)], d.hex(size), d.hex(3)
    card, tail = bytes.fromhex(d.hex(size)), ""
    if i & 0x10:
        tail = sequence
        card = scp.challenge03(bytes.fromhex(keys[0]), bytes.fromhex(sequence), bytes.fromhex(AID), size)
    s = scp.Scp03([bytes.fromhex(k) for k in keys], bytes.fromhex(host), card)
    head = d.hex(11) + f"03{i | (size == 16):02X}"
    return channel(d, keys, level, head + card.hex().upper() + "CRYPTOGRAM" + tail, host, s)


def scp03(d):
    for i, level in LEVELS:
        for size in (8, 16):
            yield scp03_card(d, i, level, size)


def gp_card_key(d):
    for how in ("visa2", "emv", "kdf3"):
        for n in (1, 2, 3):
            yield {"how": how, "kmc": d.aes() if how == "kdf3" else d.tdes2(), "kdd": d.hex(10), "n": n}
    yield {"how": "none", "kmc": d.tdes2(), "kdd": d.hex(10), "n": 1}
    yield {"how": "emv", "kmc": d.tdes2(), "kdd": d.hex(10), "n": 4}


def scp_channel(d):
    yield from scp02(d)
    yield from scp03(d)
