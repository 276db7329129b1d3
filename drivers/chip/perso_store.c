/* SPDX-License-Identifier: Apache-2.0 */
/* What goes through the secure channel: the data wrapped in one batch, each answer judged while the next is
 * under way. */
#include "drivers/chip/perso_internal.h"

#include "base/failpoint.h"

#include <stdio.h>
#include <string.h>

#define SW_UNKNOWN_DGI 0x6a88u
#define INS_STORE_DATA 0xe2u
#define INS_INSTALL 0xe6u
#define INSTALL_SELECTABLE 0x08u /* P1 */

static cw_rc fill_made(struct cw_perso *p, struct cw_fault *f) {
        char names[CW_HSM_DGIS_MAX][5];
        const char *list[CW_HSM_DGIS_MAX];
        CW_AUTO(cw_secret_free) struct cw_secret *items = NULL;
        bool padded[CW_HSM_DGIS_MAX];
        size_t count = cw_perso_data_sensitive(p->plan->data, names, padded, CW_HSM_DGIS_MAX);
        if (count == 0)
                return CW_OK;
        for (size_t i = 0; i < count; i++)
                list[i] = names[i];
        const struct cw_profile_made *made = &p->plan->data->profile->made;
        const struct cw_hsm_sensitive q = {.dgis = list,
                                           .padded = padded,
                                           .count = count,
                                           .keys = made->keys,
                                           .kcv = made->kcv,
                                           .pin_block = made->pin_block,
                                           .pin_fill = made->pin_fill};
        cw_rc rc = cw_hsm_session_perso_sensitive(p->hsm, &q, &items, f);
        if (rc != CW_OK)
                return rc;
        return cw_perso_data_fill(p->plan->data, CW_SPAN(items->ptr, items->len), f);
}

static cw_rc fill_given(struct cw_perso *p, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *items = NULL;
        bool padded[CW_DGI_MAX];
        size_t count = 0;
        cw_rc rc = cw_perso_data_to_encipher(p->plan->data, &clear, padded, &count, f);
        if (rc != CW_OK || !clear)
                return rc;
        rc = cw_hsm_session_perso_encipher(p->hsm, clear->ptr, clear->len, padded, count, &items, f);
        if (rc != CW_OK)
                return rc;
        return cw_perso_data_enciphered(p->plan->data, CW_SPAN(items->ptr, items->len), f);
}

/* SW 6A88 for a grouping the profile tolerates; only a command that carries nothing else may be passed over.
 */
static bool tolerated(const struct cw_perso *p, struct cw_span plain, uint16_t sw) {
        if (sw != SW_UNKNOWN_DGI || plain.len < 8 || plain.ptr[1] != INS_STORE_DATA)
                return false;
        struct cw_span rest = CW_SPAN(plain.ptr + 5, plain.ptr[4]);
        uint16_t id = 0;
        struct cw_span value;
        bool malformed = false;
        if (!cw_dgi_next(&rest, &id, &value, &malformed) || rest.len)
                return false;
        bool known = false;
        for (size_t i = 0; i < p->plan->data->count; i++) {
                if (p->plan->data->dgi[i].rule->id != id)
                        continue;
                if (!p->plan->data->dgi[i].rule->tolerated)
                        return false;
                known = true;
        }
        return known;
}

/* SELECT did not tell, and cards refuse a name they have by one of these two. If it was something else, the
 * card refuses INSTALL [for personalization] next. */
static bool there_already(const struct cw_perso *p, struct cw_span plain, uint16_t sw) {
        const struct cw_profile *profile = p->plan->data->profile;
        if (sw != 0x6985 && sw != 0x6a80)
                return false;
        for (size_t app = 0; app <= profile->more_count; app++) {
                struct cw_command c;
                if ((p->unsure >> app & 1) == 0)
                        continue;
                cw_gp_install_selectable(app ? &profile->more[app - 1].install : &profile->install, &c);
                if (plain.len == c.len && memcmp(plain.ptr, c.bytes, c.len) == 0)
                        return true;
        }
        return false;
}

/* The AID that INSTALL is about: the third of its fields. */
static void installed_aid(struct cw_span plain, char ret[2 * CW_AID_MAX + 1]) {
        struct cw_reader r;
        struct cw_span aid = {0};
        ret[0] = '\0';
        cw_reader_init(&r, plain.ptr + 5, plain.len > 5 ? plain.len - 5 : 0);
        for (int i = 0; i < 3; i++) {
                const size_t len = cw_get_u8(&r);
                aid = cw_get_bytes(&r, len);
        }
        if (!r.bad && aid.len <= CW_AID_MAX)
                (void)cw_hex_encode(aid.ptr, aid.len, ret, 2 * CW_AID_MAX + 1);
}

