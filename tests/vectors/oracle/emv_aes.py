# SPDX-License-Identifier: Apache-2.0
"""EMV Book 2 (4.4) with AES: option C of A1.4.3, session keys of A1.3.1, MACs of A1.2.2, ARPC method 1 of 8.2.1."""
from aes import aes_encrypt
from modes import cmac, xor
from pins import want


def icc_mk(imk, e):
    text = e["pan"] + e.get("psn", "00")
    want(text.isdigit())
    y = bytes.fromhex(text.rjust(32, "0"))
    return (aes_encrypt(imk, y) + aes_encrypt(imk, xor(y, b"\xff" * 16)))[:len(imk)]


def session_key(mk, r):
    if len(mk) == 16:
        return aes_encrypt(mk, r + bytes(8))
    return b"".join(aes_encrypt(mk, r[:2] + half + r[3:] + bytes(8)) for half in (b"\xf0", b"\x0f"))[:len(mk)]


def mac(key, data):
    return cmac("aes", key, data)[:8]


def arpc1(key, x):
    return aes_encrypt(key, x + bytes(8))[:8]
