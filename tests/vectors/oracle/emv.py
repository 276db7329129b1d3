# SPDX-License-Identifier: Apache-2.0
"""EMV Book 2, A1.3 and A1.4: card and session keys, cryptograms, issuer scripts, PIN change."""
import hashlib

import emv_aes
from des import odd_parity, tdes_encrypt
from modes import cbc, ecb, pad, retail_mac, xor
from pins import decimal, field, is_pin, want

F8 = b"\xff" * 8


def icc_mk(imk, e):
    psn = e.get("psn", "00")
    text = e["pan"] + psn
    want(e["pan"] != "" and text.isdigit() and len(psn) == 2 and e["option"] in ("A", "B"))
    y = text[-16:].rjust(16, "0")
    if e["option"] == "B" and len(e["pan"]) > 16:
        y = decimal(hashlib.sha1(bytes.fromhex(text if len(text) % 2 == 0 else "0" + text)).hexdigest(), 16)
    y = bytes.fromhex(y)
    return odd_parity(tdes_encrypt(imk, y) + tdes_encrypt(imk, xor(y, F8)))


def is_aes(e):
    return e.get("option") == "C"


def mk_of(e, name="imk"):
    make = emv_aes.icc_mk if is_aes(e) else icc_mk
    return bytes.fromhex(e["mk"]) if "mk" in e else make(bytes.fromhex(e[name]), e)


def named(e):
    return "aes" if is_aes(e) else "tdes"


def common(mk, r):
    return odd_parity(tdes_encrypt(mk, r[:2] + b"\xf0" + r[3:]) + tdes_encrypt(mk, r[:2] + b"\x0f" + r[3:]))


def session_key(e):
    mk, kind = mk_of(e), e.get("session", "common")
    if is_aes(e):
        want(kind == "common")
        return emv_aes.session_key(mk, bytes.fromhex(e["r"]))
    if kind == "none":
        return mk
    if kind == "common":
        return common(mk, bytes.fromhex(e["r"]))
    atc = bytes.fromhex(e["atc"])
    if kind == "mchip":
        return common(mk, atc + b"\0\0" + bytes.fromhex(e["un"]))
    return xor(mk, bytes(6) + atc + bytes(6) + xor(atc, F8))


def mac(e, padding, data):
    return emv_aes.mac(session_key(e), data) if is_aes(e) else retail_mac(session_key(e), padding, data)


def arqc(e):
    return mac(e, e.get("padding", 2), bytes.fromhex(e["data"]))


def arpc1(e):
    x = xor(bytes.fromhex(e["arqc"]), bytes.fromhex(e["arc"]) + bytes(6))
    return (emv_aes.arpc1 if is_aes(e) else tdes_encrypt)(session_key(e), x)


def arpc2(e):
    return mac(e, 2, bytes.fromhex(e["arqc"] + e["csu"] + e.get("prop", "")))[:4]


def script_mac(e):
    return retail_mac(session_key(e), 2, bytes.fromhex(e["header"] + e.get("context", "") + e.get("data", "")))


def nibbles(head, pin, filler):
    return bytes.fromhex((head + pin).ljust(16, filler))


def pin_change(e):
    scheme, key, pin = e["scheme"], session_key(e), e["pin"]
    want(is_pin(pin))
    if scheme == "mchip":
        return ecb("tdes", key, field(2, pin, "F" * 14))
    if scheme == "ccd":
        return cbc("tdes", key, bytes(8), pad(2, field(2, pin, "F" * 14)))
    if scheme == "visa22" and "current" not in e:
        block = field(2, pin, "F" * 14)
    else:
        block = xor(bytes(4) + mk_of(e, "imk_ac")[4:8], nibbles(f"0{len(pin):X}", pin, "F"))
    if "current" in e:
        block = xor(block, nibbles("", e["current"], "0"))
    return ecb("tdes", key, pad(2, b"\x08" + block))