static cw_rc refused_install(struct cw_span plain, uint16_t sw, struct cw_fault *f) {
        const bool loaded = plain.ptr[2] & INSTALL_SELECTABLE;
        char aid[2 * CW_AID_MAX + 1];
        installed_aid(plain, aid);
        const char *todo =
            sw == 0x6a88 || sw == 0x6a82 || sw == 0x6a80
                ? loaded ? "its package is not there or its parameters are wrong; compare \"install\" "
                           "of the profile with the card"
                         : "it is not on the card; load it, have it installed with \"install\" in "
                           "the profile, or take it out of the profile"
            : sw == 0x6300 ? "the card refuses"
                           : cw_gp_sw_text(sw);
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_SW), sw, "chip.store_data", "PRD_SMARTCARD",
                       "the chip refuses %s of %s: %s (SW %04X)", loaded ? "INSTALL" : "personalisation", aid,
                       todo, sw);
}

static bool in_profile(const struct cw_perso *p, uint16_t id) {
        for (size_t i = 0; i < p->plan->data->count; i++)
                if (p->plan->data->dgi[i].rule->id == id)
                        return true;
        return false;
}

/* With the grouping that begins in the command, where one does: the middle of a long one is card data, and is
 * not shown as if it were a header. */
static cw_rc refused_data(const struct cw_perso *p, struct cw_span plain, uint16_t sw, struct cw_fault *f) {
        struct cw_span rest = CW_SPAN(plain.ptr + 5, plain.ptr[4]), value;
        char what[48] = "";
        uint16_t id = 0;
        bool malformed = false;
        if (cw_dgi_next(&rest, &id, &value, &malformed) && in_profile(p, id))
                (void)snprintf(what, sizeof what, "the chip refuses DGI %04X%s", id,
                               rest.len ? " or one behind it" : "");
        else
                (void)snprintf(what, sizeof what, "the chip refuses command %u of its data", p->result->sent);
        if (sw != SW_UNKNOWN_DGI)
                return cw_chip_fail_sw(f, "chip.store_data", sw, what);
        return cw_fail(
            f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_SW), sw, "chip.store_data", "PRD_SMARTCARD",
            "%s: its application does not know it; take it out of the profile or mark it \"tolerated\" (SW "
            "%04X)",
            what, sw);
}

cw_rc cw_perso_judge_sw(const struct cw_perso *p, struct cw_span plain, uint16_t sw, struct cw_fault *f) {
        if (sw == 0x9000 || tolerated(p, plain, sw) || there_already(p, plain, sw))
                return CW_OK;
        if (plain.ptr[1] == INS_STORE_DATA)
                return refused_data(p, plain, sw, f);
        if (plain.ptr[1] == INS_INSTALL)
                return refused_install(plain, sw, f);
        return cw_chip_fail_sw(f, "chip.store_data", sw, "the chip refuses the application");
}

/* An answer that hsmd looks at while the card is at work on the next command. */
struct check {
        struct cw_perso *p;
        bool due;
        uint8_t answer[CW_APDU_PART_MAX];
        size_t len;
        cw_rc rc;
        struct cw_fault fault;
};

static void check_wipe(struct check *c) {
        cw_wipe(c->answer, sizeof c->answer);
}

static void check_answer(struct check *c) {
        CW_AUTO(cw_secret_free) struct cw_secret *clear = NULL;
        c->due = false;
        c->rc = cw_hsm_session_gp_unwrap(c->p->hsm, c->answer, c->len, &clear, &c->fault);
}

static cw_rc check_passed(const struct check *c, struct cw_fault *f) {
        if (c->rc != CW_OK && f)
                *f = c->fault;
        return c->rc;
}

static cw_rc keep_answer(const struct cw_rapdu *r, struct check *c, struct cw_fault *f) {
        if ((c->p->level & CW_LEVEL_RMAC) == 0)
                return CW_OK;
        if (r->len + 2 > sizeof c->answer)
                return cw_chip_fail_sw(f, "chip.store_data", r->sw, "the chip answers too much data");
        memcpy(c->answer, r->data, r->len);
        c->answer[r->len] = (uint8_t)(r->sw >> 8);
        c->answer[r->len + 1] = (uint8_t)r->sw;
        c->len = r->len + 2;
        c->due = true;
        return CW_OK;
}

/*
 * All commands, as they are and wrapped. What comes before the first STORE DATA is wrapped first; with its
 * first command the card is at work while hsmd wraps all the others in one batch.
 */
struct batch {
        struct cw_perso *p;
        struct cw_span rest;
        struct cw_secret *first, *wrapped;
        cw_rc rc;
        struct cw_fault fault;
        struct cw_reader plain, next; /* what is still to be sent; next: of first, then of wrapped */
        unsigned at;                  /* number of the command that is sent */
        bool passed, halted;          /* the failpoint before the next command, and what it said */
        bool offered, counted; /* the next command was laid behind this one; it went out, or may have */
        struct check check;
};

