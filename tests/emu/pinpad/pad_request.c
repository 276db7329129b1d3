/* SPDX-License-Identifier: Apache-2.0 */
/* Packets from the host, one by one. */
#include "pad.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_TIMEOUT_S 270U
#define UNIT_TIMEOUT_S 30U

struct cursor {
        const char *at;
        size_t left;
};

/* The text up to FS (which is taken) or the end; false when it does not fit or is not printable. */
static bool take_field(struct cursor *c, char *ret, size_t cap, bool *ret_ended) {
        const char *fs = memchr(c->at, EMUD_FS, c->left);
        size_t n = fs ? (size_t)(fs - c->at) : c->left;

        if (n >= cap)
                return false;
        for (size_t i = 0; i < n; i++)
                if (c->at[i] < 0x20 || c->at[i] > 0x7e)
                        return false;
        memcpy(ret, c->at, n);
        ret[n] = '\0';
        *ret_ended = !fs;
        c->at += n + (fs ? 1 : 0);
        c->left -= n + (fs ? 1 : 0);
        return true;
}

static bool take_number(struct cursor *c, unsigned *ret) {
        if (c->left < 2 || c->at[0] < '0' || c->at[0] > '9' || c->at[1] < '0' || c->at[1] > '9')
                return false;
        *ret = (unsigned)(c->at[0] - '0') * 10 + (unsigned)(c->at[1] - '0');
        c->at += 2;
        c->left -= 2;
        return true;
}

static bool take_text(struct cursor *c, const char *text) {
        size_t n = strlen(text);

        if (c->left < n || memcmp(c->at, text, n) != 0)
                return false;
        c->at += n;
        c->left -= n;
        return true;
}

static bool account_right(const char *account) {
        size_t n = strlen(account);

        return n >= 8 && n <= 19 && strspn(account, "0123456789") == n;
}

static bool take_timeout(struct cursor *c, unsigned *ret) {
        if (c->left != 1 || c->at[0] < '1' || c->at[0] > '9')
                return false;
        *ret = (unsigned)(c->at[0] - '0') * UNIT_TIMEOUT_S;
        return true;
}

static bool take_lengths(struct cursor *c, struct emud_request *r) {
        char flag;

        if (!take_number(c, &r->min) || !take_number(c, &r->max) || !c->left)
                return false;
        flag = *c->at++;
        c->left--;
        r->null_allowed = flag == 'Y';
        if (flag != 'Y' && flag != 'N')
                return false;
        if (r->min == 0 || r->max == 0)
                return r->null_allowed && r->min == 0 && (r->max == 0 || (r->max >= 4 && r->max <= 12));
        return r->min >= 4 && r->min <= r->max && r->max <= 12;
}

/* '\0' = well, else the code for packet 71. */
static char parse_z62(const struct emud_pad *pad, struct cursor c, struct emud_request *r) {
        static const char *const keys[] = {"", "0000000000000000", "DUKPT ENCRYPTION"};
        bool ended = false;

        if (!take_field(&c, r->account, sizeof r->account, &ended) || ended || !account_right(r->account))
                return '2';
        if (!take_text(&c, keys[pad->cfg->key_field]) || !take_lengths(&c, r))
                return '8';
        for (size_t i = 0; i < 3; i++) {
                if (!take_field(&c, r->prompt[i], sizeof r->prompt[i], &ended) || (ended && i < 2))
                        return '8';
        }
        if (!r->prompt[0][0])
                return '8';
        if (!ended && !take_timeout(&c, &r->timeout_s))
                return '6';
        return '\0';
}

static char parse_z60(struct cursor c, struct emud_request *r) {
        bool ended = false;

        if (!take_field(&c, r->account, sizeof r->account, &ended) || !account_right(r->account))
                return '2';
        return ended || take_timeout(&c, &r->timeout_s) ? '\0' : '6';
}

