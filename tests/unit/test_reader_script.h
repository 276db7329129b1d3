/* SPDX-License-Identifier: Apache-2.0 */
/* A card that is a list of expected commands and their answers; any other byte fails the test. */
#pragma once

#include "drivers/reader/card_channel.h"

struct script_line {
        const char *command; /* hex; "*" as last character: any bytes may follow */
        const char *answer;  /* hex; "" = the card dies with an empty answer, NULL = the reader is gone */
};

struct script_card {
        struct cw_card_channel channel;
        const struct script_line *lines;
        size_t count, next;
        int resets, closes;
};

void script_card_init(struct script_card *card, const struct script_line *lines, size_t count, bool t0);
/* Fails the test unless every line was used. */
void script_card_done(const struct script_card *card);
