/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chip: a GlobalPlatform card manager with SCP02 and SCP03 and one EMV debit application. One C-APDU in,
 * one R-APDU out; state without power in struct emuc_nvm, the rest is lost at reset. Written from
 * GlobalPlatform Card 2.3.1 (with Amendment D), EMV CPS 1.1 and EMV Book 3; what a command may be is said in
 * README.md beside this file.
 */
#pragma once

#include "emv_crypto.h"
#include "keys.h"
#include "nvm.h"

#include <stdarg.h>

#define EMUC_RSP_MAX 512U
#define EMUC_STREAM_MAX 66000U

#define EMUC_SHY_EMPTY_SELECT 0x01U /* SELECT without a name is refused */
#define EMUC_SHY_CPLC 0x02U         /* no 9F7F */
#define EMUC_SHY_DATA 0x04U         /* no 0066, 00E0 */
#define EMUC_SHY_KDD 0x08U          /* key diversification data are zeros */
#define EMUC_SHY_FCI 0x10U          /* the issuer domain does not tell its name */

/* Cryptogram versions: session keys, issuer authentication, secure messaging of scripts. */
enum emuc_cvn { EMUC_CVN18, EMUC_CVN10, EMUC_CVN22, EMUC_MCHIP16, EMUC_MCHIP20, EMUC_CCD };

struct emuc_config {
        unsigned default_scp; /* 2 or 3: what KVN 00 means */
        uint8_t i02;          /* 15, 35, 55 or 75 */
        uint8_t i03;          /* 00, 10, 20, 60 or 70, with bit 1 for S16 */
        unsigned shy;         /* EMUC_SHY_*: what this make of card does not do */
        bool old_isd;         /* the issuer domain is A000000003000000 */
        unsigned key_tries;
        bool t0;
        bool own_class; /* T=0: GET RESPONSE in the class of its command, without secure messaging, or 6E00 */
        bool extended;  /* T=1: extended Lc and Le, and more keys to tell of than fit a short answer */
        uint8_t aid[16]; /* of the application, when aid_len is not 0 */
        size_t aid_len;
        bool directories; /* PSE and PPSE are on the card too */
        bool contactless; /* the reader reaches it through its antenna */
        bool format1;     /* GPO and GENERATE AC answer template 80 instead of 77 */
        enum emuc_cvn cvn;
        unsigned arpc; /* method 1 or 2; 0 = that of the version */
};

/* One command after parsing; data is clear once the secure channel took it apart. */
struct emuc_cmd {
        uint8_t cla, ins, p1, p2;
        const uint8_t *data;
        size_t lc;
        bool has_le;
        size_t le; /* 1..256, extended 1..65536 */
        bool extended;
        bool secured;
};

struct emuc_rsp {
        uint8_t data[EMUC_RSP_MAX];
        size_t len;
};

enum emuc_selected { EMUC_SEL_ISD, EMUC_SEL_APP, EMUC_SEL_PSE, EMUC_SEL_PPSE };
enum emuc_scp_state { EMUC_SCP_CLOSED, EMUC_SCP_STARTED, EMUC_SCP_OPEN };

struct emuc_scp {
        enum emuc_scp_state state;
        unsigned version; /* 2 or 3 */
        uint8_t level;
        struct emuc_aes_key enc, mac, rmac, dek;
        size_t mode; /* bytes of challenges, cryptograms and MACs: 8, or 16 in S16 */
        uint8_t host_cryptogram[16];
        uint8_t chain[16];
        uint8_t rchain[8];        /* SCP02: last R-MAC */
        uint8_t command[5 + 256]; /* SCP02: what the next R-MAC covers of the command */
        size_t command_len;
        uint32_t counter;
};

/* A running personalisation. */
struct emuc_perso {
        bool open;
        unsigned dir; /* 0 the application, 1 PSE, 2 PPSE */
        uint8_t next_block;
        uint8_t stream[EMUC_STREAM_MAX];
        size_t stream_len;
        bool stream_encrypted;
};

enum emuc_tx_state { EMUC_TX_NONE, EMUC_TX_STARTED, EMUC_TX_ARQC, EMUC_TX_DONE };

/* One EMV transaction. */
struct emuc_tx {
        enum emuc_tx_state state;
        struct emuc_card_key sk_ac;
        uint8_t arqc[8];
        bool has_arqc;
        bool issuer_auth_done;
        bool issuer_auth_ok;
        uint8_t pdol[256], cdol1[256]; /* as the terminal sent them: CDA covers both */
        size_t pdol_len, cdol1_len;
        bool pin_done;
        bool pin_failed;
        bool script_dead;
        unsigned scripts;  /* accepted in this transaction */
        uint8_t chain[16]; /* CCD: whole MAC of the last one */
};

/* Tells the test what the terminal did wrong; text never holds data. */
typedef void (*emuc_violation_fn)(void *ctx, const char *text);

/* A key set on the card; gone once another replaced it. */
#define EMUC_SLOTS_MAX (2U + EMUC_PUTS_MAX)
struct emuc_keyslot {
        bool there;
        unsigned version; /* 2 or 3: the protocol its keys are for */
        struct emuc_keyset set;
};

