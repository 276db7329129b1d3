/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/terminal.h"

#include "base/clock.h"
#include "drivers/chip/tlv.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#define COVERED_MAX 1024u
#define AUTHENTICATED_MAX 8192u
#define EXCHANGED_MAX 1536u
#define RECORDS_MAX 64u

static cw_rc wrong(struct cw_fault *f, const char *op, const char *text) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, op, "PRD_SMARTCARD",
                       "%s; the card is to be rejected", text);
}

static uint8_t bcd(int value) {
        return (uint8_t)((value / 10 % 10) << 4 | value % 10);
}

static cw_rc set_own_values(struct cw_terminal *t, struct cw_fault *f) {
        uint8_t random[4];
        struct tm now = {0};
        time_t seconds = (time_t)(cw_wall_ms(cw_clock_real()) / 1000);
        if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random || !localtime_r(&seconds, &now))
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_IO), 0, "chip.terminal", "",
                               "no random numbers or no clock");
        const uint8_t date[3] = {bcd(now.tm_year % 100), bcd(now.tm_mon + 1), bcd(now.tm_mday)};
        const uint8_t hour[3] = {bcd(now.tm_hour), bcd(now.tm_min), bcd(now.tm_sec)};
        cw_rc rc = cw_elements_set(t->elements, 0x9f37, CW_SPAN(random, sizeof random), f);
        if (rc == CW_OK)
                rc = cw_elements_set(t->elements, 0x9a, CW_SPAN(date, sizeof date), f);
        if (rc == CW_OK)
                rc = cw_elements_set(t->elements, 0x9f21, CW_SPAN(hour, sizeof hour), f);
        size_t count = t->profile->data_count - (t->contactless ? 0 : t->profile->contactless_count);
        for (size_t i = 0; rc == CW_OK && i < count; i++)
                rc = cw_elements_set(t->elements, t->profile->data[i].tag,
                                     CW_SPAN(t->profile->data[i].bytes, t->profile->data[i].len), f);
        return rc;
}

bool cw_card_is_contactless(const struct cw_card_channel *channel) {
        return channel->atr_len >= 4 && channel->atr[0] == 0x3b && (channel->atr[1] & 0xf0) == 0x80 &&
               channel->atr[2] == 0x80 && channel->atr[3] == 0x01;
}

const struct cw_aid *cw_terminal_aid(const struct cw_terminal *t) {
        return t->contactless ? &t->profile->contactless_aid : &t->profile->aid;
}

cw_rc cw_terminal_init(struct cw_card_channel *channel, const struct cw_profile *profile, int64_t timeout_ms,
                       struct cw_terminal *ret, struct cw_fault *f) {
        struct cw_terminal t = {.channel = channel, .profile = profile, .timeout_ms = timeout_ms};
        t.contactless = profile->has_contactless && cw_card_is_contactless(channel);
        cw_profile_speak(profile, channel);
        if (cw_elements_new(&t.elements) != CW_OK ||
            cw_secret_new(AUTHENTICATED_MAX, &t.authenticated) != CW_OK ||
            cw_secret_new(EXCHANGED_MAX, &t.exchanged) != CW_OK) {
                cw_terminal_done(&t);
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_NOMEM), 0, "chip.terminal", "",
                               "no locked memory for the card data; raise LimitMEMLOCK and try again");
        }
        cw_rc rc = set_own_values(&t, f);
        if (rc != CW_OK) {
                cw_terminal_done(&t);
                return rc;
        }
        *ret = t;
        return CW_OK;
}

void cw_terminal_done(struct cw_terminal *t) {
        if (t->elements)
                cw_elements_free(t->elements);
        t->elements = NULL;
        cw_secret_free(t->authenticated);
        cw_secret_free(t->exchanged);
        t->authenticated = t->exchanged = NULL;
}

