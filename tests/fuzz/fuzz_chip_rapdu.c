/* SPDX-License-Identifier: Apache-2.0 */
/* A card that answers a whole terminal session and the identification of its domain with any bytes. */
#include "drivers/chip/gp_facts.h"
#include "drivers/chip/terminal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct any_card {
        struct cw_card_channel channel;
        struct cw_span rest; /* answers: one length byte (of a long one FF and two), then the bytes with SW */
};

static cw_rc any_transmit(struct cw_card_channel *c, struct cw_span command, int64_t timeout_ms, uint8_t *ret,
                          size_t ret_cap, size_t *ret_len, struct cw_fault *f) {
        struct any_card *card = (struct any_card *)c;
        (void)command;
        (void)timeout_ms;
        if (card->rest.len == 0)
                return cw_fail(f, CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_READER_GONE), 0, "fuzz", "",
                               "gone");
        size_t len = card->rest.ptr[0];
        card->rest = CW_SPAN(card->rest.ptr + 1, card->rest.len - 1);
        if (len == 0xff && c->answer_max && card->rest.len >= 2) {
                len = (size_t)card->rest.ptr[0] << 8 | card->rest.ptr[1];
                card->rest = CW_SPAN(card->rest.ptr + 2, card->rest.len - 2);
        }
        if (len > card->rest.len)
                len = card->rest.len;
        if (len > ret_cap)
                len = ret_cap;
        if (len)
                memcpy(ret, card->rest.ptr, len);
        card->rest = CW_SPAN(card->rest.ptr + len, card->rest.len - len);
        *ret_len = len;
        return CW_OK;
}

static const struct cw_card_channel_ops any_ops = {.transmit = any_transmit};

static const char profile_text[] =
    "{\"name\":\"f\",\"aid\":\"F04357444542495401\",\"store_data\":{\"p1\":\"00\",\"p1_encrypted\":\"60\","
    "\"p1_last\":\"80\"},"
    "\"dgis\":[{\"dgi\":\"0101\",\"of\":[{\"tag\":\"70\",\"of\":[{\"tag\":\"57\",\"value\":\"{track2}\"},"
    "{\"tag\":\"5A\",\"value\":\"{pan}\"},{\"tag\":\"5F24\",\"value\":\"{expiry}\"},{\"tag\":\"8C\","
    "\"value\":\"9F3704\"},"
    "{\"tag\":\"8D\",\"value\":\"9108\"}]}]},{\"dgi\":\"9102\",\"role\":\"fci\",\"of\":[{\"tag\":\"A5\","
    "\"value\":\"500141\"}]},"
    "{\"dgi\":\"9104\",\"role\":\"gpo\",\"of\":[{\"tag\":\"82\",\"value\":\"0800\"},{\"tag\":\"94\","
    "\"value\":\"08010100\"}]}],"
    "\"terminal\":{\"data\":{},\"arqc_data\":[\"9F37\",\"82\",\"9F36\",\"9F10:1+2\"]}}";

static void session(const struct cw_profile *profile, struct any_card *card) {
        struct cw_terminal t;
        struct cw_terminal_ac ac;
        struct cw_terminal_card who = {0};
        struct cw_secret *covered = NULL;
        if (cw_terminal_init(&card->channel, profile, 1, &t, NULL) != CW_OK)
                return;
        if (cw_terminal_select(&t, NULL, NULL) == CW_OK && cw_terminal_start(&t, NULL) == CW_OK &&
            cw_terminal_read_records(&t, NULL, NULL, NULL) == CW_OK &&
            cw_terminal_card(&t, &who, NULL) == CW_OK &&
            cw_terminal_generate_ac(&t, CW_AC_ARQC, true, &ac, NULL) == CW_OK)
                (void)!cw_terminal_covered(&t, &covered, NULL);
        cw_secret_free(covered);
        cw_terminal_card_done(&who);
        cw_terminal_done(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct cw_profile *profile;
        char cplc[CW_CPLC_HEX];
        struct cw_aid none = {.len = 0};
        struct cw_gp_domain domain;
        if (!profile &&
            cw_profile_parse("fuzz", profile_text, sizeof profile_text - 1, stderr, &profile, NULL) != CW_OK)
                abort();
        for (int t0 = 0; t0 < 2; t0++) {
                struct any_card card = {{.ops = &any_ops, .t0 = t0 == 1}, CW_SPAN(data, size)};
                session(profile, &card);
                card.rest = CW_SPAN(data, size);
                (void)!cw_gp_identify(&card.channel, &none, 1, cplc, &domain, NULL);
                struct cw_gp_facts facts;
                card.rest = CW_SPAN(data, size);
                card.channel.answer_max = t0 ? 0 : CW_APDU_DATA_MAX;
                (void)!cw_gp_facts_read(&card.channel, 1, &facts, NULL);
        }
        return 0;
}
