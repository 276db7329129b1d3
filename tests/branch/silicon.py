# SPDX-License-Identifier: Apache-2.0
"""What a host did to chips, judged by the bytes that reached them (emu-card --wire)."""

INITIALIZE_UPDATE, EXTERNAL_AUTHENTICATE = 0x50, 0x82


def events(text):
    """Lines of --wire as (plastic, what, bytes)."""
    found = [line.split(" ") for line in text.splitlines()]
    return [(words[0], words[1], bytes.fromhex(words[2]) if len(words) > 2 else b"") for words in found]


def is_secured(command):
    return command[0] & 0x0C != 0


class Silicon:
    """The secured commands of all chips it was told of."""

    def __init__(self):
        self.seen = set()

    def judge(self, found):
        """{plastic: key tries}, and what was wrong: a secured command that had been sent before, or that belonged to no channel
        opened since its chip was powered, or a second key try."""
        channel, tries, wrong = {}, {}, []
        for plastic, what, command in found:
            if what == "fault":
                continue  # what it does to the card, as losing power, stands in a line of its own
            if what != "apdu":
                channel[plastic] = None
            elif is_secured(command):
                if command in self.seen:
                    wrong.append(f"{plastic} got {command[:5].hex()}.. twice")
                self.seen.add(command)
                trying = command[1] == EXTERNAL_AUTHENTICATE
                tries[plastic] = tries.get(plastic, 0) + trying
                if channel.get(plastic) != ("asked" if trying else "open"):
                    wrong.append(f"{plastic} got {command[:5].hex()}.. outside of a channel")
                channel[plastic] = "open"
            elif command[1] == INITIALIZE_UPDATE:
                channel[plastic] = "asked"
        wrong += [f"keys were tried again on {plastic}" for plastic, n in tries.items() if n > 1]
        return tries, wrong
