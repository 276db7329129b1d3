/* SPDX-License-Identifier: Apache-2.0 */
/* GlobalPlatform Card Specification 2.3 commands in clear; what is under the secure channel is wrapped by
 * hsmd. */
#pragma once

#include "drivers/reader/card_channel.h"

#define CW_AID_MAX 16u
#define CW_CPLC_LEN 42u
#define CW_CPLC_CHIP_LEN                                                                                     \
        18u /* fabricator to batch: what the chip keeps for life; later fields change at personalisation */
#define CW_CPLC_HEX (2 * CW_CPLC_LEN + 1)

struct cw_aid {
        uint8_t bytes[CW_AID_MAX];
        size_t len;
};
/* 5..16 bytes in hex, or "" for the empty AID when empty_ok; false otherwise. */
bool cw_aid_parse(const char *hex, bool empty_ok, struct cw_aid *ret);

struct cw_command {
        uint8_t bytes[CW_APDU_COMMAND_MAX];
        size_t len;
};
/* SELECT by name, first occurrence (GP 11.9); an empty AID selects the issuer security domain. */
void cw_gp_select(const struct cw_aid *aid, struct cw_command *ret);
/* INITIALIZE UPDATE (GP 2.3 amendment D 7.1.1); a challenge of 8 or 16 bytes. */
void cw_gp_initialize_update(uint8_t kvn, struct cw_span challenge, struct cw_command *ret);
/* INSTALL [for personalization] (GP 11.5). */
void cw_gp_install_personalize(const struct cw_aid *aid, struct cw_command *ret);

struct cw_gp_install {
        struct cw_aid package, class_aid, instance;
        uint8_t privileges[3];
        size_t privileges_len;  /* 1 or 3 */
        uint8_t parameters[64]; /* install parameters field, e.g. C9 00 */
        size_t parameters_len;
};
/* INSTALL [for install and make selectable] (GP 11.5). */
void cw_gp_install_selectable(const struct cw_gp_install *install, struct cw_command *ret);

/* INSTALL [for load] (GP 11.5.2.3.1) of a file into the domain (empty = the current one), without hash and
 * token. */
void cw_gp_install_load(const struct cw_aid *package, const struct cw_aid *domain, struct cw_command *ret);
/* INSTALL [for make selectable]. */
void cw_gp_make_selectable(const struct cw_aid *instance, struct cw_command *ret);
/* One LOAD block of at most 223 bytes (GP 11.6); the data begin with C4 and the length of the whole file. */
void cw_gp_load(uint8_t number, bool last, struct cw_span block, struct cw_command *ret);
/* DELETE an application or file (GP 11.2), with what depends on it. */
void cw_gp_delete(const struct cw_aid *aid, bool related, struct cw_command *ret);
/* SET STATUS (GP 11.10): of 0x80 the domain itself, 0x40 an application or domain, 0x60 and all it holds. */
void cw_gp_set_status(uint8_t of, uint8_t state, const struct cw_aid *aid, struct cw_command *ret);
enum {
        CW_STATUS_DOMAIN = 0x80,
        CW_STATUS_APPLICATION = 0x40,
        CW_STATUS_FILES = 0x20,
        CW_STATUS_MODULES = 0x10
};
enum { CW_CARD_OP_READY = 0x01, CW_CARD_INITIALIZED = 0x07, CW_CARD_SECURED = 0x0f };
/* The specification's word for a life cycle state (GP tables 11-6, 11-4), "" for an application's own. */
const char *cw_gp_card_state(uint8_t state);
const char *cw_gp_application_state(uint8_t state);
/* GET STATUS (GP 11.4): of 0x80, 0x40, 0x20, 0x10; answers as TLV; next after SW 6310. */
void cw_gp_get_status(uint8_t of, bool next, struct cw_command *ret);
/* GET DATA (GP 11.3) of a tag of one or two bytes. */
void cw_gp_get_data(uint16_t tag, struct cw_command *ret);

/* What a status word means, one half sentence for a person. */
const char *cw_gp_sw_text(uint16_t sw);
/* REJECT/CW_E_CHIP_SW with the SW as native: "<what>: <meaning> (SW 6985)". */
cw_rc cw_chip_fail_sw(struct cw_fault *f, const char *op, uint16_t sw, const char *what);

/* Codes of CW_L_CHIP. */
enum {
        CW_E_CHIP_SW = 0x100, /* the card said no, native is its SW     */
        CW_E_CHIP_IDENTITY,   /* another card than the one that was there */
        CW_E_CHIP_CONTENT,    /* what is on the card is not what was to be written */
        CW_E_CHIP_CRYPTOGRAM, /* the application cryptogram is not genuine */
};

/* SELECT and its answer; *ret_fci may be NULL. */
CW_WARN_UNUSED cw_rc cw_gp_do_select(struct cw_card_channel *c, const struct cw_aid *aid, int64_t timeout_ms,
                                     struct cw_rapdu *ret, struct cw_fault *f);
/*
 * Selects the security domain (empty = the card's default, else the known names of issuer domains) and reads
 * its CPLC (GET DATA 9F7F) as upper-case hex; "" when the card has none or does not give it. ret_sd may be
 * NULL.
 */
#define CW_GP_DATA_MAX 255u
struct cw_gp_domain {
        struct cw_aid aid; /* that the card selected, empty when it does not tell */
        size_t max_data;   /* longest data field of a command (9F65, GP 11.9.3), 255 when it does not tell */
};
CW_WARN_UNUSED cw_rc cw_gp_identify(struct cw_card_channel *c, const struct cw_aid *sd, int64_t timeout_ms,
                                    char ret_cplc[CW_CPLC_HEX], struct cw_gp_domain *ret_sd,
                                    struct cw_fault *f);
/* True when both are CPLCs (hex) of one chip; two empty ones are not. */
bool cw_cplc_same_chip(const char *a, const char *b);
