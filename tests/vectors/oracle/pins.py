# SPDX-License-Identifier: Apache-2.0
"""PIN blocks of ISO 9564-1, set-PIN forms, Visa PVV, IBM 3624."""
from modes import ecb, ecb_back, xor


class Refused(Exception):
    """The entry must be rejected."""


def want(condition):
    if not condition:
        raise Refused


def decimal(hex_text, count):
    """Digits first; where they are too few, letters less ten."""
    digits = [h for h in hex_text if h in "0123456789"]
    letters = [str("ABCDEF".index(h)) for h in hex_text.upper() if h in "ABCDEF"]
    return "".join(digits + letters)[:count]


def is_pin(pin):
    return 4 <= len(pin) <= 12 and pin.isascii() and pin.isdigit()


def account(e):
    """0000 and twelve digits: of the PAN without its check digit, or of the kit number with all of it."""
    digits = e["kit"] if "kit" in e else e["pan"][:-1]
    return bytes.fromhex("0000" + digits[-12:].rjust(12, "0"))


def field(control, pin, filler):
    return bytes.fromhex((f"{control:X}{len(pin):X}{pin}" + filler)[:16])


def encode(e):
    pin, form = e["pin"], e["format"]
    want(is_pin(pin))
    filler = e["fill"] if form in (1, 3) else "F" * 14
    want(form != 3 or all(c in "ABCDEFabcdef" for c in filler[:14 - len(pin)]))
    clear = field(form, pin, filler)
    return (xor(clear, account(e)) if form in (0, 3) else clear).hex()


def decode_field(form, text):
    want(len(text) == 16 and int(text[0], 16) == form)
    length = int(text[1], 16)
    pin, rest = text[2:2 + length], text[2 + length:]
    want(is_pin(pin) and len(pin) == length)
    allowed = {0: "F", 1: "0123456789ABCDEF", 2: "F", 3: "ABCDEF", 4: "A"}[form]
    want(all(c in allowed for c in rest))
    return pin


def decode(e):
    block = bytes.fromhex(e["block"])
    want(len(block) == (16 if e["format"] == 4 else 8))
    clear = xor(block, account(e)) if e["format"] in (0, 3) else block[:8]
    return decode_field(e["format"], clear.hex().upper())


def pan_field4(pan):
    want(1 <= len(pan) <= 19 and pan.isdigit())
    return bytes.fromhex((str(max(len(pan) - 12, 0)) + pan.rjust(12, "0")).ljust(32, "0"))


def iso4(key, pin, pan, random):
    want(is_pin(pin))
    inner = ecb("aes", key, field(4, pin, "A" * 14) + random)
    return ecb("aes", key, xor(inner, pan_field4(pan)))


def iso4_back(key, pan, block):
    inner = xor(ecb_back("aes", key, block), pan_field4(pan))
    return decode_field(4, ecb_back("aes", key, inner)[:8].hex().upper())


def pvv(e):
    pan, pin = e["pan"], e["pin"]
    want(is_pin(pin) and 12 <= len(pan) <= 19 and pan.isdigit() and len(e["pvki"]) == 1 and e["pvki"].isdigit())
    tsp = bytes.fromhex(pan[-12:-1] + e["pvki"] + pin[:4])
    return decimal(ecb("tdes", bytes.fromhex(e["pvk"]), tsp).hex(), 4)


def natural(e, length):
    want(len(e["table"]) == 16 and e["table"].isdigit() and 4 <= length <= 12)
    x = ecb("tdes", bytes.fromhex(e["pvk"]), bytes.fromhex(e["vdata"])).hex()
    return [int(e["table"][int(h, 16)]) for h in x[:length]]


def ibm3624_offset(e):
    want(is_pin(e["pin"]))
    return "".join(str((int(p) - n) % 10) for p, n in zip(e["pin"], natural(e, len(e["pin"]))))


def ibm3624_pin(e):
    want(e["offset"].isdigit())
    return "".join(str((int(o) + n) % 10) for o, n in zip(e["offset"], natural(e, len(e["offset"]))))
