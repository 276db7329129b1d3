/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a chip remembers without power: DIR/chip.json, replaced atomically at each change. It holds the card's
 * data and application keys in clear, as the silicon would: test BINs and test keys only, file mode 0600.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMUC_DGI_MAX 96U
#define EMUC_PATH_MAX 512U

/* GlobalPlatform life cycles. */
enum {
        EMUC_CARD_OP_READY = 0x01,
        EMUC_CARD_INITIALIZED = 0x07,
        EMUC_CARD_SECURED = 0x0f,
        EMUC_CARD_LOCKED = 0x7f,
        EMUC_CARD_TERMINATED = 0xff,
        EMUC_APP_SELECTABLE = 0x07,
        EMUC_APP_PERSONALIZED = 0x0f,
        EMUC_APP_LOCKED_BIT = 0x80,
};

struct emuc_dgi {
        uint32_t id; /* above 10000: of a directory, EMUC_DIR_ID */
        size_t len;
        uint8_t *value;
};

/* Keys that PUT KEY wrote, in the order they came. */
#define EMUC_PUTS_MAX 4U
struct emuc_put {
        uint8_t kvn, replaces, type; /* 80 DES, 88 AES; replaces 0 = added */
        size_t len;
        uint8_t key[3][32];
};

struct emuc_nvm {
        char path[EMUC_PATH_MAX];
        char plastic[128];
        uint8_t cplc[42];
        uint8_t kdd[10];
        uint8_t card_state;
        uint8_t app_state;
        uint32_t ssc02;
        uint32_t ssc03;
        unsigned tries02; /* key tries left; 0 = locked */
        unsigned tries03;
        uint8_t next_challenge[8]; /* a test may fix the next random card challenge */
        size_t next_challenge_len;
        struct emuc_dgi dgis[EMUC_DGI_MAX];
        size_t dgi_count;
        struct emuc_put puts[EMUC_PUTS_MAX];
        size_t put_count;
        bool app_deleted;     /* DELETE took the application off the card */
        unsigned directories; /* 1 PSE, 2 PPSE: personalised */
        uint8_t pin[8];
        bool has_pin;
        uint8_t pin_tries;
        uint8_t pin_limit;
        bool app_blocked;  /* by a script; can be undone */
        bool card_blocked; /* by a script, for ever */
        uint16_t atc;
        uint16_t last_online_atc;
        uint64_t apdus;
        uint64_t extended; /* of them, since it was put in */
        uint64_t arqcs;
        uint64_t auth_failures;
};

/*
 * Reads dir/chip.json, or makes a new chip: card OP_READY, application SELECTABLE, key_tries tries per key
 * set, CPLC and key diversification data derived from the plastic's name (the last part of dir's real path).
 * On failure -1 and a sentence in err.
 */
int emuc_nvm_open(const char *dir, unsigned key_tries, struct emuc_nvm **ret, char *err, size_t err_cap);
int emuc_nvm_save(const struct emuc_nvm *nvm);
void emuc_nvm_free(struct emuc_nvm *nvm);

const struct emuc_dgi *emuc_nvm_dgi(const struct emuc_nvm *nvm, uint32_t id);
/* Copies; replaces an earlier value. False without room. */
bool emuc_nvm_put_dgi(struct emuc_nvm *nvm, uint32_t id, const uint8_t *value, size_t len);
/* Forgets the data of the application (0) or a directory (1 PSE, 2 PPSE); the PIN with the application. */
void emuc_nvm_clear_app(struct emuc_nvm *nvm, unsigned dir);
