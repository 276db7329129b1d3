/* SPDX-License-Identifier: Apache-2.0 */
/* gp.*: the secure channel to the card. */
#include "base/buf.h"
#include "hsm/apdu.h"
#include "hsm/gp_init_update.h"
#include "hsm/session_internal.h"

#include <stdio.h>
#include <string.h>

#define BATCH_MAX 256u
#define BATCH_BYTES_MAX (64u * 1024u)
#define INS_PUT_KEY 0xd8u
#define INS_DELETE 0xe4u

cw_rc cw_sess_gp_start(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        int64_t kvn = s->product->kvn;
        if ((s->state & CW_ST_BENCH) != 0)
                s->bench.product.kvn = kvn = cw_msg_int(request, "kvn", 0) & 0xff;
        s->challenge_len = cw_msg_bool(request, "s16", false) ? CW_GP_CHALLENGE_MAX : 8;
        cw_scp_free(s->scp);
        s->scp = NULL;
        s->state &= ~(unsigned)(CW_ST_STARTED | CW_ST_CARD | CW_ST_AUTH);
        cw_rc rc = cw_hsm_random(s->c, s->host_challenge, s->challenge_len, f);
        if (rc == CW_OK)
                rc = cw_sess_put_int(reply, "kvn", kvn, f);
        if (rc == CW_OK)
                rc = cw_sess_put_hex(reply, "challenge", s->host_challenge, s->challenge_len, f);
        if (rc == CW_OK)
                s->state |= CW_ST_STARTED;
        return rc;
}

/* The masters of the token; with diversification "none" they are the card's keys themselves. */
static cw_rc token_keys(struct cw_sess *s, struct cw_gp_keyset *ret, struct cw_fault *f) {
        const struct cw_stored_key *enc = NULL, *mac = NULL, *dek = NULL;
        cw_rc rc = cw_sess_key(s, s->product->kmc_enc, "kmc-enc", &enc, f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, s->product->kmc_mac, "kmc-mac", &mac, f);
        if (rc == CW_OK)
                rc = cw_sess_key(s, s->product->kmc_dek, "kmc-dek", &dek, f);
        if (rc == CW_OK)
                *ret = (struct cw_gp_keyset){enc->key, mac->key, dek->key, false};
        return rc;
}

static cw_rc card_keys(struct cw_sess *s, const struct cw_gp_init_update *u, struct cw_gp_keyset *ret,
                       struct cw_fault *f) {
        struct cw_gp_keyset masters = {0};
        enum cw_gp_diversification how;
        if (!cw_gp_diversification_from_name(s->product->diversification, &how))
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "hsm.gp",
                               "HSM_PRODUCT", "the product's diversification is not known");
        cw_rc rc =
            s->bench.test_keys ? cw_sess_bench_keys(s, u->scp, &masters, f) : token_keys(s, &masters, f);
        if (rc != CW_OK)
                return rc;
        if (how == CW_GP_NONE) {
                *ret = masters;
                return CW_OK;
        }
        rc = cw_gp_diversify(s->c, how, &masters, u->kdd, ret, f);
        cw_gp_keyset_destroy(s->c, &masters);
        return rc;
}

static cw_rc check_card(const struct cw_sess *s, const struct cw_gp_init_update *u, struct cw_fault *f) {
        if (s->product->scp != 0 && s->product->scp != u->scp)
                return cw_fail(
                    f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_UNSUPPORTED), u->scp, "hsm.gp", "HSM_INIT_UPDATE",
                    "the product wants SCP0%d and the card speaks SCP0%d; wrong plastic in the hopper?",
                    (int)s->product->scp, u->scp);
        if (s->product->kvn != 0 && s->product->kvn != u->kvn)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), u->kvn, "hsm.gp",
                               "HSM_INIT_UPDATE",
                               "the card answered with another key version than asked for");
        return CW_OK;
}

static cw_rc put_card(const struct cw_gp_init_update *u, struct cw_msg *reply, struct cw_fault *f) {
        size_t sequence_len = !u->has_sequence ? 0 : u->scp == 2 ? 2 : 3;
        cw_rc rc = cw_sess_put_int(reply, "scp", u->scp, f);
        if (rc == CW_OK)
                rc = cw_sess_put_int(reply, "i", u->i, f);
        if (rc == CW_OK)
                rc = cw_sess_put_int(reply, "kvn", u->kvn, f);
        if (rc == CW_OK)
                rc = cw_sess_put_hex(reply, "kdd", u->kdd, sizeof(u->kdd), f);
        return rc != CW_OK
                   ? rc
                   : cw_sess_put_hex(reply, "sequence", u->sequence + 3 - sequence_len, sequence_len, f);
}

