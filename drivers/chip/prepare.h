/* SPDX-License-Identifier: Apache-2.0 */
/* EMV data preparation: a profile and one card's values become data groupings, in secret memory. */
#pragma once

#include "base/secret.h"
#include "drivers/chip/profile.h"

/* Borrowed. Digits and characters as hsmd gives them. */
struct cw_card_values {
        const char *expiry;          /* YYMM */
        const char *service_code;    /* 3 digits */
        const char *psn;             /* 2 digits */
        const char *name;            /* tag 5F20 form, SURNAME/GIVEN, 2 to 26 characters */
        struct cw_span pan;          /* digits */
        struct cw_span track2;       /* value of tag 57 */
        const struct cw_span *certs; /* CW_CERT_COUNT values, NULL = none yet: they are taken as empty */
};

/* A grouping that comes with the card's data. */
struct cw_given_dgi {
        uint16_t id;
        struct cw_span value; /* borrowed, clear */
};
struct cw_given {
        const struct cw_given_dgi *dgi;
        size_t count;
        const struct cw_instructions *told; /* after those of the profile; NULL = none */
};

struct cw_perso_dgi {
        const struct cw_profile_dgi *rule;
        struct cw_span value; /* empty until cw_perso_data_fill for the ones hsmd makes */
        bool given;           /* clear, to be enciphered by hsmd where the rule says so */
        bool draft;           /* its certificates are not there yet */
};
struct cw_perso_data {
        const struct cw_profile *profile; /* borrowed */
        struct cw_secret *arena;
        size_t count;
        struct cw_perso_dgi dgi[CW_DGI_MAX];
        struct cw_profile_dgi own_rule[CW_DGI_MAX]; /* of groupings without one in the profile */
        size_t told_count;
        struct cw_profile_dgi told[CW_DGI_MAX]; /* of groupings that instructions say something about */
};

/*
 * Fills every template, follows the profile's instructions (of a "prepared" profile only when data are given,
 * which they are about). REJECT when a value has the wrong shape, a grouping gets too long, or one is to be
 * enciphered that nobody enciphers. profile is borrowed and must outlive the data.
 */
CW_WARN_UNUSED cw_rc cw_perso_data_prepare(const struct cw_profile *profile,
                                           const struct cw_card_values *values, struct cw_perso_data **ret,
                                           struct cw_fault *f);
/*
 * The same with groupings of the card's data set: one that the profile has too takes the place of its
 * template or of what hsmd would make; one that it has not is REJECT, unless the profile says "prepared", and
 * then comes in the order of the data set before those the profile names. values may be NULL when no template
 * is left.
 */
CW_WARN_UNUSED cw_rc cw_perso_data_prepare_given(const struct cw_profile *profile,
                                                 const struct cw_card_values *values,
                                                 const struct cw_given *given, struct cw_perso_data **ret,
                                                 struct cw_fault *f);
/* CW_CERT_BIT of what the groupings of this card still want of hsmd's certificates. */
uint32_t cw_perso_data_certs(const struct cw_perso_data *d);
/*
 * Static data to be authenticated (EMV Book 3 10.3): the records that the AFL of role gpo marks, then the AIP
 * when a record has tag 9F4A. REJECT when a marked record is missing or holds a certificate over itself.
 */
CW_WARN_UNUSED cw_rc cw_perso_data_static(const struct cw_perso_data *d, enum cw_dgi_role gpo,
                                          struct cw_writer *w, struct cw_fault *f);
/* Puts the certificates (values->certs) into the groupings that wait for them. REJECT as
 * cw_perso_data_prepare, and when a record gets longer than READ RECORD can answer. */
CW_WARN_UNUSED cw_rc cw_perso_data_certify(struct cw_perso_data *d, const struct cw_card_values *values,
                                           struct cw_fault *f);
/* One number of a private key, enciphered by hsmd. */
CW_WARN_UNUSED cw_rc cw_perso_data_set_part(struct cw_perso_data *d, size_t at, struct cw_span value,
                                            struct cw_fault *f);
/* Wipes. */
void cw_perso_data_free(struct cw_perso_data *d);
CW_DEFINE_CLEANUP(struct cw_perso_data *, cw_perso_data_free);

/* Names (4 hex digits) of the groupings hsmd makes, in order, and whether each is always padded; at most cap.
 */
size_t cw_perso_data_sensitive(const struct cw_perso_data *d, char (*ret_names)[5], bool *ret_padded,
                               size_t cap);
/* Takes their values, packed items in the same order. REJECT when their number or size is wrong. */
CW_WARN_UNUSED cw_rc cw_perso_data_fill(struct cw_perso_data *d, struct cw_span items, struct cw_fault *f);
/* Given groupings whose rule says encrypted, as packed items in order, and which of them are always padded;
 * *ret_items NULL when there are none. */
CW_WARN_UNUSED cw_rc cw_perso_data_to_encipher(const struct cw_perso_data *d, struct cw_secret **ret_items,
                                               bool ret_padded[CW_DGI_MAX], size_t *ret_count,
                                               struct cw_fault *f);
/* Takes them back enciphered. */
CW_WARN_UNUSED cw_rc cw_perso_data_enciphered(struct cw_perso_data *d, struct cw_span items,
                                              struct cw_fault *f);
/* First grouping with this role; NULL when there is none. */
const struct cw_perso_dgi *cw_perso_data_role(const struct cw_perso_data *d, enum cw_dgi_role role);
const struct cw_perso_dgi *cw_perso_data_record(const struct cw_perso_data *d, uint8_t sfi, uint8_t record);
/* Plain commands of the whole personalisation after EXTERNAL AUTHENTICATE, as packed items; le: see
 * cw_store_plan; a command has at most chunk_max clear bytes, and no more than the profile says. Bit n of
 * installed: application n (0 the payment application) is there already and gets no INSTALL [for install]. */
CW_WARN_UNUSED cw_rc cw_perso_data_commands(const struct cw_perso_data *d, bool le, size_t chunk_max,
                                            unsigned installed, struct cw_secret **ret_items,
                                            size_t *ret_count, struct cw_fault *f);
