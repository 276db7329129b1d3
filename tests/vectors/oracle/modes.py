# SPDX-License-Identifier: Apache-2.0
"""Modes and MACs over both ciphers: ECB, CBC, ISO/IEC 9797-1 MAC algorithms 1 and 3, CMAC, check values."""
from aes import aes_decrypt, aes_encrypt
from des import des_decrypt, des_encrypt, tdes_decrypt, tdes_encrypt


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def blocks(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


def cipher(name):
    """Block size, encipher, decipher."""
    return {"aes": (16, aes_encrypt, aes_decrypt), "tdes": (8, tdes_encrypt, tdes_decrypt)}[name]


def ecb(name, key, data):
    size, encrypt, _ = cipher(name)
    return b"".join(encrypt(key, b) for b in blocks(data, size))


def ecb_back(name, key, data):
    size, _, decrypt = cipher(name)
    return b"".join(decrypt(key, b) for b in blocks(data, size))


def cbc(name, key, iv, data):
    size, encrypt, _ = cipher(name)
    out = []
    for block in blocks(data, size):
        iv = encrypt(key, xor(block, iv))
        out.append(iv)
    return b"".join(out)


def cbc_back(name, key, iv, data):
    size, _, decrypt = cipher(name)
    out = []
    for block in blocks(data, size):
        out.append(xor(decrypt(key, block), iv))
        iv = block
    return b"".join(out)


def fill(data, size):
    return data + bytes(-len(data) % size)


def pad(method, data, size=8):
    if method == 1:
        return fill(data, size) or bytes(size)
    if method == 2:
        return fill(data + b"\x80", size)
    return (8 * len(data)).to_bytes(size, "big") + fill(data, size)


def retail_mac(key, method, data):
    """Algorithm 3: single DES but for the last block."""
    x = bytes(8)
    for block in blocks(pad(method, data), 8):
        x = des_encrypt(key[:8], xor(x, block))
    return des_encrypt(key[:8], des_decrypt(key[8:16], x))


def cbc_mac(key, method, data):
    """Algorithm 1 with TDES."""
    return cbc("tdes", key, bytes(8), pad(method, data))[-8:]


def cmac(name, key, data):
    size, encrypt, _ = cipher(name)
    rb, top = {8: 0x1b, 16: 0x87}[size], 1 << 8 * size
    double = lambda v: (v << 1) % top ^ (rb if v << 1 & top else 0)
    k1 = double(int.from_bytes(encrypt(key, bytes(size)), "big"))
    whole = len(data) > 0 and len(data) % size == 0
    last = data[-size:] if whole else fill(data[len(data) // size * size:] + b"\x80", size)
    last = xor(last, (k1 if whole else double(k1)).to_bytes(size, "big"))
    head = data[:len(data) - size] if whole else data[:len(data) // size * size]
    return cbc(name, key, bytes(size), head + last)[-size:]


def kcv(name, key, method):
    size, encrypt, _ = cipher(name)
    if method == "cmac":
        return cmac(name, key, bytes(size))
    return encrypt(key, (b"\x01" if (name, method) == ("aes", "gp") else b"\0") * size)