/* False when it does not fit; the bytes are then left out, and what is computed over them will not agree. */
static bool append(struct cw_secret *s, const void *bytes, size_t len) {
        if (len > s->cap - s->len)
                return false;
        if (len)
                memcpy(s->ptr + s->len, bytes, len);
        s->len += len;
        return true;
}

cw_rc cw_terminal_select(struct cw_terminal *t, struct cw_rapdu *ret_fci, struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        const struct cw_aid *aid = cw_terminal_aid(t);
        struct cw_span name;
        cw_rc rc = cw_gp_do_select(t->channel, aid, t->timeout_ms, &r, f);
        if (rc != CW_OK)
                return rc;
        if (r.sw != 0x9000 && !(t->take_blocked && r.sw == 0x6283))
                return cw_chip_fail_sw(f, "chip.select", r.sw, "the payment application cannot be selected");
        t->blocked = r.sw == 0x6283;
        struct cw_span fci = CW_SPAN(r.data, r.len);
        if (!cw_tlv_find(fci, 0x84, &name) || name.len < aid->len ||
            memcmp(name.ptr, aid->bytes, aid->len) != 0)
                return wrong(f, "chip.select", "the payment application does not answer with its name");
        rc = cw_elements_add_template(t->elements, fci, f);
        if (rc == CW_OK && ret_fci)
                *ret_fci = r;
        return rc;
}

/* Lc, data, Le of a command whose data is in data. */
static cw_rc exchange(struct cw_terminal *t, const uint8_t header[4], const struct cw_writer *data,
                      struct cw_rapdu *ret, struct cw_fault *f) {
        CW_WIPED(uint8_t, bytes, CW_APDU_COMMAND_MAX);
        struct cw_writer w;
        cw_writer_init(&w, bytes, CW_APDU_COMMAND_MAX);
        cw_put_bytes(&w, header, 4);
        if (data && data->len) {
                cw_put_u8(&w, (uint8_t)data->len);
                cw_put_bytes(&w, data->ptr, data->len);
        }
        cw_put_u8(&w, 0);
        return cw_card_exchange(t->channel, CW_SPAN(bytes, w.len), t->timeout_ms, ret, f);
}

static bool has_cryptogram(struct cw_span answer) {
        struct cw_span ac, atc;
        return cw_tlv_find(answer, 0x9f26, &ac) && ac.len == 8 && cw_tlv_find(answer, 0x9f36, &atc) &&
               atc.len == 2;
}

/* Format 1 is template 80 with values only; it becomes the elements it stands for. */
static cw_rc take_gpo(struct cw_terminal *t, struct cw_span answer, struct cw_fault *f) {
        struct cw_span plain, afl;
        if (cw_tlv_find(answer, 0x80, &plain) && answer.ptr[0] == 0x80) {
                if (plain.len < 6)
                        return wrong(f, "chip.gpo",
                                     "the chip answers GET PROCESSING OPTIONS without AIP and AFL");
                cw_rc rc = cw_elements_set(t->elements, 0x82, CW_SPAN(plain.ptr, 2), f);
                if (rc == CW_OK)
                        rc = cw_elements_set(t->elements, 0x94, CW_SPAN(plain.ptr + 2, plain.len - 2), f);
                if (rc != CW_OK)
                        return rc;
        } else {
                cw_rc rc = cw_elements_add_template(t->elements, answer, f);
                if (rc != CW_OK)
                        return rc;
        }
        t->ended_at_start = cw_tlv_valid(answer) && has_cryptogram(answer);
        t->afl_len = 0;
        if (t->ended_at_start && !cw_elements_get(t->elements, 0x94, &afl) &&
            cw_elements_get(t->elements, 0x82, &plain) && plain.len == 2)
                return CW_OK; /* everything is in the answer */
        if (!cw_elements_get(t->elements, 0x82, &plain) || plain.len != 2 ||
            !cw_elements_get(t->elements, 0x94, &afl) || afl.len == 0 || afl.len > CW_AFL_MAX || afl.len % 4)
                return wrong(f, "chip.gpo",
                             "the chip answers GET PROCESSING OPTIONS without a proper AIP and AFL");
        memcpy(t->afl, afl.ptr, afl.len);
        t->afl_len = afl.len;
        return CW_OK;
}