static void batch_done(struct batch *b) {
        cw_secret_free(b->first);
        cw_secret_free(b->wrapped);
        check_wipe(&b->check);
}

static size_t count_items(struct cw_span items) {
        struct cw_reader r;
        size_t count = 0;
        cw_reader_init(&r, items.ptr, items.len);
        while (r.left > 0 && !r.bad) {
                (void)cw_get_item(&r);
                count++;
        }
        return r.bad ? 0 : count;
}

static cw_rc wrong_number(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, "chip.wrap", "",
                       "the HSM process wrapped another number of commands than it got; compare the "
                       "versions");
}

/* One wrapped command for each, or none of them may go out. */
static cw_rc wrap(const struct batch *b, struct cw_span plain, struct cw_secret **ret, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *wrapped = NULL;
        cw_rc rc = cw_hsm_session_gp_wrap(b->p->hsm, plain.ptr, plain.len, &wrapped, f);
        if (rc != CW_OK)
                return rc;
        if (count_items(CW_SPAN(wrapped->ptr, wrapped->len)) != count_items(plain))
                return wrong_number(f);
        *ret = CW_STEAL(wrapped);
        return CW_OK;
}

static void wrap_rest(struct batch *b) {
        b->rc = wrap(b, b->rest, &b->wrapped, &b->fault);
}

/* Bytes of the items before the first STORE DATA. */
static size_t bytes_before_data(struct cw_span items) {
        struct cw_reader r;
        cw_reader_init(&r, items.ptr, items.len);
        while (r.left > 0) {
                size_t at = items.len - r.left;
                struct cw_span item = cw_get_item(&r);
                if (item.len < 2 || item.ptr[1] == INS_STORE_DATA)
                        return at;
        }
        return 0; /* no data: nothing to divide */
}

static cw_rc batch_begin(struct batch *b, struct cw_span plain, struct cw_fault *f) {
        size_t n = bytes_before_data(plain);
        cw_reader_init(&b->plain, plain.ptr, plain.len);
        b->rest = CW_SPAN(plain.ptr + n, plain.len - n);
        cw_rc rc = n > 0 ? wrap(b, CW_SPAN(plain.ptr, n), &b->first, f) : wrap(b, plain, &b->wrapped, f);
        if (rc == CW_OK)
                cw_reader_init(&b->next, n > 0 ? b->first->ptr : b->wrapped->ptr,
                               n > 0 ? b->first->len : b->wrapped->len);
        return rc;
}

static cw_rc batch_next(struct batch *b, struct cw_span *ret_clear, struct cw_span *ret_command,
                        struct cw_fault *f) {
        if (b->first && b->wrapped && b->next.left == 0) {
                cw_reader_init(&b->next, b->wrapped->ptr, b->wrapped->len);
                cw_secret_free(b->first);
                b->first = NULL;
        }
        *ret_clear = cw_get_item(&b->plain);
        *ret_command = cw_get_item(&b->next);
        return b->plain.bad || b->next.bad || ret_clear->len < 5 ? wrong_number(f) : CW_OK;
}

/* The command behind the one under way; empty behind the last. */
static struct cw_span peek(const struct batch *b) {
        struct cw_reader next = b->next;
        if (b->at == b->p->result->total)
                return CW_SPAN(NULL, 0);
        if (next.left == 0 && b->first && b->wrapped)
                cw_reader_init(&next, b->wrapped->ptr, b->wrapped->len);
        return next.left > 0 ? cw_get_item(&next) : CW_SPAN(NULL, 0);
}

/* Once before each command, and before it can be on its way to the card. True: it may not go. */
static bool halted(struct batch *b) {
        if (!b->passed)
                b->halted = CW_FAILPOINT("station.store.before");
        b->passed = true;
        return b->halted;
}

static void lay_next(struct batch *b) {
        struct cw_span command = peek(b);
        if (command.len == 0 || halted(b))
                return;
        b->offered = true;
        cw_card_behind(b->p->channel, command);
}

/* What hsmd has to do while the card is at work. With all well so far the next command may follow this one by
 * itself; an answer two commands back that was not checked yet would not be "one behind" any more. */
static void while_at_work(void *ctx) {
        struct batch *b = ctx;
        if (b->first && !b->wrapped)
                wrap_rest(b);
        else if (b->check.due)
                check_answer(&b->check);
        if (b->rc == CW_OK && b->check.rc == CW_OK)
                lay_next(b);
}

/* An answer before that the card did not give stays one, whatever became of the command behind it. That hsmd
 * did not look at it says nothing. */
static bool answer_is_false(const struct batch *b) {
        return b->check.rc != CW_OK && cw_rc_class(b->check.rc) == CW_C_REJECT;
}