static void pin_request(struct emud_pad *pad, const char *packet, struct cursor c) {
        struct emud_request r = {.min = 4, .max = 12, .timeout_s = DEFAULT_TIMEOUT_S};
        char code;

        (void)snprintf(r.packet, sizeof r.packet, "%s", packet);
        emud_send_control(pad, EMUD_ACK);
        if (!take_text(&c, "."))
                code = '2';
        else
                code = strcmp(packet, "Z62") == 0 ? parse_z62(pad, c, &r) : parse_z60(c, &r);
        if (code) {
                char why[40];
                (void)snprintf(why, sizeof why, "%s refused with code %c", packet, code);
                emud_entry_refuse(pad, code, why);
                return;
        }
        pad->request = r;
        emud_entry_begin(pad);
}

static void refuse(struct emud_pad *pad, const char *what, const char *payload) {
        emud_violate(pad, "%s %.3s", what, payload);
        emud_send_control(pad, EMUD_ACK);
        emud_send_control(pad, EMUD_EOT);
}

/* One text of Z2, or the texts of Z3 after their count. */
static bool texts_right(struct cursor c, unsigned count, size_t longest, char *ret_first, size_t cap) {
        for (unsigned i = 0; i < count; i++) {
                char text[65];
                bool ended = false;
                if (!take_field(&c, text, longest + 1, &ended) || !text[0] || ended != (i + 1 == count))
                        return false;
                if (i == 0)
                        (void)snprintf(ret_first, cap, "%s", text);
        }
        return c.left == 0;
}

static void show_texts(struct emud_pad *pad, const char *payload, size_t len) {
        struct cursor c = {payload + 2, len - 2};
        unsigned count = 1;
        char text[65];
        bool rotating = payload[1] == '3';

        if (rotating) {
                count = c.left && c.at[0] >= '1' && c.at[0] <= '7' ? (unsigned)(c.at[0] - '0') : 0;
                c.at++;
                c.left -= c.left ? 1 : 0;
        }
        if (c.left && c.at[0] == EMUD_SUB) {
                c.at++;
                c.left--;
        }
        if (!count || !texts_right(c, count, rotating ? 16 : 64, text, sizeof text)) {
                refuse(pad, "malformed", payload);
                return;
        }
        emud_show(pad, text);
        if (json_array_size(pad->prompts) < EMUD_PROMPTS_MAX)
                json_array_append_new(pad->prompts,
                                      json_pack("{s:s#,s:[s]}", "packet", payload, (size_t)2, "texts", text));
        emud_send_control(pad, EMUD_ACK);
}

static void session_packet(struct emud_pad *pad, const char *payload, size_t len) {
        struct cursor rest = {payload + 3, len - 3};

        if (strncmp(payload, "Z62", 3) == 0 || strncmp(payload, "Z60", 3) == 0) {
                char packet[4] = {payload[0], payload[1], payload[2], '\0'};
                pin_request(pad, packet, rest);
        } else if (strcmp(payload, "72") == 0) {
                emud_send_control(pad, EMUD_ACK);
        } else if (strcmp(payload, "Z1") == 0) {
                emud_show(pad, "READY");
                emud_send_control(pad, EMUD_ACK);
        } else if (strncmp(payload, "Z2", 2) == 0 || strncmp(payload, "Z3", 2) == 0 ||
                   strncmp(payload, "Z8", 2) == 0) {
                show_texts(pad, payload, len);
        } else {
                refuse(pad, "unknown packet", payload);
        }
}

static void management_packet(struct emud_pad *pad, const char *payload, size_t len) {
        char answer[32];

        if (strcmp(payload, "06") == 0) {
                emud_send_control(pad, EMUD_ACK);
                (void)snprintf(answer, sizeof answer, "06%.16s", pad->cfg->serial);
                emud_send_frame(pad, EMUD_SI, answer, strlen(answer), true);
        } else if (strcmp(payload, "11") == 0 ||
                   (len == 3 && strncmp(payload, "13", 2) == 0 && payload[2] >= '1' && payload[2] <= '5')) {
                emud_send_control(pad, EMUD_ACK);
                emud_send_control(pad, EMUD_EOT);
        } else {
                refuse(pad, "unknown management packet", payload);
        }
}

void emud_handle_request(struct emud_pad *pad, uint8_t kind, const char *payload, size_t len) {
        if (len != strlen(payload) || len < 2) {
                refuse(pad, "malformed", payload);
                return;
        }
        if (kind == EMUD_SI)
                management_packet(pad, payload, len);
        else
                session_packet(pad, payload, len);
}