cw_rc cw_terminal_start(struct cw_terminal *t, struct cw_fault *f) {
        static const uint8_t header[4] = {0x80, 0xa8, 0x00, 0x00};
        CW_WIPED(uint8_t, values, 255);
        CW_WIPED(uint8_t, command, 255);
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        struct cw_writer w, data;
        struct cw_span pdol = {0};
        cw_writer_init(&w, values, 240);
        cw_writer_init(&data, command, 255);
        (void)cw_elements_get(t->elements, 0x9f38, &pdol);
        cw_rc rc = cw_elements_fill_dol(t->elements, pdol, &w, f);
        if (rc != CW_OK)
                return rc;
        cw_tlv_put(&data, 0x83, w.ptr, w.len);
        t->authenticated->len = t->exchanged->len = t->answered = 0;
        t->authenticated_bad = false;
        (void)append(t->exchanged, w.ptr, w.len);
        rc = exchange(t, header, &data, &r, f);
        if (rc != CW_OK)
                return rc;
        if (r.sw != 0x9000)
                return cw_chip_fail_sw(f, "chip.gpo", r.sw, "the payment application does not start");
        return take_gpo(t, CW_SPAN(r.data, r.len), f);
}

/* Of SFI 1 to 10 without template and length, above as read; one that is no template there cannot be
 * authenticated. */
static void keep_authenticated(struct cw_terminal *t, uint8_t sfi, struct cw_span whole) {
        struct cw_span rest = whole;
        struct cw_tlv item;
        bool template70 = cw_tlv_next(&rest, &item) == CW_TLV_ITEM && item.tag == 0x70 && rest.len == 0;
        if (!template70 || !append(t->authenticated, sfi <= 10 ? item.value.ptr : whole.ptr,
                                   sfi <= 10 ? item.value.len : whole.len))
                t->authenticated_bad = true;
}

static cw_rc read_record(struct cw_terminal *t, uint8_t sfi, uint8_t record, bool marked,
                         cw_terminal_record_fn fn, void *ctx, struct cw_fault *f) {
        const uint8_t header[4] = {0x00, 0xb2, record, (uint8_t)(sfi << 3 | 4)};
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        cw_rc rc = exchange(t, header, NULL, &r, f);
        if (rc != CW_OK)
                return rc;
        if (r.sw != 0x9000)
                return cw_chip_fail_sw(f, "chip.read_record", r.sw,
                                       "a record that the AFL names cannot be read");
        struct cw_span whole = CW_SPAN(r.data, r.len);
        if (sfi <= 10 && (r.len == 0 || r.data[0] != 0x70))
                return wrong(f, "chip.read_record", "a record is not in template 70");
        if (marked)
                keep_authenticated(t, sfi, whole);
        rc = cw_elements_add_template(t->elements, whole, f);
        return rc == CW_OK && fn ? fn(ctx, sfi, record, whole, f) : rc;
}

cw_rc cw_terminal_read_records(struct cw_terminal *t, cw_terminal_record_fn fn, void *ctx,
                               struct cw_fault *f) {
        unsigned count = 0;
        for (size_t i = 0; i + 4 <= t->afl_len; i += 4) {
                uint8_t sfi = t->afl[i] >> 3, first = t->afl[i + 1], last = t->afl[i + 2];
                if (sfi < 1 || sfi > 30 || first < 1 || last < first)
                        return wrong(f, "chip.afl", "the AFL of the chip is malformed");
                for (unsigned record = first; record <= last; record++) {
                        if (++count > RECORDS_MAX)
                                return wrong(f, "chip.afl", "the AFL of the chip names too many records");
                        cw_rc rc =
                            read_record(t, sfi, (uint8_t)record, record - first < t->afl[i + 3], fn, ctx, f);
                        if (rc != CW_OK)
                                return rc;
                }
        }
        return CW_OK;
}

