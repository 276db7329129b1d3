/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of an answer mean. */
#include "drivers/printer/evolis/codec.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define ACK 0x06
#define NACK 0x15
#define DIGITS_MAX 15

/* Length of text without blanks at either end; *ret points at its first character. */
static size_t trimmed(const char *text, const char **ret) {
        while (*text == ' ' || *text == '\t' || *text == '\n')
                text++;
        size_t n = strlen(text);
        while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t' || text[n - 1] == '\n'))
                n--;
        *ret = text;
        return n;
}

static bool word_is(const char *reply, const char *word) {
        const char *text = NULL;
        size_t n = trimmed(reply, &text);
        return n == strlen(word) && strncasecmp(text, word, n) == 0;
}

enum cw_evolis_kind cw_evolis_kind(const char *reply) {
        const char *text = NULL;
        size_t n = trimmed(reply, &text);
        if (word_is(reply, "OK") || (n >= 1 && text[0] == ACK))
                return CW_EVOLIS_OK;
        if (word_is(reply, "ERROR CDE") || (n >= 2 && text[0] == NACK && text[1] == '1'))
                return CW_EVOLIS_COMMAND;
        if ((n >= 3 && strncasecmp(text, "ERR", 3) == 0) || (n >= 1 && text[0] == NACK))
                return CW_EVOLIS_ERROR;
        return CW_EVOLIS_VALUE;
}

static enum cw_evolis_trouble nack_trouble(char code) {
        switch (code) {
        case '1':
                return CW_EVOLIS_T_COMMAND;
        case '2':
                return CW_EVOLIS_T_PARAMETER;
        case 'T':
                return CW_EVOLIS_T_MECHANICAL;
        case 'C':
                return CW_EVOLIS_T_COVER;
        case 'F':
                return CW_EVOLIS_T_FEEDER;
        case 'R':
                return CW_EVOLIS_T_RIBBON;
        case 'K':
        case 'D':
        case 'W':
                return CW_EVOLIS_T_MAG;
        default:
                return CW_EVOLIS_T_UNKNOWN;
        }
}

/*
 * The guide gives three error texts; firmwares have more, so words are looked for. The order matters: "ERR
 * FEEDER COVER" is a cover, "ERR REJECT FULL" no full output, "ERR CARD" (position) comes last.
 */
static const struct {
        const char *word;
        enum cw_evolis_trouble trouble;
} words[] = {
    {"CDE", CW_EVOLIS_T_COMMAND},
    {"COMMAND", CW_EVOLIS_T_COMMAND},
    {"PARAM", CW_EVOLIS_T_PARAMETER},
    {"COVER", CW_EVOLIS_T_COVER},
    {"LOCK", CW_EVOLIS_T_LOCK},
    {"CLEAN", CW_EVOLIS_T_CLEANING},
    {"BLANK", CW_EVOLIS_T_MAG_BLANK},
    {"MAG", CW_EVOLIS_T_MAG},
    {"TRACK", CW_EVOLIS_T_MAG},
    {"STRIPE", CW_EVOLIS_T_MAG},
    {"SEQUENCE", CW_EVOLIS_T_PARAMETER},
    {"DATA", CW_EVOLIS_T_PARAMETER},
    {"REJECT", CW_EVOLIS_T_REJECT_FULL},
    {"RIBBON END", CW_EVOLIS_T_RIBBON_ENDED},
    {"RIB END", CW_EVOLIS_T_RIBBON_ENDED},
    {"RIB", CW_EVOLIS_T_RIBBON},
    {"SMART", CW_EVOLIS_T_CONTACT},
    {"CONTACT", CW_EVOLIS_T_CONTACT},
    {"FULL", CW_EVOLIS_T_OUTPUT_FULL},
    {"TEMP", CW_EVOLIS_T_HEAD},
    {"HEAD", CW_EVOLIS_T_HEAD},
    {"JAM", CW_EVOLIS_T_MECHANICAL},
    {"MECH", CW_EVOLIS_T_MECHANICAL},
    {"EMPTY", CW_EVOLIS_T_FEEDER},
    {"FEED", CW_EVOLIS_T_FEEDER},
    {"HOPPER", CW_EVOLIS_T_FEEDER},
    {"CARD", CW_EVOLIS_T_MECHANICAL},
    {"TIMEOUT", CW_EVOLIS_T_MECHANICAL},
};

enum cw_evolis_trouble cw_evolis_trouble(const char *reply) {
        const char *text = NULL;
        size_t n = trimmed(reply, &text);
        enum cw_evolis_kind kind = cw_evolis_kind(reply);
        if (kind == CW_EVOLIS_OK || kind == CW_EVOLIS_VALUE)
                return CW_EVOLIS_T_NONE;
        if (text[0] == NACK)
                return n >= 2 ? nack_trouble(text[1]) : CW_EVOLIS_T_UNKNOWN;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
                if (strcasestr(text, words[i].word))
                        return words[i].trouble;
        return CW_EVOLIS_T_UNKNOWN;
}

