/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client of cardwright-hsmd. Two halves, both as ARCHITECTURE.md, "cardwrightd → hsmd" and "station → hsmd"
 * say:
 *   - cw_hsm_session_*: typed, blocking calls on the session socket that a station received (one thread at a
 * time);
 *   - cw_hsm_msg_*, cw_hsm_reply_*: requests to queue on an asynchronous cw_peer, and readers of their
 * replies.
 *
 * Errors are those of hsmd. REJECT: hsmd will never do this in this session (code in the fault's text);
 * OPERATOR: a person must look at the token; RECONNECT: the session is dead, ask cardwrightd for a new one;
 * RETRY: nothing happened. Stable fault codes: HSM_REFUSED (not allowed now or not that often),
 * HSM_CRYPTOGRAM (card cryptogram, R-MAC wrong), HSM_KEY, HSM_TOKEN, HSM_LOGIN, HSM_HOST_MEMORY,
 * HSM_CARD_NUMBER, HSM_PAN_MISMATCH, HSM_KSN_REPLAY, HSM_KSN_UNKNOWN, PIN_WEAK, PIN_LENGTH, PIN_BLOCK,
 * PIN_ATTEMPTS.
 */
#pragma once

#include "base/error.h"
#include "base/ipc.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_HSM_PAN_HASH_HEX 65 /* HMAC-SHA-256 in hex, NUL */
#define CW_HSM_ISSUER_KEYS 64u
#define CW_HSM_MASKED_PAN 20 /* 19 digits at most, NUL */
#define CW_HSM_ICVV 3
#define CW_HSM_NAME 65
#define CW_HSM_DGIS_MAX 8

/* ---- the station's half
 * ---------------------------------------------------------------------------------------- */

struct cw_hsm_session;

/* Takes fd, the session socket. Every call below fails with RETRY/CW_E_TIMEOUT or RECONNECT after timeout_ms.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_open(int take_fd, int64_t timeout_ms, struct cw_hsm_session **ret);
/* Closes the socket; hsmd ends the session when it sees that. */
void cw_hsm_session_close(struct cw_hsm_session *s);
CW_DEFINE_CLEANUP(struct cw_hsm_session *, cw_hsm_session_close);

/* The clear data of one card. Free with cw_hsm_card_data_done, which wipes. */
struct cw_hsm_card_data {
        char expiry[5]; /* YYMM */
        char service_code[4];
        char psn[3];            /* PAN sequence number, 2 digits */
        char name[CW_HSM_NAME]; /* as it is printed */
        char track_name[27];    /* SURNAME/GIVEN in the track 1 character set (tag 5F20) */
        char masked_pan[CW_HSM_MASKED_PAN];
        struct cw_secret *pan;               /* digits */
        struct cw_secret *track1;            /* ISO/IEC 7813 data, no sentinels, no LRC: B<PAN>^<name>^... */
        struct cw_secret *track2;            /* <PAN>=<YYMM>..., no sentinels, no LRC */
        struct cw_secret *track2_equivalent; /* value of tag 57, packed, with the iCVV */
        struct cw_secret *cvv2;              /* 3 digits */
};
void cw_hsm_card_data_done(struct cw_hsm_card_data *d);
/* card.data. Issue sessions; a few times at most. */
CW_WARN_UNUSED cw_rc cw_hsm_session_card_data(struct cw_hsm_session *s, struct cw_hsm_card_data *ret,
                                              struct cw_fault *f);

#define CW_HSM_CHALLENGE_MAX 16
struct cw_hsm_gp_how {
        uint8_t kvn; /* bench sessions: key version to ask for, 0 = the card decides */
        bool s16;    /* SCP03 with challenges, cryptograms and MACs of 16 bytes */
};
/*
 * gp.start: key version and host challenge (8 bytes, 16 in S16) for INITIALIZE UPDATE. Begins a new secure
 * channel, forgets an old one. how may be NULL.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_gp_start(struct cw_hsm_session *s, const struct cw_hsm_gp_how *how,
                                             uint8_t *ret_kvn, uint8_t ret_challenge[CW_HSM_CHALLENGE_MAX],
                                             size_t *ret_challenge_len, struct cw_fault *f);

struct cw_hsm_gp_card {
        uint8_t scp;       /* 2 or 3 */
        uint8_t i;         /* parameter i; 0 when neither response nor recognition data tell it */
        uint8_t kvn;       /* key version the card chose */
        uint8_t kdd[10];   /* key diversification data */
        uint32_t sequence; /* sequence counter, 0 when the card sent none */
        bool has_sequence;
};
/* What else is known of the card; all of it may be left out. */
struct cw_hsm_gp_domain {
        const uint8_t *aid; /* of the selected security domain: the challenge of SCP03 is verified with it */
        size_t aid_len;     /* 0..16 */
        const char *chip;   /* CPLC in hex, for the ledger of tries */
        uint8_t i;          /* SCP02: from the card recognition data */
        bool count_data_only; /* SCP03: C-ENC counts commands with data only (some products) */
};
/*
 * gp.card: response of INITIALIZE UPDATE (28, 29, 32, 45 or 48 bytes, no SW). The card cryptogram is verified
 * here, no key try is burnt: REJECT/CW_E_MISMATCH when wrong, REJECT with code HSM_QUARANTINE when an earlier
 * try of this card and these keys was never seen to succeed. domain may be NULL.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_gp_card(struct cw_hsm_session *s, const uint8_t *response, size_t len,
                                            const struct cw_hsm_gp_domain *domain, struct cw_hsm_gp_card *ret,
                                            struct cw_fault *f);
/*
 * gp.authenticate: the EXTERNAL AUTHENTICATE C-APDU for the security level; once per gp_start, and only when
 * the journal has the attempt. The try is in hsmd's ledger when this returns, until the first gp_wrap. Free
 * *ret_apdu.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_gp_authenticate(struct cw_hsm_session *s, uint8_t level,
                                                    struct cw_secret **ret_apdu, struct cw_fault *f);
/* perso.encipher (bench sessions): packed clear items to packed items under the DEK of the channel; padded
 * has a flag for each, as below. */