/* Format 1: CID, ATC, AC and perhaps IAD in template 80 (EMV Book 3 6.5.5.4). */
static cw_rc unpack_format1(struct cw_terminal *t, struct cw_span v, struct cw_fault *f) {
        if (v.len < 11)
                return wrong(f, "chip.generate_ac", "the chip answers GENERATE AC without a cryptogram");
        cw_rc rc = cw_elements_set(t->elements, 0x9f27, CW_SPAN(v.ptr, 1), f);
        if (rc == CW_OK)
                rc = cw_elements_set(t->elements, 0x9f36, CW_SPAN(v.ptr + 1, 2), f);
        if (rc == CW_OK)
                rc = cw_elements_set(t->elements, 0x9f26, CW_SPAN(v.ptr + 3, 8), f);
        if (rc == CW_OK && v.len > 11)
                rc = cw_elements_set(t->elements, 0x9f10, CW_SPAN(v.ptr + 11, v.len - 11), f);
        return rc;
}

/* The answer without its signature, as CDA hashes it. */
static void keep_answer(struct cw_terminal *t, struct cw_span answer) {
        struct cw_span rest = answer;
        struct cw_tlv outer, item;
        if (cw_tlv_next(&rest, &outer) != CW_TLV_ITEM || outer.tag != 0x77)
                return;
        rest = outer.value;
        const size_t before = t->exchanged->len;
        const uint8_t *at = rest.ptr;
        while (cw_tlv_next(&rest, &item) == CW_TLV_ITEM) {
                if (item.tag != 0x9f4b)
                        (void)append(t->exchanged, at, (size_t)(rest.ptr - at));
                at = rest.ptr;
        }
        t->answered = t->exchanged->len - before;
}

static cw_rc take_ac(struct cw_terminal *t, struct cw_span answer, bool cda, struct cw_terminal_ac *ret,
                     struct cw_fault *f) {
        struct cw_span plain, cid, atc, ac = {0}, sdad = {0};
        static const uint32_t anew[] = {0x9f27, 0x9f36, 0x9f26, 0x9f4b};
        for (size_t i = 0; i < sizeof anew / sizeof *anew; i++) {
                cw_rc rc = cw_elements_set(t->elements, anew[i], CW_SPAN(NULL, 0), f);
                if (rc != CW_OK)
                        return rc;
        }
        bool format1 = cw_tlv_find(answer, 0x80, &plain) && answer.ptr[0] == 0x80;
        cw_rc rc = format1 ? unpack_format1(t, plain, f) : cw_elements_add_template(t->elements, answer, f);
        if (rc != CW_OK)
                return rc;
        (void)cw_elements_get(t->elements, 0x9f26, &ac);
        (void)cw_elements_get(t->elements, 0x9f4b, &sdad);
        ret->is_signed = cda && sdad.len > 0;
        if (!cw_elements_get(t->elements, 0x9f27, &cid) || cid.len != 1 ||
            !cw_elements_get(t->elements, 0x9f36, &atc) || atc.len != 2 || (ac.len != 8 && !ret->is_signed))
                return wrong(f, "chip.generate_ac",
                             "the chip answers GENERATE AC without CID, ATC and cryptogram");
        ret->cid = cid.ptr[0];
        ret->atc = (uint16_t)(atc.ptr[0] << 8 | atc.ptr[1]);
        if (ac.len == 8)
                memcpy(ret->ac, ac.ptr, sizeof ret->ac);
        keep_answer(t, answer);
        return CW_OK;
}