const char *cw_evolis_trouble_code(enum cw_evolis_trouble t) {
        switch (t) {
        case CW_EVOLIS_T_COVER:
                return "PRT_COVER_OPEN";
        case CW_EVOLIS_T_FEEDER:
                return "PRD_FEEDER_EMPTY";
        case CW_EVOLIS_T_RIBBON:
                return "PRT_RIBBON";
        case CW_EVOLIS_T_RIBBON_ENDED:
                return "PRT_RIBBON_ENDED";
        case CW_EVOLIS_T_MAG:
        case CW_EVOLIS_T_MAG_BLANK:
                return "PRD_MAGSTRIPE";
        case CW_EVOLIS_T_REJECT_FULL:
                return "PRD_REJECT_FULL";
        case CW_EVOLIS_T_OUTPUT_FULL:
                return "PRD_HOPPER_FULL";
        case CW_EVOLIS_T_LOCK:
                return "PRT_LOCK_ERROR";
        case CW_EVOLIS_T_CONTACT:
                return "PRD_SMARTCARD_CARD_NOT_IN_READER";
        case CW_EVOLIS_T_HEAD:
                return "PRT_PAUSED";
        case CW_EVOLIS_T_COMMAND:
        case CW_EVOLIS_T_PARAMETER:
        case CW_EVOLIS_T_CLEANING:
                return "PRT_SETUP_ERROR";
        case CW_EVOLIS_T_NONE:
        case CW_EVOLIS_T_UNKNOWN:
        case CW_EVOLIS_T_MECHANICAL:
                break;
        }
        return "PRD_FEEDER_JAM";
}

bool cw_evolis_number(const char *reply, int64_t *ret) {
        const char *text = NULL;
        size_t n = trimmed(reply, &text);
        int64_t v = 0;
        if (n == 0 || n > DIGITS_MAX)
                return false;
        for (size_t i = 0; i < n; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return false;
                v = v * 10 + (text[i] - '0');
        }
        *ret = v;
        return true;
}

bool cw_evolis_millivolts(const char *reply, int64_t *ret) {
        const char *text = NULL;
        size_t n = trimmed(reply, &text), i = 0, digits = 0;
        int64_t mv = 0;
        for (; i < n && text[i] >= '0' && text[i] <= '9' && digits < 4; i++, digits++)
                mv = mv * 10 + (text[i] - '0');
        if (digits == 0)
                return false;
        mv *= 1000;
        if (i < n && (text[i] == ',' || text[i] == '.')) {
                int64_t unit = 100;
                for (i++; i < n && text[i] >= '0' && text[i] <= '9'; i++, unit /= 10)
                        mv += (text[i] - '0') * unit;
        }
        while (i < n && text[i] == ' ')
                i++;
        if (i < n && text[i] != 'V' && text[i] != 'v')
                return false;
        *ret = mv;
        return true;
}

enum cw_where cw_evolis_where(enum cw_evolis_generation g, const char *reply) {
        if (g == CW_EVOLIS_UNKNOWN)
                return CW_WHERE_UNKNOWN;
        /* Both generations: a card that stands between two stations. */
        if (word_is(reply, "ERR CARD"))
                return CW_WHERE_TRANSPORT;
        if (g == CW_EVOLIS_CLASSIC) {
                if (word_is(reply, "NO CARD"))
                        return CW_WHERE_NONE;
                return word_is(reply, "OK") ? CW_WHERE_PRINT : CW_WHERE_UNKNOWN;
        }
        if (word_is(reply, "OK"))
                return CW_WHERE_NONE;
        if (word_is(reply, "CARD"))
                return CW_WHERE_PRINT;
        if (word_is(reply, "SMART CARD"))
                return CW_WHERE_CONTACT;
        return word_is(reply, "CONTACTLESS CARD") ? CW_WHERE_CONTACTLESS : CW_WHERE_UNKNOWN;
}

bool cw_evolis_ribbon(const char *reply, char *ret, size_t cap) {
        static const char *const kinds[] = {"ymcko", "ymckos", "ymckok", "kb",  "kw",  "kr",
                                            "kbl",   "kgr",    "kgo",    "ksi", "ksc", "ko",
                                            "h",     "ho",     "ktc",    "ktp", "ka",  "k"};
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
                if (word_is(reply, kinds[i]) && strlen(kinds[i]) < cap) {
                        memcpy(ret, kinds[i], strlen(kinds[i]) + 1);
                        return true;
                }
        return false;
}

void cw_evolis_quote(const char *reply, char *ret, size_t cap) {
        size_t n = 0;
        for (; reply[n] && n + 1 < cap; n++)
                ret[n] = (char)(isprint((unsigned char)reply[n]) ? reply[n] : '?');
        ret[n] = '\0';
}