CW_WARN_UNUSED cw_rc cw_hsm_session_perso_encipher(struct cw_hsm_session *s, const void *items, size_t len,
                                                   const bool *padded, size_t count,
                                                   struct cw_secret **ret_items, struct cw_fault *f);
/* bench.pan (bench sessions): the card's PAN (digits) and sequence number, for its keys and cryptograms. */
CW_WARN_UNUSED cw_rc cw_hsm_session_bench_pan(struct cw_hsm_session *s, const void *pan, size_t len,
                                              const char *psn, char ret_masked[CW_HSM_MASKED_PAN],
                                              struct cw_fault *f);
/* bench.icvv (bench sessions): the chip's check value for the number that bench.pan told and this date
 * (YYMM), by the product's cvk: 3 digits, which the caller wipes. Once a session. */
CW_WARN_UNUSED cw_rc cw_hsm_session_bench_icvv(struct cw_hsm_session *s, const char *expiry,
                                               char ret_icvv[CW_HSM_ICVV], struct cw_fault *f);
/* perso.keys: OPERATOR unless the product's issuer keys are all of this algorithm ("tdes2", "aes128",
 * "aes192", "aes256"). Before a card is touched. */
CW_WARN_UNUSED cw_rc cw_hsm_session_perso_keys(struct cw_hsm_session *s, const char *keys,
                                               struct cw_fault *f);
