# SPDX-License-Identifier: Apache-2.0
"""AES of one block, FIPS 197."""
import functools


def times(a, b):
    """Product in GF(2^8)."""
    out = 0
    while b:
        out ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11b if a & 0x80 else 0)
        b >>= 1
    return out


def make_s_box():
    power, logs = [1], {1: 0}
    for n in range(1, 255):
        power.append(times(power[-1], 3))
        logs[power[-1]] = n
    box = []
    for a in range(256):
        b = power[-logs[a] % 255] if a else 0
        box.append(b ^ rotate(b, 1) ^ rotate(b, 2) ^ rotate(b, 3) ^ rotate(b, 4) ^ 0x63)
    return box


def rotate(b, n):
    return (b << n | b >> (8 - n)) & 0xff


SBOX = make_s_box()
INVERSE = [SBOX.index(n) for n in range(256)]
BY = {f: [times(n, f) for n in range(256)] for f in (2, 3, 9, 11, 13, 14)}
ROWS = [0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11]
ROWS_BACK = [ROWS.index(n) for n in range(16)]


@functools.lru_cache(maxsize=4096)
def schedule(key):
    words, n, rcon = [key[i:i + 4] for i in range(0, len(key), 4)], len(key) // 4, 1
    for i in range(n, 4 * (n + 7)):
        t = words[-1]
        if i % n == 0:
            t = bytes(SBOX[b] for b in t[1:] + t[:1])
            t = bytes([t[0] ^ rcon]) + t[1:]
            rcon = times(rcon, 2)
        elif n > 6 and i % n == 4:
            t = bytes(SBOX[b] for b in t)
        words.append(bytes(a ^ b for a, b in zip(words[-n], t)))
    flat = b"".join(words)
    return [flat[i:i + 16] for i in range(0, len(flat), 16)]


def add(a, b):
    return [x ^ y for x, y in zip(a, b)]


def mix(s):
    by2, by3, out = BY[2], BY[3], []
    for c in range(0, 16, 4):
        a, b, d, e = s[c:c + 4]
        out += [by2[a] ^ by3[b] ^ d ^ e, a ^ by2[b] ^ by3[d] ^ e, a ^ b ^ by2[d] ^ by3[e], by3[a] ^ b ^ d ^ by2[e]]
    return out


def unmix(s):
    x9, xb, xd, xe, out = BY[9], BY[11], BY[13], BY[14], []
    for c in range(0, 16, 4):
        a, b, d, e = s[c:c + 4]
        out += [xe[a] ^ xb[b] ^ xd[d] ^ x9[e], x9[a] ^ xe[b] ^ xb[d] ^ xd[e],
                xd[a] ^ x9[b] ^ xe[d] ^ xb[e], xb[a] ^ xd[b] ^ x9[d] ^ xe[e]]
    return out


def aes_encrypt(key, block):
    keys = schedule(key)
    s = add(block, keys[0])
    for k in keys[1:-1]:
        s = add(mix([SBOX[s[n]] for n in ROWS]), k)
    return bytes(add([SBOX[s[n]] for n in ROWS], keys[-1]))


def aes_decrypt(key, block):
    keys = schedule(key)
    s = add(block, keys[-1])
    for k in keys[-2:0:-1]:
        s = unmix(add([INVERSE[s[n]] for n in ROWS_BACK], k))
    return bytes(add([INVERSE[s[n]] for n in ROWS_BACK], keys[0]))
