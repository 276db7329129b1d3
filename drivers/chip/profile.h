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
};

struct cw_profile_dgi {
        uint16_t id;
        uint8_t p1;     /* of its STORE DATA, without the last-block bit */
        bool encrypted; /* under the DEK of the secure channel */
        bool padded;    /* 80 00.. is always added before that (CPS: RSA components) */
        bool from_hsm;  /* hsmd makes the value, enciphered where p1 says so */
        bool from_data; /* the card's data set brings the value */
        bool tolerated; /* SW 6A88 for it means go on (CPS VERCNTL) */
        bool joined;    /* travels in one STORE DATA with the DGI before it (CPS GROUP) */
        enum cw_dgi_role role;
        const json_t *node; /* its template, borrowed from root */
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

/* What the product asks of the secure channel. */
struct cw_profile_channel {
        uint8_t level;        /* EXTERNAL AUTHENTICATE P1 (CPS SECLEV), 0 = the best the card can do */
        uint8_t kvn;          /* 0 = the card decides */
        uint8_t scp;          /* 2, 3, 0 = the card decides */
        bool count_data_only; /* SCP03: C-ENC counts commands with data only */
        bool any_challenge;   /* SCP03: the pseudo-random challenge is not verified */
};

struct cw_profile {
        json_t *root;
        char name[CW_PROFILE_NAME_MAX];
        enum cw_profile_flow flow;
        struct cw_aid aid;             /* of the application */
        struct cw_aid security_domain; /* empty = what the card selects by default */
        bool has_install;
        struct cw_gp_install install;
        struct cw_profile_channel channel;
        bool prepared; /* groupings of the data set that no rule names are sent too, as clear ones */
        uint8_t p1_clear, p1_last;
        size_t chunk;
        size_t dgi_count;
        struct cw_profile_dgi dgi[CW_DGI_MAX];
        /* how a terminal talks to the finished card */
        size_t data_count;
        struct cw_profile_value data[CW_PROFILE_DATA_MAX];
        size_t cover_count;
        struct cw_profile_cover cover[CW_PROFILE_TAGS_MAX]; /* what the ARQC covers, in order */
        uint8_t second_ac;                                  /* P1 of the second GENERATE AC: 40 TC, 00 AAC */
};

/*
 * Reads, checks and compiles a profile. Every finding goes to errors (may be NULL) as "path: place: what is
 * wrong; what to do"; REJECT when there was any.
 */
CW_WARN_UNUSED cw_rc cw_profile_load(const char *path, FILE *errors, struct cw_profile **ret,
                                     struct cw_fault *f);
/* The same from memory; name stands for the path. */
CW_WARN_UNUSED cw_rc cw_profile_parse(const char *name, const char *text, size_t len, FILE *errors,
                                      struct cw_profile **ret, struct cw_fault *f);
void cw_profile_free(struct cw_profile *p);
CW_DEFINE_CLEANUP(struct cw_profile *, cw_profile_free);

/* Findings while a profile is read. */
struct cw_profile_findings {
        FILE *out; /* may be NULL */
        const char *path;
        size_t count;
        char first[160];
};
void cw_profile_finding(struct cw_profile_findings *fs, const char *place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * The linter: prepares the data of a made-up card and judges it as EMV and CPS ask (records and AFL, lengths,
 * required elements, CDOLs, CVM list against PIN groupings). Part of cw_profile_load. Adds to fs.
 */
void cw_profile_check(const struct cw_profile *p, struct cw_profile_findings *fs);