cw_rc cw_terminal_generate_ac(struct cw_terminal *t, uint8_t kind, bool first, struct cw_terminal_ac *ret,
                              struct cw_fault *f) {
        const uint8_t header[4] = {0x80, 0xae, kind, 0x00};
        CW_WIPED(uint8_t, values, 255);
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        struct cw_writer w;
        struct cw_span cdol;
        cw_writer_init(&w, values, 255);
        if (!cw_elements_get(t->elements, first ? 0x8c : 0x8d, &cdol))
                return wrong(f, "chip.generate_ac",
                             "no record of the chip has the data list for GENERATE AC (CDOL)");
        cw_rc rc = cw_elements_fill_dol(t->elements, cdol, &w, f);
        if (rc == CW_OK)
                rc = exchange(t, header, &w, &r, f);
        if (rc != CW_OK)
                return rc;
        if (r.sw != 0x9000)
                return cw_chip_fail_sw(f, "chip.generate_ac", r.sw, "the chip makes no cryptogram");
        struct cw_terminal_ac ac = {0};
        t->exchanged->len -= t->answered; /* each signature covers its own answer only */
        t->answered = 0;
        (void)append(t->exchanged, w.ptr, w.len);
        rc = take_ac(t, CW_SPAN(r.data, r.len), kind & CW_AC_CDA, &ac, f);
        if (rc == CW_OK)
                *ret = ac;
        return rc;
}

cw_rc cw_terminal_internal_authenticate(struct cw_terminal *t, uint8_t ret_sent[256], size_t *ret_len,
                                        struct cw_span *ret_sdad, struct cw_fault *f) {
        static const uint8_t header[4] = {0x00, 0x88, 0x00, 0x00}, usual[] = {0x9f, 0x37, 0x04};
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        struct cw_span ddol = CW_SPAN(usual, sizeof usual), plain;
        struct cw_writer w;
        cw_writer_init(&w, ret_sent, 252);
        (void)cw_elements_get(t->elements, 0x9f49, &ddol);
        cw_rc rc = cw_elements_fill_dol(t->elements, ddol, &w, f);
        if (rc == CW_OK)
                rc = exchange(t, header, &w, &r, f);
        if (rc != CW_OK)
                return rc;
        if (r.sw != 0x9000)
                return cw_chip_fail_sw(f, "chip.internal_authenticate", r.sw,
                                       "the chip makes no dynamic signature");
        struct cw_span answer = CW_SPAN(r.data, r.len);
        if (!cw_tlv_valid(answer) || answer.len == 0)
                return wrong(f, "chip.internal_authenticate",
                             "the chip's dynamic signature is not well-formed");
        if (answer.ptr[0] == 0x80 && cw_tlv_find(answer, 0x80, &plain))
                rc = cw_elements_set(t->elements, 0x9f4b, plain, f);
        else
                rc = cw_elements_add_template(t->elements, answer, f);
        if (rc == CW_OK && !cw_elements_get(t->elements, 0x9f4b, ret_sdad))
                rc = wrong(f, "chip.internal_authenticate", "the chip answers without a dynamic signature");
        if (rc == CW_OK)
                *ret_len = w.len;
        return rc;
}

cw_rc cw_terminal_covered(const struct cw_terminal *t, struct cw_secret **ret, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *out = NULL;
        cw_rc rc = cw_secret_new(COVERED_MAX, &out);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "chip.covered", "", "no locked memory; raise LimitMEMLOCK");
        struct cw_writer w;
        cw_writer_init(&w, out->ptr, out->cap);
        for (size_t i = 0; i < t->profile->cover_count; i++) {
                const struct cw_profile_cover *cover = &t->profile->cover[i];
                struct cw_span v = {0};
                if (!cw_elements_get(t->elements, cover->tag, &v) || cover->offset > v.len ||
                    cover->len > v.len - cover->offset)
                        return wrong(f, "chip.covered", "the chip did not give what its cryptogram covers");
                cw_put_bytes(&w, v.ptr + cover->offset, cover->len ? cover->len : v.len - cover->offset);
        }
        if (w.bad)
                return wrong(f, "chip.covered", "the chip's cryptogram covers too much data");
        out->len = w.len;
        *ret = CW_STEAL(out);
        return CW_OK;
}