struct cw_hsm_sensitive {
        const char *const *dgis; /* "8000", "9000", "8010", "9010" */
        const bool *padded;
        size_t count; /* 1..CW_HSM_DGIS_MAX */
        /* NULL: the first of the words */
        const char *keys;      /* "tdes2", "aes128", "aes192", "aes256": what the issuer's keys must be */
        const char *kcv;       /* "gp", "zeros", "cmac": of 9000, under AES keys */
        const char *pin_block; /* "format-2", "format-1", "control-0": of 8010 */
        const char *pin_fill;  /* "80", "random": behind it, where the DEK has blocks of 16 */
};
/*
 * perso.sensitive: their values as packed items in the same order; 8000 and 8010 are enciphered under the DEK
 * of the channel, padded 80 00.. when its block is longer, or when its flag in padded says so in any case.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_perso_sensitive(struct cw_hsm_session *s,
                                                    const struct cw_hsm_sensitive *q,
                                                    struct cw_secret **ret_items, struct cw_fault *f);
/* Check values of the issuer's keys whose card keys perso.sensitive gave (imk-ac, imk-smi, imk-smc), to be
 * noted with the card; "" before. Borrowed. */
const char *cw_hsm_session_issuer_keys(const struct cw_hsm_session *s);
struct cw_hsm_icc_request {
        const char *use; /* "dda" or "pin" */
        unsigned bits;   /* 512 to 1984, a multiple of 8, not more than the issuer's key has */
        unsigned exponent;
        const void *data; /* dda: static data to be authenticated, with the AIP; pin: NULL */
        size_t len;
        bool keep;          /* no new key: certifies the one made before, e.g. over contactless data */
        const char *expiry; /* YYMM, only in a bench session; else NULL */
};
/*
 * perso.icc_key: makes a key pair for the chip and certifies it; needs no card, may take a second.
 * *ret_certificate: packed items certificate, remainder (may be empty), exponent: tags 9F46 9F48 9F47, for
 * PINs 9F2D 9F2F 9F2E. *ret_issuer: packed items CA index, certificate, remainder, exponent: tags 8F 90 92
 * 9F32. OPERATOR/HSM_PRODUCT when the product has no issuer key, REJECT/HSM_RSA for a size that cannot be.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_icc_key(struct cw_hsm_session *s, const struct cw_hsm_icc_request *q,
                                            struct cw_secret **ret_certificate, struct cw_secret **ret_issuer,
                                            struct cw_fault *f);
/*
 * perso.icc_parts, after gp.authenticate: the private parts of that key as packed items enciphered under the
 * DEK. crt: five items for DGIs 8201 to 8205 (PIN key: 8301 to 8305); else two for 8101 and 8103 (8102 and
 * 8104). padded: 80 00.. is added before enciphering even to whole blocks.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_icc_parts(struct cw_hsm_session *s, const char *use, bool crt,
                                              bool padded, struct cw_secret **ret_items, struct cw_fault *f);
/* perso.ssad: signed static application data (tag 93) for a data authentication code; *ret_issuer as above.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_ssad(struct cw_hsm_session *s, const uint8_t dac[2], const void *data,
                                         size_t len, struct cw_secret **ret_ssad,
                                         struct cw_secret **ret_issuer, struct cw_fault *f);
struct cw_hsm_put_key {
        uint8_t kvn;       /* of the new keys, 01..7F */
        uint8_t replaces;  /* version that goes, 0 = none */
        bool aes;          /* else DES */
        bool version_only; /* a card that confirms the version without check values is believed */
};
#define CW_HSM_PUT_KEY_KCV 19 /* three check values in hex */
/*
 * gp.put_key: the wrapped PUT KEY command with this card's own keys of the product's new masters, diversified
 * and under the DEK; once a session. The try is in hsmd's ledger when this returns and stays there until
 * gp.put_key_answer saw the card confirm: REJECT with code HSM_QUARANTINE when an earlier one is open. Free
 * *ret_apdu.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_put_key(struct cw_hsm_session *s, const struct cw_hsm_put_key *q,
                                            struct cw_secret **ret_apdu, struct cw_fault *f);
/*
 * gp.put_key_answer: the R-APDU (data and SW) of that command, in place of gp.unwrap. *ret_accepted: the card
 * confirmed the keys, whose check values are ret_kcv; false: it did not, and only SW 67xx to 6Exx and 94xx
 * say that it has none of them (the try then leaves the ledger). REJECT/CW_E_MISMATCH when it confirms other
 * keys or the R-MAC is wrong.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_put_key_answer(struct cw_hsm_session *s, const struct cw_hsm_put_key *q,
                                                   const void *rapdu, size_t len, bool *ret_accepted,
                                                   char ret_kcv[CW_HSM_PUT_KEY_KCV], struct cw_fault *f);
/*
 * gp.wrap: items = packed plain C-APDUs in the order they go to the card (a whole STORE DATA sequence at once
 * is best: CLA INS P1 P2 [Lc data] [Le], short form, at most 239 data bytes with C-ENC, else 247); *ret_items
 * = packed wrapped C-APDUs. At most 256 items and 64 KiB a call.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_gp_wrap(struct cw_hsm_session *s, const void *items, size_t len,
                                            struct cw_secret **ret_items, struct cw_fault *f);
/*
 * gp.unwrap: the R-APDU (data and SW, len >= 2) of the next wrapped command, in order. *ret_data = clear
 * response data without SW. Without R-MAC in the security level the data comes back as it is and the call may
 * be left out. REJECT/CW_E_MISMATCH on a wrong R-MAC: the channel is dead.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_gp_unwrap(struct cw_hsm_session *s, const void *rapdu, size_t len,
                                              struct cw_secret **ret_data, struct cw_fault *f);

struct cw_hsm_arqc {
        bool genuine;
        uint8_t arpc[8];
        size_t arpc_len; /* 4: method 2, 8: method 1. 0 when not genuine */
        uint8_t csu[4];  /* method 2: card status update that the ARPC covers */
        uint8_t arc[2];  /* method 1: authorisation response code that the ARPC covers */
};
struct cw_hsm_arqc_request {
        uint16_t atc;
        uint8_t arqc[8], un[4]; /* un: terminal's number (9F37), for M/Chip version 16 */
        const char *psn;        /* 2 digits */
        const void *data;       /* what the cryptogram covers, unpadded */
        size_t len;
};
/* emv.arqc with all members; the method of issuer authentication is that of the product's cryptogram version.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_emv_cryptogram(struct cw_hsm_session *s,
                                                   const struct cw_hsm_arqc_request *q,
                                                   struct cw_hsm_arqc *ret, struct cw_fault *f);
/*
 * emv.script, after a cryptogram was right: "pin-change" (kiosk: the chosen PIN, when the product has
 * chip_pin_script), "pin-unblock", "application-unblock", "application-block", "card-block". *ret_apdu: the
 * complete command with its MAC, for the script of the response.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_emv_script(struct cw_hsm_session *s, const char *command,
                                               struct cw_secret **ret_apdu, struct cw_fault *f);
/*
 * emv.arqc: verifies the ARQC over data (terminal and card data as the card's CVN defines, unpadded) under
 * the common session key. A wrong one is no error: genuine is false. psn is 2 digits.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_emv_arqc(struct cw_hsm_session *s, uint16_t atc, const uint8_t arqc[8],
                                             const char *psn, const void *data, size_t len,
                                             struct cw_hsm_arqc *ret, struct cw_fault *f);

/* kiosk.pan: tells hsmd the PAN (digits) read from the chip; once. ret_pan_hash and ret_masked are
 * NUL-terminated. */