/* Which card and which keys a try is of; a chip that is no hex counts as none. */
static void name_attempt(struct cw_sess *s, const struct cw_gp_init_update *u, const char *chip) {
        struct cw_gp_try t = {.kvn = u->kvn, .scp = u->scp};
        memcpy(t.kdd, u->kdd, sizeof(t.kdd));
        size_t n = strspn(chip, "0123456789ABCDEF");
        if (n >= sizeof(t.chip) - 1)
                memcpy(t.chip, chip, sizeof(t.chip) - 1);
        (void)snprintf(t.keys, sizeof(t.keys), "%s/%s",
                       s->bench.test_keys ? "test-keys" : s->product->kmc_enc, s->product->diversification);
        s->attempt = t;
        s->attempt_open = false;
}

cw_rc cw_sess_gp_card(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        struct cw_gp_init_update u;
        struct cw_gp_keyset keys = {0};
        struct cw_span response;
        uint8_t aid[16];
        size_t aid_len = 0;
        const char *aid_hex = cw_msg_str(request, "aid", "");
        if (!cw_hex_decode(aid_hex, strlen(aid_hex), aid, sizeof(aid), &aid_len))
                return cw_sess_bad("\"aid\" must have at most 32 hex digits", f);
        cw_rc rc = cw_sess_att(request, 0, 1, 64, &response, f);
        if (rc == CW_OK)
                rc = cw_gp_init_update_parse(response.ptr, response.len, &u, f);
        if (rc == CW_OK && u.mode_len != s->challenge_len)
                rc = cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_MISMATCH), (int64_t)u.mode_len, "hsm.gp",
                             "HSM_INIT_UPDATE",
                             "the card answers in another mode (S8 or S16) than it was asked in");
        if (rc == CW_OK && u.scp == 2) /* only the card's recognition data tells it */
                u.i = (uint8_t)(cw_msg_int(request, "i", 0) & 0xff);
        if (rc == CW_OK)
                rc = check_card(s, &u, f);
        if (rc == CW_OK)
                rc = card_keys(s, &u, &keys, f);
        if (rc == CW_OK)
                rc = cw_scp_new(s->c, &keys, &u, s->host_challenge, aid, aid_len, &s->scp, f);
        s->state &= ~(unsigned)CW_ST_STARTED; /* one response for one challenge */
        if (rc == CW_OK && cw_msg_bool(request, "count_data_only", false))
                cw_scp_count_data_only(s->scp);
        if (rc == CW_OK) {
                name_attempt(s, &u, cw_msg_str(request, "chip", ""));
                rc = cw_gp_ledger_check(s->env.state_dir, &s->attempt, f);
        }
        if (rc == CW_OK)
                rc = put_card(&u, reply, f);
        if (rc == CW_OK)
                s->state |= CW_ST_CARD;
        return rc;
}

cw_rc cw_sess_gp_authenticate(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                              struct cw_fault *f) {
        uint8_t apdu[CW_SCP_AUTHENTICATE_MAX];
        size_t len = 0;
        int64_t level = cw_msg_int(request, "level", -1);
        int64_t least = s->product->security_level;
        if (level < 0 || level > 0xff)
                return cw_sess_bad("\"level\" must be a number from 0 to 255", f);
        if ((level & least) != least)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), level, "hsm.gp", "HSM_LEVEL",
                               "the product wants security level %02X at least", (unsigned)least);
        cw_rc rc = cw_scp_authenticate(s->scp, (uint8_t)level, apdu, &len, f);
        if (rc == CW_OK)
                rc = cw_gp_ledger_try(s->env.state_dir, &s->attempt, f);
        if (rc != CW_OK)
                return rc;
        s->attempt_open = true;
        s->state |= CW_ST_AUTH;
        return cw_sess_put_att(reply, apdu, len, f);
}

