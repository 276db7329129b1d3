/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A product profile: which data groupings a chip gets, in which order and with which P1, and how a terminal
 * checks the result. One JSON file per product (config/profiles/README.md has the language). Everything that
 * belongs to a scheme or a card maker is here, nothing of it in C. A profile holds no card data and no key.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "drivers/chip/dgi.h"
#include "drivers/chip/gp.h"
#include "drivers/chip/instructions.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CW_PROFILE_FILE_MAX (256u * 1024u)
#define CW_PROFILE_NAME_MAX 64
#define CW_PROFILE_TAGS_MAX 32
#define CW_PROFILE_DATA_MAX 48
#define CW_PROFILE_DEPTH_MAX 6

enum cw_profile_flow {
        CW_FLOW_SECURITY_DOMAIN, /* INSTALL [for personalization], STORE DATA to the domain, which forwards
                                    (GP 2.2) */
        CW_FLOW_APPLICATION,     /* the application is selected and forwards to its domain (EMV CPS)     */
};

enum cw_dgi_role {
        CW_DGI_OTHER,
        CW_DGI_RECORD, /* 01nn..1Enn: record nn of the SFI in the high byte (CPS) */
        CW_DGI_FCI,    /* what SELECT answers in template A5 */
        CW_DGI_GPO,    /* AIP and AFL as GET PROCESSING OPTIONS answers them */
        CW_DGI_CL_FCI, /* the same two over the contactless interface */
        CW_DGI_CL_GPO,
};

/* Values that exist once hsmd certified the chip's keys; the names of their placeholders are in template.c.
 */
enum cw_cert_value {
        CW_CERT_CA_INDEX,
        CW_CERT_ISSUER,
        CW_CERT_ISSUER_REMAINDER,
        CW_CERT_ISSUER_EXPONENT,
        CW_CERT_SSAD,
        CW_CERT_ICC,
        CW_CERT_ICC_REMAINDER,
        CW_CERT_ICC_EXPONENT,
        CW_CERT_PIN,
        CW_CERT_PIN_REMAINDER,
        CW_CERT_PIN_EXPONENT,
        CW_CERT_CL_SSAD, /* the same two over the contactless path's static data */
        CW_CERT_CL_ICC,
        CW_CERT_COUNT
};
#define CW_CERT_BIT(v) (1u << (v))

/* A number of a private key, as DGIs 8201 to 8205 (8301..), 8101 and 8103 (8102..) carry them (CPS annex A).
 */
enum cw_rsa_part {
        CW_PART_NONE,
        CW_PART_Q_INV, /* these five in hsmd's order */
        CW_PART_DQ,
        CW_PART_DP,
        CW_PART_Q,
        CW_PART_P,
        CW_PART_D, /* and these two */
        CW_PART_N,
};

/* Offline data authentication: keys that hsmd makes for the chip. bits 0 = none. */
struct cw_profile_rsa {
        unsigned bits, exponent;
};
struct cw_profile_auth {
        struct cw_profile_rsa icc, pin;
        uint8_t dac[2];                /* of signed static data */
        unsigned issuer_bits, ca_bits; /* sizes the linter reckons with */
};

/* Public key of a scheme's CA, for the terminal. */
#define CW_CA_KEYS_MAX 8
#define CW_CA_KEY_BYTES 248
struct cw_ca_key {
        uint8_t index;
        size_t n_len, e_len;
        uint8_t n[CW_CA_KEY_BYTES], e[3];
};

struct cw_profile_dgi {
        uint16_t id;
        uint8_t app;    /* 0 = the payment application, else 1 + index in more */
        uint8_t p1;     /* of its STORE DATA, without the last-block bit */
        bool encrypted; /* under the DEK of the secure channel */
        bool padded;    /* 80 00.. is always added before that (CPS: RSA components) */
        bool from_hsm;  /* hsmd makes the value, enciphered where p1 says so */
        bool from_data; /* the card's data set brings the value */
        bool tolerated; /* SW 6A88 for it means go on (CPS VERCNTL) */
        bool joined;    /* travels in one STORE DATA with the DGI before it (CPS GROUP) */
        bool group;     /* joined by an instruction */
        enum cw_dgi_role role;
        uint32_t certs;        /* CW_CERT_BIT of what its template takes from hsmd's certificates */
        enum cw_rsa_part part; /* the value is this number of a private key, made by hsmd */
        bool pin_part;         /* of the PIN encipherment key */
        const json_t *node;    /* its template, borrowed from root */
};

/* How hsmd makes 8000, 9000 and 8010: its words (hsm_client.h), NULL without such a grouping. */
struct cw_profile_made {
        const char *keys, *kcv, *pin_block, *pin_fill;
};

struct cw_profile_value {
        uint32_t tag;
        uint8_t bytes[64];
        size_t len;
};

/* Part of a data element that the cryptogram covers; len 0 = from offset to the end. */
struct cw_profile_cover {
        uint32_t tag;
        size_t offset, len;
};

/* Another application of the same card, personalised before the payment application: PSE, PPSE. */
#define CW_PROFILE_APPS_MAX 4
struct cw_profile_app {
        struct cw_aid aid;
        bool has_install;
        struct cw_gp_install install;
        bool over_contacts; /* of a PPSE: must answer there too */
};