struct emuc_chip {
        const struct emuc_config *cfg;
        struct emuc_keyslot slots[EMUC_SLOTS_MAX]; /* 0 and 1 are the makers' for SCP02 and SCP03 */
        size_t slot_count;
        uint8_t status_p1; /* GET STATUS: of what the next occurrence may be asked, and which it is */
        size_t status_next;
        const struct emuc_keyset *active; /* of the channel under way */
        struct emuc_nvm *nvm;
        emuc_violation_fn violation;
        void *violation_ctx;
        enum emuc_selected selected;
        struct emuc_scp scp;
        struct emuc_perso perso;
        struct emuc_tx tx;
        uint8_t pending[EMUC_RSP_MAX]; /* T=0: what GET RESPONSE will fetch */
        size_t pending_len;
        uint8_t pending_cla; /* of the command that left it */
};

extern const uint8_t emuc_isd_aid[8], emuc_old_isd_aid[8];
const uint8_t *emuc_isd(const struct emuc_chip *c);
/* The application's own name: --aid, or the test name. */
const uint8_t *emuc_app_aid(const struct emuc_chip *c);
size_t emuc_app_aid_len(const struct emuc_chip *c);

/* Borrows cfg, takes nvm. False without memory or when no key set can be derived. */
bool emuc_chip_new(const struct emuc_config *cfg, const struct emuc_keys *keys, struct emuc_nvm *nvm,
                   emuc_violation_fn violation, void *ctx, struct emuc_chip **ret);
void emuc_chip_free(struct emuc_chip *c);
/* Power on or warm reset: session and selection are gone. */
void emuc_chip_reset(struct emuc_chip *c);
/* The answer to reset; returns its length (at most 33). */
size_t emuc_chip_atr(const struct emuc_chip *c, uint8_t ret[33]);
/* rsp needs EMUC_RSP_MAX + 2 bytes; returns the length, 2 or more. */
size_t emuc_chip_apdu(struct emuc_chip *c, const uint8_t *cmd, size_t len, uint8_t *rsp);

/* Between the files of the chip. All return a status word; 9000 = well. */
void emuc_violate(struct emuc_chip *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint16_t emuc_save(struct emuc_chip *c, uint16_t sw);
bool emuc_reply(struct emuc_rsp *r, const void *p, size_t len);

uint16_t emuc_gp_command(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);
uint16_t emuc_gp_select(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);
uint16_t emuc_gp_get_data(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);
/* PUT KEY with a whole key set; DELETE of the application. */
uint16_t emuc_gp_put_key(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);
uint16_t emuc_gp_delete(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);
/* The first key set of the protocol, or the one of the version; NULL when there is none. */
const struct emuc_keyslot *emuc_slot_for(const struct emuc_chip *c, unsigned version);
const struct emuc_keyslot *emuc_slot_named(const struct emuc_chip *c, uint8_t kvn);
/* Puts what PUT KEY wrote in the place of what it replaced, or beside. */
void emuc_slots_apply(struct emuc_chip *c, const struct emuc_put *put);
uint16_t emuc_gp_status(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);

uint16_t emuc_perso_install(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);
uint16_t emuc_perso_store(struct emuc_chip *c, const struct emuc_cmd *cmd);
void emuc_perso_close(struct emuc_chip *c);
/* Checks and keeps one clear DGI. */
uint16_t emuc_dgi_store(struct emuc_chip *c, uint16_t id, const uint8_t *value, size_t len,
                        bool was_encrypted);
/* PSE and PPSE: which of them a name is (0 = none), their groupings, SELECT and READ RECORD. */
#define EMUC_DIR_ID(dir, id) ((uint32_t)(dir) << 16 | (id))
unsigned emuc_dir_named(const struct emuc_chip *c, const uint8_t *name, size_t len);
const uint8_t *emuc_dir_aid(unsigned dir, size_t *ret_len);
uint16_t emuc_dir_store(struct emuc_chip *c, uint16_t id, const uint8_t *value, size_t len,
                        bool was_encrypted);
uint16_t emuc_dir_complete(struct emuc_chip *c);
bool emuc_dir_select(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r, uint16_t *ret_sw);
uint16_t emuc_dir_read(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);
/* Whether three check values are those of three keys, one behind the other: zeros under TDES, 01.. under AES.
 */
bool emuc_kcvs_agree(bool aes, const uint8_t *keys, size_t len, const uint8_t *kcvs);
/* Everything a debit application needs is there and consistent; else 6A86 and a violation that names what is
 * not. */
uint16_t emuc_dgi_complete(struct emuc_chip *c);

uint16_t emuc_emv_command(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);
uint16_t emuc_emv_ac(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);
uint16_t emuc_emv_internal_auth(struct emuc_chip *c, const struct emuc_cmd *cmd, struct emuc_rsp *r);
uint16_t emuc_emv_external_auth(struct emuc_chip *c, const struct emuc_cmd *cmd);
uint16_t emuc_emv_verify(struct emuc_chip *c, const struct emuc_cmd *cmd);
/* A format 2 PIN block. */
bool emuc_pin_well_formed(const uint8_t *v, size_t len);
/* CCD when the card's issuer data say so, else what the emulator was told. */
enum emuc_cvn emuc_version(const struct emuc_chip *c);
uint16_t emuc_emv_script(struct emuc_chip *c, const struct emuc_cmd *cmd);