cw_rc cw_sess_gp_accepted(struct cw_sess *s, struct cw_fault *f) {
        cw_rc rc = s->attempt_open ? cw_gp_ledger_accepted(s->env.state_dir, &s->attempt, f) : CW_OK;
        if (rc == CW_OK)
                s->attempt_open = false;
        return rc;
}

/* DELETE of what the bench session was opened and recorded for: 4F and that name. */
static bool delete_allowed(const struct cw_sess *s, struct cw_span command) {
        const size_t len = s->bench.delete_len;
        if ((s->state & CW_ST_BENCH) == 0 || len == 0 || command.len < 7 + len)
                return false;
        const uint8_t head[3] = {(uint8_t)(len + 2), 0x4f, (uint8_t)len};
        return memcmp(command.ptr + 4, head, sizeof(head)) == 0 &&
               memcmp(command.ptr + 7, s->bench.delete_aid, len) == 0;
}

/* Keys are only put by gp.put_key, and a customer's card is never emptied. */
static cw_rc check_allowed(const struct cw_sess *s, struct cw_span command, struct cw_fault *f) {
        uint8_t ins = command.len > 1 ? command.ptr[1] : 0;
        if (ins != INS_PUT_KEY && (ins != INS_DELETE || delete_allowed(s, command)))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), ins, "hsm.gp", "HSM_REFUSED",
                       "this session does not wrap %s",
                       ins == INS_DELETE ? "DELETE of this name" : "PUT KEY");
}

/* The batch is wrapped whole or not at all: chain and counters cannot be turned back. */
static cw_rc check_batch(struct cw_sess *s, struct cw_span batch, size_t *ret_count, struct cw_fault *f) {
        struct cw_reader r;
        size_t count = 0;
        cw_reader_init(&r, batch.ptr, batch.len);
        while (r.left > 0) {
                struct cw_span item = cw_get_item(&r);
                if (r.bad)
                        return cw_sess_bad("the attachment is not a list of packed items", f);
                if (++count > BATCH_MAX || count > cw_scp_room(s->scp))
                        return cw_sess_bad("too many commands at once", f);
                cw_rc rc = check_allowed(s, item, f);
                if (rc == CW_OK)
                        rc = cw_scp_check(s->scp, item.ptr, item.len, f);
                if (rc != CW_OK)
                        return rc;
        }
        *ret_count = count;
        return CW_OK;
}

static cw_rc wrap_batch(struct cw_sess *s, struct cw_span batch, struct cw_secret *out, struct cw_fault *f) {
        CW_WIPED(struct cw_scp_wrapped, wrapped, 1);
        struct cw_reader r;
        struct cw_writer w;
        cw_reader_init(&r, batch.ptr, batch.len);
        cw_writer_init(&w, out->ptr, out->cap);
        while (r.left > 0) {
                struct cw_span item = cw_get_item(&r);
                cw_rc rc = cw_scp_wrap(s->scp, item.ptr, item.len, wrapped, f);
                if (rc != CW_OK)
                        return rc;
                cw_put_item(&w, cw_scp_apdu(wrapped), wrapped->len);
        }
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_FATAL, CW_E_TOO_BIG), 0, "hsm.gp", "",
                               "wrapped batch too long");
        out->len = w.len;
        return CW_OK;
}

cw_rc cw_sess_gp_wrap(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *out = NULL;
        struct cw_span batch;
        size_t count = 0;
        cw_rc rc = cw_sess_att(request, 0, 2, BATCH_BYTES_MAX, &batch, f);
        if (rc == CW_OK)
                rc = check_batch(s, batch, &count, f);
        if (rc == CW_OK)
                rc = cw_secret_new(count * (CW_APDU_MAX + 2), &out);
        if (rc == CW_OK)
                rc = wrap_batch(s, batch, out, f);
        if (rc == CW_OK)
                rc = cw_msg_attach(reply, out);
        if (rc == CW_OK)
                out = NULL;
        return rc;
}

cw_rc cw_sess_gp_unwrap(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        CW_WIPED(uint8_t, clear, 258);
        struct cw_span response;
        size_t n = 0;
        cw_rc rc = cw_sess_att(request, 0, 2, 258, &response, f);
        if (rc == CW_OK)
                rc = cw_scp_unwrap(s->scp, response.ptr, response.len, clear, sizeof(clear), &n, f);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, clear, n, f);
}