/* The rest of the batch, or the answer before. */
static cw_rc meanwhile_passed(const struct batch *b, struct cw_fault *f) {
        if (b->rc != CW_OK && f)
                *f = b->fault;
        return b->rc != CW_OK ? b->rc : check_passed(&b->check, f);
}

/* One more went out, or may have. */
static void count_sent(struct batch *b) {
        struct cw_perso_result *r = b->p->result;
        r->sent++;
        r->last_sent = r->sent == r->total;
        b->counted = true;
}

/* One command goes out, unless it did so by itself. What lay behind it follows a 9000 before anybody sees
 * that, so it counts from here. */
static cw_rc exchange_one(struct batch *b, struct cw_span command, struct cw_rapdu *ret, struct cw_fault *f) {
        if (!b->counted)
                count_sent(b);
        b->passed = b->offered = b->counted = false;
        cw_card_meanwhile(b->p->channel, while_at_work, b);
        cw_rc rc = cw_perso_exchange(b->p, command, ret, f);
        if (rc == CW_OK && ret->sw == 0x9000 && b->offered)
                count_sent(b);
        return rc;
}

static void tell_command(const struct batch *b, struct cw_span plain, uint16_t sw) {
        const struct cw_perso *p = b->p;
        char place[24];
        (void)snprintf(place, sizeof place, "%u/%u", b->at, p->result->total);
        if (plain.ptr[1] == INS_STORE_DATA)
                cw_perso_tell(p, "store", "%s STORE DATA %02X%02X, %u bytes: %04X", place, plain.ptr[2],
                              plain.ptr[3], plain.ptr[4], sw);
        else
                cw_perso_tell(p, "install", "%s %s: %04X", place,
                              plain.ptr[1] == INS_INSTALL ? "INSTALL" : "command", sw);
}

/* One command. An answer that nobody expected ends it all: what was wrapped behind it is never sent. */
static cw_rc send_one(struct cw_perso *p, struct batch *b, struct cw_span clear, struct cw_span command,
                      struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        if (halted(b))
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RECONNECT, CW_E_IO), 0, "chip.store_data",
                               "PRD_SMARTCARD", "the card went away while it was personalised");
        cw_rc rc = exchange_one(b, command, &r, f);
        if (answer_is_false(b))
                rc = check_passed(&b->check, f);
        if (rc == CW_OK)
                rc = cw_perso_judge_sw(p, clear, r.sw, f);
        if (rc == CW_OK)
                rc = meanwhile_passed(b, f);
        if (rc == CW_OK)
                rc = keep_answer(&r, &b->check, f);
        if (rc == CW_OK)
                tell_command(b, clear, r.sw);
        return rc;
}

static cw_rc send_all(struct cw_perso *p, struct cw_span plain, struct cw_fault *f) {
        __attribute__((cleanup(batch_done))) struct batch b = {.p = p, .check = {.p = p}};
        cw_rc rc = batch_begin(&b, plain, f);
        while (b.at < p->result->total && rc == CW_OK) {
                struct cw_span clear, command;
                b.at++;
                rc = batch_next(&b, &clear, &command, f);
                if (rc == CW_OK)
                        rc = send_one(p, &b, clear, command, f);
                if (rc == CW_OK && p->plan->progress)
                        p->plan->progress(p->plan->ctx, b.at, p->result->total);
        }
        if (rc != CW_OK)
                return rc;
        if (b.check.due)
                check_answer(&b.check);
        return check_passed(&b.check, f);
}

/* Clear bytes that padding, whole blocks and the MAC leave room for, one limit for all levels: 239, or 223 in
 * S16, where the card takes any short command. */
static size_t chunk_max(const struct cw_perso *p) {
        const size_t block = p->answer.scp == 3 ? 16 : 8, mac = p->s16 ? 16 : 8;
        return (p->domain.max_data - mac) / block * block - 1;
}

cw_rc cw_perso_commands(const struct cw_perso *p, const struct cw_perso_data *d, struct cw_secret **ret_items,
                        size_t *ret_count, struct cw_fault *f) {
        return cw_perso_data_commands(d, (p->level & CW_LEVEL_RMAC) != 0, chunk_max(p), p->installed,
                                      ret_items, ret_count, f);
}

cw_rc cw_perso_store(struct cw_perso *p, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *plain = NULL;
        size_t count = 0;
        cw_rc rc = fill_made(p, f);
        if (rc == CW_OK)
                rc = fill_given(p, f);
        if (rc == CW_OK)
                rc = cw_perso_fill_parts(p, f);
        if (rc == CW_OK)
                rc = cw_perso_commands(p, p->plan->data, &plain, &count, f);
        if (rc != CW_OK)
                return rc;
        p->result->total = (unsigned)count;
        return send_all(p, CW_SPAN(plain->ptr, plain->len), f);
}
