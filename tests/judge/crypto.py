# SPDX-License-Identifier: Apache-2.0
"""The ciphers of GlobalPlatform and EMV over libcrypto's ECB modes; RSA is pow()."""
import ctypes
import ctypes.util

_lib = ctypes.CDLL(ctypes.util.find_library("crypto"))
for _name in ("EVP_CIPHER_CTX_new", "EVP_des_ede_ecb", "EVP_aes_128_ecb", "EVP_aes_192_ecb", "EVP_aes_256_ecb"):
    getattr(_lib, _name).restype = ctypes.c_void_p
_AES = {16: "EVP_aes_128_ecb", 24: "EVP_aes_192_ecb", 32: "EVP_aes_256_ecb"}


def _ecb(cipher, key, data, encrypt):
    out, length = ctypes.create_string_buffer(len(data) + 32), ctypes.c_int(0)
    context = ctypes.c_void_p(_lib.EVP_CIPHER_CTX_new())
    fine = _lib.EVP_CipherInit_ex(context, ctypes.c_void_p(getattr(_lib, cipher)()), None, key, None, int(encrypt)) == 1
    _lib.EVP_CIPHER_CTX_set_padding(context, 0)
    fine = fine and _lib.EVP_CipherUpdate(context, out, ctypes.byref(length), data, len(data)) == 1
    _lib.EVP_CIPHER_CTX_free(context)
    if not fine or length.value != len(data):
        raise ValueError("not whole blocks")
    return out.raw[:len(data)]


def des3(key, data, encrypt=True):
    """Two-key TDES, ECB; a key of 8 bytes is single DES."""
    return _ecb("EVP_des_ede_ecb", (key + key)[:16], data, encrypt)


def aes(key, data, encrypt=True):
    return _ecb(_AES[len(key)], key, data, encrypt)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def cbc(cipher, key, iv, data, encrypt=True):
    out, size = b"", len(iv)
    for at in range(0, len(data), size):
        block = data[at:at + size]
        done = cipher(key, xor(block, iv)) if encrypt else xor(cipher(key, block, False), iv)
        iv = done if encrypt else block
        out += done
    return out


def pad80(data, size):
    return data + b"\x80" + bytes(-(len(data) + 1) % size)


def unpad80(data):
    end = data.rstrip(b"\0")
    if not end.endswith(b"\x80"):
        raise ValueError("padding")
    return end[:-1]


def retail_mac(key, data, iv=bytes(8)):
    """ISO 9797-1 algorithm 3, padding 2."""
    data = pad80(data, 8)
    chain = cbc(des3, key[:8], iv, data)[-8:]
    return des3(key[:8], des3(key[8:], chain, False))


def _doubled(block):
    n = int.from_bytes(block, "big") << 1
    return ((n ^ 0x87 if n >> 128 else n) & ((1 << 128) - 1)).to_bytes(16, "big")


def cmac(key, data):
    one = _doubled(aes(key, bytes(16)))
    whole = len(data) and not len(data) % 16
    data = data if whole else pad80(data, 16)
    data = data[:-16] + xor(data[-16:], one if whole else _doubled(one))
    return cbc(aes, key, bytes(16), data)[-16:]


def odd_parity(key):
    return bytes((b & 0xFE) | (1 - bin(b >> 1).count("1") % 2) for b in key)


def icc_master_key(imk, pan, psn):
    """EMV Book 2 A1.4.1, option A."""
    y = bytes.fromhex((pan + psn)[-16:].zfill(16))
    return odd_parity(des3(imk, y) + des3(imk, xor(y, b"\xff" * 8)))


def card_check_value(cvk, pan, expiry, service_code):
    """Three digits over PAN, expiry and service code, as Visa's manuals print it: hexadecimal digits A to F last, less ten."""
    digits = (pan + expiry + service_code).ljust(32, "0")
    chain = xor(des3(cvk[:8], bytes.fromhex(digits[:16])), bytes.fromhex(digits[16:]))
    found = des3(cvk, chain).hex()
    return ("".join(c for c in found if c < "a") + "".join(str(int(c, 16) - 10) for c in found if c >= "a"))[:3]


def aes_master_key(imk, pan, psn):
    """EMV Book 2 A1.4.3, option C."""
    y = bytes.fromhex((pan + psn).zfill(32))
    return (aes(imk, y) + aes(imk, xor(y, b"\xff" * 16)))[:len(imk)]


def aes_session_key(master, atc):
    """EMV Book 2 A1.3.1 for blocks of 16 bytes."""
    if len(master) == 16:
        return aes(master, atc + bytes(14))
    return (aes(master, atc + b"\xf0" + bytes(13)) + aes(master, atc + b"\x0f" + bytes(13)))[:len(master)]


def emv_session_key(master, atc):
    """EMV Book 2 A1.3.1, for cryptograms."""
    return des3(master, atc + b"\xf0" + bytes(5)) + des3(master, atc + b"\x0f" + bytes(5))
