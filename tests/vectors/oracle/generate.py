# SPDX-License-Identifier: Apache-2.0
"""A whole file of entries of one seed, dressed the way other people write files."""
import random

import entries
import entries_blocks
import entries_channels
from answer import ALGORITHMS, answer
from draw import Draw

MORE = ("pvv_second_pass", "tr31_unwrap_changed")
AS_THEY_STAND = ("alg", "source", "option", "session", "scheme", "method", "cipher", "direction", "form", "how",
                 "expect")


def functions():
    for module in (entries, entries_blocks, entries_channels):
        for name, function in vars(module).items():
            if name in ALGORITHMS or name in MORE:
                yield name, function


def lower(e):
    """Hex in lower case, but for the text of a key block, which its MAC covers."""
    keep = AS_THEY_STAND + (("block",) if e["alg"] == "tr31_unwrap" else ())
    return {name: v.lower() if isinstance(v, str) and name not in keep else v for name, v in e.items()}


def dressed(rng, e):
    """Members in another order, some that nobody knows, hex in either case."""
    e = lower(e) if rng.random() < 0.3 else dict(e)
    if rng.random() < 0.3:
        e["comment"] = rng.choice((None, 1.5, "of a stranger", {"nested": [1, {}]}))
    names = list(e)
    rng.shuffle(names)
    return {name: e[name] for name in names}


def generate(seed):
    rng = random.Random(seed)
    out = []
    for name, function in functions():
        for e in function(Draw(rng)):
            e = {"alg": name, "source": f"oracle, seed {seed}", **e}
            e["expect"] = answer(e)
            out.append(dressed(rng, e))
    rng.shuffle(out)
    return out
