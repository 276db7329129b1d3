# SPDX-License-Identifier: Apache-2.0
"""The server's set-PIN texts: AES-GCM (NIST SP 800-38D, an IV of 16 bytes), ECB and CBC with PKCS#7."""
import base64

from aes import aes_encrypt
from modes import blocks, cbc, ecb, fill, xor
from pins import want


def product(x, y):
    z = 0
    for bit in range(127, -1, -1):
        z ^= x if y >> bit & 1 else 0
        x = x >> 1 ^ (0xe1 << 120 if x & 1 else 0)
    return z


def ghash(h, data):
    y = 0
    for block in blocks(data, 16):
        y = product(int.from_bytes(h, "big"), y ^ int.from_bytes(block, "big"))
    return y.to_bytes(16, "big")


def lengths(additional, text):
    return (8 * additional).to_bytes(8, "big") + (8 * text).to_bytes(8, "big")


def gcm(key, iv, text):
    h = aes_encrypt(key, bytes(16))
    j0 = ghash(h, fill(iv, 16) + lengths(0, len(iv)))
    stream, counter = b"", int.from_bytes(j0[12:], "big")
    while len(stream) < len(text):
        counter = (counter + 1) % (1 << 32)
        stream += aes_encrypt(key, j0[:12] + counter.to_bytes(4, "big"))
    sealed = xor(text, stream)
    return sealed + xor(aes_encrypt(key, j0), ghash(h, fill(sealed, 16) + lengths(0, len(sealed))))


def pkcs7(data):
    n = 16 - len(data) % 16
    return data + bytes([n]) * n


def seal(e):
    key, iv, block = (bytes.fromhex(e[name]) for name in ("key", "iv", "block"))
    text, form = block.hex().upper().encode(), e["form"]
    want(form in ("v2-ascii-hex", "v2-raw8", "v1-ecb-hex16", "v1-cbc-iv16-raw8", "v1-cbc0-hex16"))
    if form.startswith("v2"):
        out = iv + gcm(key, iv, text if form == "v2-ascii-hex" else block)
    elif form == "v1-ecb-hex16":
        out = ecb("aes", key, pkcs7(text))
    elif form == "v1-cbc0-hex16":
        out = cbc("aes", key, bytes(16), pkcs7(text))
    else:
        out = iv + cbc("aes", key, iv, pkcs7(block))
    return base64.b64encode(out).decode()
