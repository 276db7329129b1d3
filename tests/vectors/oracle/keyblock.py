# SPDX-License-Identifier: Apache-2.0
"""Key blocks TR-31 / X9.143, versions A to D."""
from modes import cbc, cbc_back, cbc_mac, cipher, cmac, xor
from pins import want

MAC_LEN = {"A": 4, "B": 8, "C": 4, "D": 16}
ALGORITHM = {("tdes", 16): 0, ("tdes", 24): 1, ("aes", 16): 2, ("aes", 24): 3, ("aes", 32): 4}


def derived(name, kbpk, usage):
    """SP 800-108 in counter mode with CMAC, as many rounds as the key is long."""
    bits, out = (8 * len(kbpk)).to_bytes(2, "big"), b""
    for n in range(1, 4):
        out += cmac(name, kbpk, bytes([n, 0, usage, 0, 0, ALGORITHM[name, len(kbpk)]]) + bits)
    return out[:len(kbpk)]


def name_of(version):
    return "aes" if version == "D" else "tdes"


def keys_of(version, kbpk):
    """KBEK and KBAK."""
    if version in "AC":
        return tuple(xor(kbpk, bytes([v]) * len(kbpk)) for v in (0x45, 0x4d))
    return tuple(derived(name_of(version), kbpk, usage) for usage in (0, 1))


def mac_of(version, kbak, header, body):
    if version in "AC":
        return cbc_mac(kbak, 1, header + body)[:4]
    return cmac(name_of(version), kbak, header + body)


def wrap(kbpk, header, payload):
    """header: text with its optional blocks, four places for the length."""
    version = header[0]
    total = len(header) + 2 * (len(payload) + MAC_LEN[version])
    header = header[0] + f"{total:04d}" + header[5:]
    kbek, kbak = keys_of(version, kbpk)
    head = header.encode()
    if version in "AC":
        body = cbc("tdes", kbek, head[:8], payload)
        mac = mac_of(version, kbak, head, body)
    else:
        mac = mac_of(version, kbak, head, payload)
        body = cbc(name_of(version), kbek, mac, payload)
    return header + (body + mac).hex().upper()


def number(text, base):
    want(text != "" and all(c in "0123456789ABCDEF"[:base] for c in text))
    return int(text, base)


def option_end(block, at):
    want(len(block) >= at + 6)
    length = number(block[at + 2:at + 4], 16)
    if length == 0:
        digits = number(block[at + 4:at + 6], 16)
        length = number(block[at + 6:at + 6 + digits], 16)
    want(length >= 4)
    return at + length


def unwrap(kbpk, block):
    version, at = block[0], 16
    want(version in MAC_LEN and number(block[1:5], 10) == len(block))
    for _ in range(number(block[12:14], 10)):
        at = option_end(block, at)
    size = cipher(name_of(version))[0]
    want(at % size == 0 and len(block) >= at + 2 * (size + MAC_LEN[version]))
    want((len(block) - at - 2 * MAC_LEN[version]) % (2 * size) == 0)
    kbek, kbak = keys_of(version, kbpk)
    head, rest = block[:at].encode(), bytes.fromhex(block[at:])
    body, mac = rest[:-MAC_LEN[version]], rest[-MAC_LEN[version]:]
    payload = cbc_back(name_of(version), kbek, head[:8] if version in "AC" else mac, body)
    want(mac == mac_of(version, kbak, head, body if version in "AC" else payload))
    return payload[2:2 + int.from_bytes(payload[:2], "big") // 8]