/* What the product asks of the secure channel. */
struct cw_profile_channel {
        uint8_t level;        /* EXTERNAL AUTHENTICATE P1 (CPS SECLEV), 0 = the best the card can do */
        uint8_t kvn;          /* 0 = the card decides */
        uint8_t scp;          /* 2, 3, 0 = the card decides */
        bool count_data_only; /* SCP03: C-ENC counts commands with data only */
        bool any_challenge;   /* SCP03: the pseudo-random challenge is not verified */
};

/* A step behind the data, under the same channel (GP 11.8, 11.10). */
#define CW_PROFILE_AFTER_MAX 8
struct cw_profile_after {
        enum { CW_AFTER_PUT_KEY, CW_AFTER_SET_STATUS } what;
        uint8_t kvn, old_kvn; /* put: new version; replaced one, 0 = that of the channel */
        bool add;             /* beside the present keys */
        bool aes;             /* else DES3 */
        bool version_only;    /* the card confirms the version alone */
        uint8_t of, state;    /* set: CW_STATUS_..., P2 */
        struct cw_aid aid;
};

struct cw_profile {
        json_t *root;
        char name[CW_PROFILE_NAME_MAX];
        enum cw_profile_flow flow;
        struct cw_aid aid;             /* of the application */
        struct cw_aid security_domain; /* empty = what the card selects by default */
        bool has_install;
        struct cw_gp_install install;
        struct cw_profile_app more[CW_PROFILE_APPS_MAX];
        size_t more_count;
        bool has_contactless; /* groupings with contactless roles */
        struct cw_aid
            contactless_aid; /* what a contactless terminal selects; aid unless the profile says so */
        struct cw_profile_channel channel;
        struct cw_profile_auth auth;
        struct cw_profile_made made;
        bool change_reference_data; /* the chip takes a PIN by that command (ISO 7816-4), not by script alone
                                     */
        bool own_class; /* the chip wants GET RESPONSE in the class of the command it belongs to */
        bool prepared;  /* groupings of the data set that no rule names are sent too, as clear ones */
        size_t after_count;
        struct cw_profile_after after[CW_PROFILE_AFTER_MAX];
        struct cw_instructions told;
        uint8_t p1_clear, p1_encrypted, p1_last;
        size_t chunk;
        size_t dgi_count;
        struct cw_profile_dgi dgi[CW_DGI_MAX];
        /* how a terminal talks to the finished card */
        size_t data_count;
        struct cw_profile_value data[CW_PROFILE_DATA_MAX];
        size_t contactless_count; /* of data, from its end: only over the contactless interface */
        size_t cover_count;
        struct cw_profile_cover cover[CW_PROFILE_TAGS_MAX]; /* what the ARQC covers, in order */
        size_t ca_count;
        struct cw_ca_key ca[CW_CA_KEYS_MAX];
        uint8_t second_ac; /* P1 of the second GENERATE AC: 40 TC, 00 AAC */
};

/*
 * Reads, checks and compiles the len bytes of a profile; name is what findings call it. Every finding goes to
 * errors (may be NULL) as "name:line: place: what is wrong; what to do"; REJECT when there was any. Files are
 * read by cw_profile_load_trusted (profile_sign.h).
 */
CW_WARN_UNUSED cw_rc cw_profile_parse(const char *name, const char *text, size_t len, FILE *errors,
                                      struct cw_profile **ret, struct cw_fault *f);
void cw_profile_free(struct cw_profile *p);
CW_DEFINE_CLEANUP(struct cw_profile *, cw_profile_free);

/* The chip is spoken to as its profile says, from here on. */
static inline void cw_profile_speak(const struct cw_profile *p, struct cw_card_channel *c) {
        c->own_class = p->own_class;
}

/* Whether it replaces card keys: the product must name the masters. */
bool cw_profile_puts_keys(const struct cw_profile *p);

/* Whether the card's own master keys (DGI 8000) are AES. */
bool cw_profile_made_aes(const struct cw_profile *p);

/* The line where a place like "dgis[3].of[0]" begins, or as much of it as is there. */
unsigned cw_profile_line(const char *text, size_t len, const char *place);
/* Findings while a profile is read. */
struct cw_profile_findings {
        FILE *out; /* may be NULL */
        const char *path;
        const char *text; /* of the file */
        size_t len;
        size_t count;
        char first[160];
};
void cw_profile_finding(struct cw_profile_findings *fs, const char *place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * The linter: prepares the data of a made-up card and judges it as EMV and CPS ask (records and AFL, lengths,
 * required elements, CDOLs, CVM list against PIN groupings). Part of cw_profile_parse. Adds to fs.
 */
void cw_profile_check(const struct cw_profile *p, struct cw_profile_findings *fs);
struct cw_elements;
struct cw_perso_data;
/* Its part about PSE and PPSE: their entries name what this profile puts on the card. */
void cw_profile_check_directories(const struct cw_profile *p, const struct cw_perso_data *d,
                                  struct cw_profile_findings *fs);
/* Its part about offline data authentication: elements of all records and of the answer to GPO. */
void cw_profile_check_auth(const struct cw_profile *p, const struct cw_elements *elements,
                           struct cw_profile_findings *fs);
