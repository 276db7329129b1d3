/* SPDX-License-Identifier: Apache-2.0 */
/* What the files session*.c share. */
#pragma once

#include "base/buf.h"
#include "hsm/card_number.h"
#include "hsm/emv_scheme.h"
#include "hsm/gp_ledger.h"
#include "hsm/gp_put_key.h"
#include "hsm/ksn_registry.h"
#include "hsm/pin_policy.h"
#include "hsm/pinblock.h"
#include "hsm/rsa.h"
#include "hsm/scp.h"
#include "hsm/session.h"

#define CW_SESS_KIT_MAX 32u
#define CW_SESS_NAME_MAX 64u
#define CW_SESS_LABEL_MAX 72u

/* What has happened in this session. */
enum {
        CW_ST_OPEN = 0x001, /* kind is fixed; issue: PAN and kit too */
        CW_ST_ISSUE = 0x002,
        CW_ST_KIOSK = 0x004,
        CW_ST_BENCH = 0x008, /* test token: any card, keys and data of the administrator */
        CW_ST_GP = 0x2000,   /* issue and bench: a card may be personalised */
        CW_ST_SERVICE = 0x4000,
        CW_ST_STARTED = 0x010,     /* gp.start gave a challenge */
        CW_ST_CARD = 0x020,        /* the card's cryptogram was right */
        CW_ST_AUTH = 0x040,        /* EXTERNAL AUTHENTICATE was made */
        CW_ST_PAN = 0x100,         /* kiosk: the chip's PAN is known */
        CW_ST_BOUND = 0x200,       /* kiosk: kit and product are known, the server's PAN is the chip's */
        CW_ST_PROVED = 0x400,      /* an ARQC was right */
        CW_ST_FIRST = 0x800,       /* one entry waits for the second */
        CW_ST_EQUAL = 0x1000,      /* both entries were equal */
        CW_ST_PUT = 0x8000,        /* PUT KEY was made: once for a card, whatever comes of it */
        CW_ST_PUT_WAITS = 0x10000, /* its answer was not judged yet */
};

/* Everything here is in locked memory. */
struct cw_sess_secret {
        struct cw_pan pan;
        struct cw_pin first, chosen;
        struct cw_rsa_private icc[2]; /* of the chip: for signatures, for PINs */
        char birth_date[9];           /* YYYYMMDD of the customer, "" when not known */
};

/* The issuer's master keys of a card. The two last are the AC key where the product has none for them. */
enum cw_sess_imk { CW_IMK_AC, CW_IMK_SMI, CW_IMK_SMC, CW_IMK_DCVV, CW_IMK_CVC3 };
#define CW_SESS_IMKS 5u

struct cw_sess {
        struct cw_sess_env env;
        const struct cw_hsm_crypto *c; /* = env.crypto */
        unsigned state;
        unsigned refusals;
        unsigned calls[48]; /* by row of the operation table */
        const struct cw_config_product *product;
        char kit[CW_SESS_KIT_MAX + 1];
        char expiry[5];
        char psn[3];
        char name[CW_SESS_NAME_MAX + 1];
        struct cw_secret *memory; /* of secret */
        struct cw_sess_secret *secret;
        uint8_t host_challenge[CW_GP_CHALLENGE_MAX];
        size_t challenge_len;
        struct cw_scp *scp;
        struct cw_gp_try attempt; /* of the secure channel under way */
        bool attempt_open;        /* it is in the ledger and not taken back */
        struct cw_sess_put_key {
                struct cw_gp_try attempt; /* in the ledger until the card has confirmed the keys */
                uint8_t answer[CW_GP_PUT_KEY_ANSWER]; /* what a card that has them all answers */
        } put;
        struct cw_sess_bench {
                struct cw_config_product product;
                bool test_keys;         /* 40..4F instead of keys of the token */
                uint8_t delete_aid[16]; /* the one thing that DELETE may name, as recorded for the audit */
                size_t delete_len;
                bool new_test_keys; /* the same for what PUT KEY writes */
                char label[3][CW_SESS_LABEL_MAX], new_label[3][CW_SESS_LABEL_MAX];
        } bench;
        /* Which versions this card was made under (session_imk.c). */
        struct cw_sess_imk_state {
                char kcv[11]; /* as recorded when it was made; "" when nobody knows */
                bool looked;  /* the versions kept on the token were loaded */
                struct cw_kept_keys kept;
                const struct cw_stored_key *key; /* the right one; NULL: not known yet */
        } imk[CW_SESS_IMKS];
        bool used_expired;   /* this call used a version that is past its validity */
        struct cw_emv_tx tx; /* of the last cryptogram that was right */
        char proved_psn[3];
        unsigned scripts;                       /* commands made after it */
        uint8_t script_chain[CW_EMV_CHAIN_MAX]; /* secure messaging format 1: what the next MAC begins with */
        int64_t attempts_left;
};