CW_WARN_UNUSED cw_rc cw_hsm_session_kiosk_pan(struct cw_hsm_session *s, const struct cw_secret *pan,
                                              const char *expiry, const char *psn,
                                              char ret_pan_hash[CW_HSM_PAN_HASH_HEX],
                                              char ret_masked[CW_HSM_MASKED_PAN], struct cw_fault *f);
/*
 * pin.first / pin.second: a PIN block as the PIN pad sent it: 8 bytes (TDES) or 16 (AES). ksn_hex is 10..20
 * hex digits (leading Fs may be left out), of an AES pad 24. Both may answer REJECT with PIN_WEAK,
 * PIN_LENGTH, PIN_BLOCK (a failed attempt; begin again with pin_first), PIN_ATTEMPTS (no attempt left),
 * HSM_KSN_REPLAY. pin_second: *ret_equal, and the pairs of entries still allowed.
 */
CW_WARN_UNUSED cw_rc cw_hsm_session_pin_first(struct cw_hsm_session *s, const char *ksn_hex,
                                              const uint8_t *block, size_t len, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_hsm_session_pin_second(struct cw_hsm_session *s, const char *ksn_hex,
                                               const uint8_t *block, size_t len, bool *ret_equal,
                                               unsigned *ret_attempts_left, struct cw_fault *f);

/* ---- cardwrightd's half: requests for cw_peer_call (NULL when out of memory, which cw_peer_call accepts)
 * ---------- */

struct cw_hsm_issue {
        const char *job, *kit, *plastic_code;
        const char *expiry;                /* YYMM */
        const char *name;                  /* as it is printed, UTF-8, at most 64 bytes */
        const char *encrypted_card_number; /* text as the server sent it */
};
struct cw_msg *cw_hsm_msg_hello(uint32_t generation);
struct cw_msg *cw_hsm_msg_open_issue(const struct cw_hsm_issue *issue);
struct cw_msg *cw_hsm_msg_open_kiosk(const char *ticket);
/* For admin.sock. profile: file name, chooses the product whose issuer keys are used. */
struct cw_hsm_bench {
        const char *job, *key_label, *diversify, *profile;
        const char *delete_aid,
            *reader; /* DELETE of this name, which is recorded with the reader; NULL: none */
        const char *new_key_label, *new_diversify; /* of what PUT KEY writes; NULL: the product's */
        const char *product;                       /* plastic code, "" = the one with this profile */
        bool any_product;                          /* and if there is none, whichever can serve */
        int scp;                                   /* 0, 2, 3 */
};
struct cw_msg *cw_hsm_msg_open_bench(const struct cw_hsm_bench *bench);
struct cw_hsm_service {
        const char *job, *plastic_code;
        const char *expiry;                /* YYMM */
        const char *birth_date;            /* YYYYMMDD, NULL when not known */
        const char *issuer_keys;           /* as noted when the card was made, NULL when not known */
        const char *encrypted_card_number; /* text as the server sent it */
};
/* PINs and values of one card for an issuer's host; the reply is read with cw_hsm_reply_opened. */
struct cw_msg *cw_hsm_msg_open_service(const struct cw_hsm_service *service);
struct cw_msg *cw_hsm_msg_close(int64_t session);
struct cw_hsm_kiosk_kit {
        const char *kit, *plastic_code;
        const char *expiry;      /* YYMM */
        const char *birth_date;  /* YYYYMMDD for a product whose weak_pins say birth-date, else "" */
        const char *issuer_keys; /* as noted when the card was made, "" when it was not */
        const char *encrypted_card_number; /* text as the server sent it */
};
struct cw_msg *cw_hsm_msg_kiosk_bind(int64_t session, const struct cw_hsm_kiosk_kit *kit);
struct cw_msg *cw_hsm_msg_kiosk_seal_pan(int64_t session);
/* form: "" = the set-PIN v2 form that the configuration chooses, else a name of the first version. */
struct cw_msg *cw_hsm_msg_pin_form(int64_t session, const char *form);

struct cw_hsm_opened {
        int64_t session;
        int fd;                             /* taken out of the reply; the caller owns it */
        char pan_hash[CW_HSM_PAN_HASH_HEX]; /* "" for a kiosk session */
        char masked_pan[CW_HSM_MASKED_PAN]; /* "" for a kiosk session */
};
/* Reads the reply to open_issue or open_kiosk; RECONNECT/CW_E_SYNTAX when it is not one. */
CW_WARN_UNUSED cw_rc cw_hsm_reply_opened(struct cw_msg *reply, struct cw_hsm_opened *ret, struct cw_fault *f);
/* Takes the text of kiosk_seal_pan or pin_form out of the reply: ASCII, length in len, no NUL. */
CW_WARN_UNUSED cw_rc cw_hsm_reply_text(struct cw_msg *reply, struct cw_secret **ret, struct cw_fault *f);
