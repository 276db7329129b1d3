# SPDX-License-Identifier: Apache-2.0
"""DUKPT with TDES (X9.24-1:2009) and with AES (X9.24-3:2017)."""
from aes import aes_encrypt
from des import des_encrypt, tdes_encrypt
from modes import cbc, fill, retail_mac, xor

C0 = bytes.fromhex("C0C0C0C000000000C0C0C0C000000000")
PIN_VARIANT = bytes.fromhex("00000000000000FF" * 2)
MAC_VARIANT = {"request": bytes.fromhex("000000000000FF00" * 2), "response": bytes.fromhex("00000000FF000000" * 2)}
DATA_VARIANT = {"request": bytes.fromhex("0000000000FF0000" * 2), "response": bytes.fromhex("000000FF00000000" * 2)}


def half(key, register):
    return xor(des_encrypt(key[:8], xor(register, key[8:])), key[8:])


def transaction_key(bdk, ksn):
    number = int.from_bytes(ksn, "big")
    counter, base = number & 0x1fffff, number & ~0x1fffff
    start = base.to_bytes(10, "big")[:8]
    key = tdes_encrypt(bdk, start) + tdes_encrypt(xor(bdk, C0), start)
    for bit in range(20, -1, -1):
        if counter >> bit & 1:
            base |= 1 << bit
            register = base.to_bytes(10, "big")[2:]
            key = half(xor(key, C0), register) + half(key, register)
    return key


def tdes_pin(bdk, ksn, clear):
    return tdes_encrypt(xor(transaction_key(bdk, ksn), PIN_VARIANT), clear)


def tdes_mac(bdk, ksn, direction, msg):
    return retail_mac(xor(transaction_key(bdk, ksn), MAC_VARIANT[direction]), 1, msg)[:4]


def tdes_data(bdk, ksn, direction, msg):
    v = xor(transaction_key(bdk, ksn), DATA_VARIANT[direction])
    return cbc("tdes", tdes_encrypt(v, v[:8]) + tdes_encrypt(v, v[8:]), bytes(8), fill(msg, 8))


BITS = {128: (2, 16), 192: (3, 24), 256: (4, 32)}
PIN, MAC = 0x1000, 0x2000
DATA = {"request": 0x3000, "response": 0x3001}


def derive(key, usage, bits, tail):
    algorithm, length = BITS[bits]
    out = b""
    for n in range(1, 3):
        out += aes_encrypt(key, bytes([1, n]) + usage.to_bytes(2, "big") + algorithm.to_bytes(2, "big") +
                           bits.to_bytes(2, "big") + tail)
    return out[:length]


def aes_working_key(bdk, ikid, counter, usage, bits):
    own = 8 * len(bdk)
    key, reached = derive(bdk, 0x8001, own, ikid), 0
    for bit in range(31, -1, -1):
        if counter >> bit & 1:
            reached |= 1 << bit
            key = derive(key, 0x8000, own, ikid[4:] + reached.to_bytes(4, "big"))
    return derive(key, usage, bits, ikid[4:] + counter.to_bytes(4, "big"))
