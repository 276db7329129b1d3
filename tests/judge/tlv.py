# SPDX-License-Identifier: Apache-2.0
"""BER-TLV as EMV Book 3 annex B has it, data object lists, EMV CPS data groupings."""


def items(data):
    """(tag in upper case hex, value) one after the other."""
    at, found = 0, []
    while at < len(data):
        if data[at] in (0x00, 0xFF):
            at += 1
            continue
        start, first = at, data[at]
        at += 1
        if first & 0x1F == 0x1F:
            while data[at] & 0x80:
                at += 1
            at += 1
        tag = data[start:at].hex().upper()
        size = data[at]
        at += 1
        if size > 0x80:
            more = size & 0x7F
            size, at = int.from_bytes(data[at:at + more], "big"), at + more
        if at + size > len(data):
            raise ValueError("a length beyond the end")
        found.append((tag, data[at:at + size]))
        at += size
    return found


def flat(data):
    """Every primitive object at any depth."""
    found = []
    for tag, value in items(data):
        found += flat(value) if int(tag[:2], 16) & 0x20 else [(tag, value)]
    return found


def coded(tag, value):
    size = len(value)
    length = bytes([size]) if size < 0x80 else bytes([0x81, size]) if size < 0x100 else b"\x82" + size.to_bytes(2, "big")
    return bytes.fromhex(tag) + length + value


def dol(data):
    """(tag, length) pairs."""
    at, found = 0, []
    while at < len(data):
        start = at
        at += 1
        if data[start] & 0x1F == 0x1F:
            while data[at] & 0x80:
                at += 1
            at += 1
        found.append((data[start:at].hex().upper(), data[at]))
        at += 1
    return found


def groupings(data):
    """Data groupings of EMV CPS: two bytes, a length that is not BER, the value."""
    at, found = 0, []
    while at < len(data):
        size, head = data[at + 2], 3
        if size == 0xFF:
            size, head = int.from_bytes(data[at + 3:at + 5], "big"), 5
        if at + head + size > len(data):
            raise IndexError("a grouping that goes on")
        found.append((data[at:at + 2].hex().upper(), data[at + head:at + head + size]))
        at += head + size
    return found
