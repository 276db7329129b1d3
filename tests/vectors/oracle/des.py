# SPDX-License-Identifier: Apache-2.0
"""DES and TDES of one block, FIPS 46-3. Tables join each S box with the permutation P behind it."""
import functools

IP = [58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40,
      32, 24, 16, 8, 57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5,
      63, 55, 47, 39, 31, 23, 15, 7]
FP = [IP.index(n + 1) + 1 for n in range(64)]
P = [16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22,
     11, 4, 25]
PC1 = [57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
       63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4]
PC2 = [14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52, 31, 37, 47,
       55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32]
SHIFTS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1]
S = ["E4D12FB83A6C5907 0F74E2D1A6CB9538 41E8D62BFC973A50 FC8249175B3EA06D",
     "F18E6B34972DC05A 3D47F28EC01A69B5 0E7BA4D158C6932F D8A13F42B67C05E9",
     "A09E63F51DC7B428 D709346A285ECBF1 D6498F30B12C5AE7 1AD069874FE3B52C",
     "7DE3069A1285BC4F D8B56F03472C1AE9 A690CB7DF13E5284 3F06A1D8945BC72E",
     "2C417AB6853FD0E9 EB2C47D150FA3986 421BAD78F9C5630E B8C71E2D6F09A453",
     "C1AF92680D34E75B AF427C9561DE0B38 9EF528C3704A1DB6 432C95FABE17608D",
     "4B2EF08D3C975A61 D0B7491AE35C2F86 14BDC37EAF680592 6BD814A7950FE23C",
     "D2846FB1A93E50C7 1FD8A374C56B0E92 7B419CE206ADF358 21E74A8DFC90356B"]


def permute(value, width, table):
    """Bits of value (the first is the most significant of width) in the order of the table."""
    out = 0
    for n in table:
        out = out << 1 | value >> (width - n) & 1
    return out


def s_box(box, six):
    row, column = six >> 4 & 2 | six & 1, six >> 1 & 15
    return int(S[box].split()[row][column], 16)


SP = [[permute(s_box(box, six) << (28 - 4 * box), 32, P) for six in range(64)] for box in range(8)]


def by_bytes(table):
    return [[permute(byte << (56 - 8 * at), 64, table) for byte in range(256)] for at in range(8)]


IP_BYTES, FP_BYTES = by_bytes(IP), by_bytes(FP)


def permute64(data, tables):
    out = 0
    for at in range(8):
        out |= tables[at][data[at]]
    return out


@functools.lru_cache(maxsize=4096)
def schedule(key):
    """16 round keys of eight groups of six bits."""
    cd = permute(int.from_bytes(key, "big"), 64, PC1)
    c, d = cd >> 28, cd & 0xfffffff
    keys = []
    for shift in SHIFTS:
        c = (c << shift | c >> (28 - shift)) & 0xfffffff
        d = (d << shift | d >> (28 - shift)) & 0xfffffff
        k = permute(c << 28 | d, 56, PC2)
        keys.append(tuple(k >> (42 - 6 * box) & 63 for box in range(8)))
    return tuple(keys)


def rounds(block, keys):
    both = permute64(block, IP_BYTES)
    left, right = both >> 32, both & 0xffffffff
    for key in keys:
        wide = (right & 1) << 33 | right << 1 | right >> 31
        f = 0
        for box in range(8):
            f |= SP[box][(wide >> (28 - 4 * box) & 63) ^ key[box]]
        left, right = right, left ^ f
    return permute64((right << 32 | left).to_bytes(8, "big"), FP_BYTES).to_bytes(8, "big")


def des_encrypt(key, block):
    return rounds(block, schedule(key))


def des_decrypt(key, block):
    return rounds(block, schedule(key)[::-1])


def thirds(key):
    """K1, K2, K3 of 8, 16 or 24 bytes."""
    return key[:8], (key[8:16] or key[:8]), (key[16:24] or key[:8])


def tdes_encrypt(key, block):
    k1, k2, k3 = thirds(key)
    return des_encrypt(k3, des_decrypt(k2, des_encrypt(k1, block)))


def tdes_decrypt(key, block):
    k1, k2, k3 = thirds(key)
    return des_decrypt(k1, des_encrypt(k2, des_decrypt(k3, block)))


def odd_parity(key):
    return bytes(b if bin(b).count("1") % 2 == 1 else b ^ 1 for b in key)
