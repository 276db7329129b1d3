# SPDX-License-Identifier: Apache-2.0
"""A second reading of the standards a card's data follows: CVV, PIN blocks, DUKPT. By libcrypto, shared with nothing."""
import ctypes

from testkeys import _crypto as libcrypto

TDES = b"DES-EDE-ECB"


def tdes(key, data, encrypt=True):
    """Two-key triple DES, ECB; an 8-byte key is single DES."""
    key = key + key if len(key) == 8 else key
    ctx = ctypes.c_void_p(libcrypto.EVP_CIPHER_CTX_new())
    cipher = ctypes.c_void_p(libcrypto.EVP_CIPHER_fetch(None, TDES, None))
    out, length = ctypes.create_string_buffer(len(data) + 16), ctypes.c_int(0)
    ok = libcrypto.EVP_CipherInit_ex2(ctx, cipher, key, None, int(encrypt), None) == 1
    libcrypto.EVP_CIPHER_CTX_set_padding(ctx, 0)
    ok = ok and libcrypto.EVP_CipherUpdate(ctx, out, ctypes.byref(length), data, len(data)) == 1
    libcrypto.EVP_CIPHER_CTX_free(ctx)
    libcrypto.EVP_CIPHER_free(cipher)
    if not ok:
        raise RuntimeError("libcrypto cannot do " + TDES.decode())
    return out.raw[:len(data)]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def cvv(cvk, pan, expiry, service_code):
    """Card verification value: two blocks of digits under the CVK pair, decimalised, the first three digits."""
    digits = (pan + expiry + service_code).ljust(32, "0")
    first, second = bytes.fromhex(digits[:16]), bytes.fromhex(digits[16:])
    value = tdes(cvk, xor(tdes(cvk[:8], first), second)).hex()
    plain = [c for c in value if c.isdigit()]
    return "".join(plain + [str(ord(c) - ord("a")) for c in value if not c.isdigit()])[:3]


def pin_block(pin, pan):
    """ISO 9564 format 0, clear."""
    field = f"0{len(pin):X}{pin}".ljust(16, "F")
    return xor(bytes.fromhex(field), bytes.fromhex("0000" + pan[-13:-1]))


# ---- DUKPT of X9.24-1:2009 ----

MASK = bytes.fromhex("C0C0C0C000000000C0C0C0C000000000")


def _one_way(key, register):
    """Non-reversible key generation: the next key under this one."""
    def half(k):
        return xor(tdes(k[:8], xor(register, k[8:])), k[8:])
    return half(xor(key, MASK)) + half(key)


def dukpt_pin_key(bdk, ksn):
    """PIN encryption key of a 10-byte KSN."""
    serial = bytes(ksn[:7]) + bytes([ksn[7] & 0xE0])
    key = tdes(bdk, serial) + tdes(xor(bdk, MASK), serial)
    counter = int.from_bytes(ksn[7:], "big") & 0x1FFFFF
    register = bytearray(ksn[2:8] + ksn[8:])
    register[5] &= 0xE0
    register[6] = register[7] = 0
    for bit in reversed(range(21)):
        if counter >> bit & 1:
            value = int.from_bytes(register, "big") | 1 << bit
            register = bytearray(value.to_bytes(8, "big"))
            key = _one_way(key, bytes(register))
    return xor(key, bytes.fromhex("00000000000000FF00000000000000FF"))