/* An operation: reads the request, fills the reply, which is {"ok": true} so far. */
typedef cw_rc (*cw_sess_fn)(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                            struct cw_fault *f);

cw_rc cw_sess_open(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_card_data(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_gp_start(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_gp_card(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_gp_authenticate(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                              struct cw_fault *f);
cw_rc cw_sess_gp_wrap(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_gp_unwrap(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_gp_put_key(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_gp_put_key_answer(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                                struct cw_fault *f);
cw_rc cw_sess_perso_keys(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_perso_sensitive(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                              struct cw_fault *f);
cw_rc cw_sess_icc_key(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_icc_parts(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_ssad(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_perso_encipher(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                             struct cw_fault *f);
cw_rc cw_sess_bench_pan(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_bench_icvv(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_emv_arqc(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_emv_script(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_pin_translate(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                            struct cw_fault *f);
cw_rc cw_sess_pin_pvv(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_pin_offset(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_pin_generate(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                           struct cw_fault *f);
cw_rc cw_sess_value_dcvv(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_value_cvc3(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_value_cavv(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_mac_generate(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                           struct cw_fault *f);
cw_rc cw_sess_mac_verify(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_dukpt_mac(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_dukpt_data(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_kiosk_pan(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_kiosk_bind(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_kiosk_seal_pan(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply,
                             struct cw_fault *f);
cw_rc cw_sess_pin_first(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_pin_second(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);
cw_rc cw_sess_pin_form(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f);

/* ---- request and reply members (session_io.c) ---- */

/* A malformed request: REJECT/CW_E_SYNTAX, code HSM_REQUEST. */
cw_rc cw_sess_bad(const char *text, struct cw_fault *f);
/* String member of at most cap - 1 bytes, printable, not empty. */
CW_WARN_UNUSED cw_rc cw_sess_text(const struct cw_msg *m, const char *key, char *ret, size_t cap,
                                  struct cw_fault *f);
/* String of exactly count digits, NUL added. */
CW_WARN_UNUSED cw_rc cw_sess_digits(const struct cw_msg *m, const char *key, size_t count, char *ret,
                                    struct cw_fault *f);
/* YYMM with a month from 01 to 12. */
CW_WARN_UNUSED cw_rc cw_sess_expiry(const struct cw_msg *m, const char *key, char ret[5], struct cw_fault *f);
/* Hex string of exactly len bytes. */
CW_WARN_UNUSED cw_rc cw_sess_hex(const struct cw_msg *m, const char *key, void *ret, size_t len,
                                 struct cw_fault *f);
/* Attachment i, borrowed, between min and max bytes. */
CW_WARN_UNUSED cw_rc cw_sess_att(const struct cw_msg *m, unsigned i, size_t min, size_t max,
                                 struct cw_span *ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_sess_put_str(struct cw_msg *reply, const char *key, const char *value,
                                     struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_sess_put_int(struct cw_msg *reply, const char *key, int64_t value,
                                     struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_sess_put_bool(struct cw_msg *reply, const char *key, bool value, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_sess_put_hex(struct cw_msg *reply, const char *key, const void *p, size_t len,
                                     struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_sess_put_att(struct cw_msg *reply, const void *p, size_t len, struct cw_fault *f);

/* ---- shared steps ---- */

/* Something is asked that only follows an accepted EXTERNAL AUTHENTICATE: the try leaves the ledger. */
CW_WARN_UNUSED cw_rc cw_sess_gp_accepted(struct cw_sess *s, struct cw_fault *f);
/* session_bench.c: session.open of kind bench, and its static card keys 40..4F (own) before diversification.
 */
CW_WARN_UNUSED cw_rc cw_sess_open_bench(struct cw_sess *s, struct cw_msg *request, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_sess_bench_keys(struct cw_sess *s, uint8_t scp, struct cw_gp_keyset *ret,
                                        struct cw_fault *f);

/* The 16 bytes of that test key. */
const uint8_t *cw_sess_bench_test_key(void);

/* pan_hash and masked_pan of the session's PAN. */
CW_WARN_UNUSED cw_rc cw_sess_put_pan_names(struct cw_sess *s, struct cw_msg *reply, struct cw_fault *f);
/* Opens the attachment of the request that holds encryptedCardNumber. */
CW_WARN_UNUSED cw_rc cw_sess_open_card_number(struct cw_sess *s, const struct cw_msg *request,
                                              struct cw_pan *ret, struct cw_fault *f);
/* The product of the request's plastic_code. */
CW_WARN_UNUSED cw_rc cw_sess_product(struct cw_sess *s, const struct cw_msg *request, struct cw_fault *f);
/* Issuer key and certificate of the product, when it has them, are there and good for this card. */
CW_WARN_UNUSED cw_rc cw_sess_check_issuer(struct cw_sess *s, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_sess_key(const struct cw_sess *s, const char *label, const char *purpose,
                                 const struct cw_stored_key **ret, struct cw_fault *f);

/* ---- issuer keys of a card made earlier, maybe under other versions (session_imk.c) ---- */

/* Member issuer_keys of the request, which may leave it out: what perso.sensitive said when the card was
 * made. */
CW_WARN_UNUSED cw_rc cw_sess_imk_recorded(struct cw_sess *s, const struct cw_msg *request,
                                          struct cw_fault *f);
/* The same of the versions in use, for a card that gets them now. */
CW_WARN_UNUSED cw_rc cw_sess_put_imk(struct cw_sess *s, struct cw_msg *reply, struct cw_fault *f);
/* Candidate n of the AC key: one when it is recorded, else the version in use and then each that was kept;
 * NULL behind the last. */
CW_WARN_UNUSED cw_rc cw_sess_imk_candidate(struct cw_sess *s, size_t n, const struct cw_stored_key **ret,
                                           struct cw_fault *f);
/* The card's cryptogram was right under this AC key. */
void cw_sess_imk_proved(struct cw_sess *s, const struct cw_stored_key *ac);
/* The card's key for scripts, for its AC, for values. OPERATOR with code HSM_KEY when its version is not on
 * the token, or not recorded and there are several. */
CW_WARN_UNUSED cw_rc cw_sess_imk(struct cw_sess *s, enum cw_sess_imk which, const struct cw_stored_key **ret,
                                 struct cw_fault *f);
/* "expired" of the reply, when a version was used that is past its validity. */
CW_WARN_UNUSED cw_rc cw_sess_put_expired(struct cw_sess *s, struct cw_msg *reply, struct cw_fault *f);
void cw_sess_imk_done(struct cw_sess *s);

/* ---- PINs of requests (session_source.c) ---- */

/* An enciphered PIN block of a request: under a zone key, or of a PIN pad when there is a KSN. */
struct cw_sess_source {
        const struct cw_stored_key *key;
        unsigned format;
        const char *ksn; /* "": zone; borrowed */
        struct cw_span block;
};
/* Members source, source_format, ksn, and att0. */
CW_WARN_UNUSED cw_rc cw_sess_source(struct cw_sess *s, const struct cw_msg *request,
                                    struct cw_sess_source *ret, struct cw_fault *f);
/* Opens it in host memory, when the configuration allows that. A KSN is used up by it. */
CW_WARN_UNUSED cw_rc cw_sess_source_open(struct cw_sess *s, const struct cw_sess_source *src,
                                         struct cw_pin *ret, struct cw_fault *f);
/* A PIN pad's block with the PAN of the session; the KSN is used up, whatever is in the block. */
CW_WARN_UNUSED cw_rc cw_sess_open_dukpt(struct cw_sess *s, const struct cw_stored_key *bdk,
                                        const char *ksn_hex, struct cw_span block, unsigned format,
                                        struct cw_pin *ret, struct cw_fault *f);
/* Which pads may use a BDK, and what they used. */
struct cw_ksn_registry cw_sess_pads(const struct cw_sess *s, const struct cw_stored_key *bdk);
/* Kind of the working keys of an AES BDK: the BDK's, or AES-128 when the configuration says so. */
enum cw_hsm_alg cw_sess_dukpt_alg(const struct cw_sess *s, const struct cw_stored_key *bdk);
/* OPERATOR with code HSM_HOST_MEMORY when it is not allowed; why: what needs it. */
CW_WARN_UNUSED cw_rc cw_sess_need_host_memory(const struct cw_sess *s, const char *why, struct cw_fault *f);
/* birth_date (YYYYMMDD) of the request, which may leave it out. */
CW_WARN_UNUSED cw_rc cw_sess_birth_date(struct cw_sess *s, const struct cw_msg *request, struct cw_fault *f);
/* The product's rules, with this card's data. */
void cw_sess_pin_policy(const struct cw_sess *s, struct cw_pin_policy *ret);
/* The card's issuer keys. psn is borrowed. */
CW_WARN_UNUSED cw_rc cw_sess_emv_card(struct cw_sess *s, const char *psn, struct cw_emv_card *ret,
                                      struct cw_fault *f);