/* Digits of packed BCD up to the first nibble that is none; the count, or 0 when there is no proper end. */
static size_t unpack_digits(struct cw_span packed, uint8_t end, char *ret, size_t cap) {
        size_t count = 0;
        for (size_t i = 0; i < packed.len * 2; i++) {
                uint8_t nibble = i % 2 ? packed.ptr[i / 2] & 0xf : packed.ptr[i / 2] >> 4;
                if (nibble == end)
                        return count;
                if (nibble > 9 || count == cap)
                        return 0;
                ret[count++] = (char)('0' + nibble);
        }
        return end == 0xf ? count : 0;
}

/* YYMM after the separator. */
static bool track2_expiry(struct cw_span track2, char ret[5]) {
        size_t at = 0;
        uint8_t nibble = 0;
        while (at < track2.len * 2 && nibble != 0xd) {
                nibble = at % 2 ? track2.ptr[at / 2] & 0xf : track2.ptr[at / 2] >> 4;
                at++;
        }
        for (size_t i = 0; i < 4; i++, at++) {
                if (at >= track2.len * 2)
                        return false;
                nibble = at % 2 ? track2.ptr[at / 2] & 0xf : track2.ptr[at / 2] >> 4;
                if (nibble > 9)
                        return false;
                ret[i] = (char)('0' + nibble);
        }
        ret[4] = '\0';
        return true;
}

static void card_expiry(const struct cw_terminal *t, char ret[5]) {
        struct cw_span date = {0};
        ret[0] = '\0';
        if (cw_elements_get(t->elements, 0x5f24, &date) && date.len == 3 &&
            unpack_digits(CW_SPAN(date.ptr, 2), 0xf, ret, 4) == 4)
                ret[4] = '\0';
        else if (!t->ended_at_start || !cw_elements_get(t->elements, 0x57, &date) ||
                 !track2_expiry(date, ret))
                ret[0] = '\0';
}

cw_rc cw_terminal_card(const struct cw_terminal *t, struct cw_terminal_card *ret, struct cw_fault *f) {
        CW_WIPED(char, pan, 20);
        struct cw_terminal_card card = {.psn = "00"};
        struct cw_span track2 = {0}, number = {0}, psn = {0};
        size_t digits = 0, plain_digits = 0;
        CW_WIPED(char, plain, 20);
        if (cw_elements_get(t->elements, 0x57, &track2))
                digits = unpack_digits(track2, 0xd, pan, 19);
        if (cw_elements_get(t->elements, 0x5a, &number))
                plain_digits = unpack_digits(number, 0xf, plain, 19);
        if (digits == 0) {
                memcpy(pan, plain, plain_digits);
                digits = plain_digits;
        }
        card_expiry(t, card.expiry);
        if (digits < 12 || !card.expiry[0] ||
            (plain_digits && (plain_digits != digits || memcmp(pan, plain, digits) != 0)))
                return wrong(f, "chip.card",
                             "the chip tells no card number and expiry, or two different ones");
        if (cw_elements_get(t->elements, 0x5f34, &psn) &&
            (psn.len != 1 || unpack_digits(psn, 0xf, card.psn, 2) != 2))
                return wrong(f, "chip.card", "the card sequence number of the chip is malformed");
        cw_rc rc = cw_secret_dup(pan, digits, &card.pan);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "chip.card", "", "no locked memory; raise LimitMEMLOCK");
        *ret = card;
        return CW_OK;
}

void cw_terminal_card_done(struct cw_terminal_card *c) {
        cw_secret_free(c->pan);
        c->pan = NULL;
}
