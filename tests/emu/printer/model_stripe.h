/* SPDX-License-Identifier: Apache-2.0 */
/* The magnetic head: characters to ISO/IEC 7811 bits and back. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EMUP_TRACKS = 3, EMUP_TRACK_TEXT_MAX = 104, EMUP_TRACK_BYTES = 80 };

struct emup_track {
        bool written;
        unsigned format;                    /* 1, 2, 3: the ISO track formats (Pmt) */
        char text[EMUP_TRACK_TEXT_MAX + 1]; /* without sentinels and LRC */
        char lrc;                           /* as a character of the format */
        uint8_t bits[EMUP_TRACK_BYTES];     /* first bit at the MSB, zero padded */
        size_t nbits;
};

struct emup_stripe {
        struct emup_track track[EMUP_TRACKS];
        char coercivity; /* 'h' or 'l': what the stripe is made of */
};

enum emup_stripe_result { EMUP_STRIPE_OK, EMUP_STRIPE_FORMAT, EMUP_STRIPE_LENGTH, EMUP_STRIPE_CHARACTER };

/* Adds sentinels and LRC and lays the bits down; *ret is written on success only. Text with sentinels in it
 * is refused. */
enum emup_stripe_result emup_stripe_encode(unsigned format, const char *text, struct emup_track *ret);
/* Reads the bits of a track back, checking parity, sentinels and LRC; text holds EMUP_TRACK_TEXT_MAX + 1. */
bool emup_stripe_decode(const struct emup_track *track, char *text);
