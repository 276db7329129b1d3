/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be stored, built once with blanks where hsmd will put something: what cannot be sent is found
 * out while no key has been tried. */
#include "drivers/chip/perso_internal.h"

#include <stdlib.h>
#include <string.h>

#define BLANK_MAX 264u /* a number of 2048 bits and a block of padding */
#define DES_BLOCK 8u
#define AES_BLOCK 16u

static size_t block_of(const struct cw_perso *p) {
        return p->answer.scp == 3 ? AES_BLOCK : DES_BLOCK;
}

/* Bytes under the DEK. */
static size_t sealed(const struct cw_perso *p, size_t len, bool padded) {
        const size_t block = block_of(p);
        return padded ? (len / block + 1) * block : (len + block - 1) / block * block;
}

static size_t keys_len(const struct cw_profile_made *made) {
        static const struct {
                const char *word;
                size_t len;
        } sizes[] = {{"aes192", 24}, {"aes256", 32}};
        for (size_t i = 0; made->keys && i < sizeof sizes / sizeof *sizes; i++)
                if (strcmp(made->keys, sizes[i].word) == 0)
                        return 3 * sizes[i].len;
        return 3 * 16;
}

/* Of what hsmd makes; 0 for a grouping that it does not know, which it refuses. */
static size_t made_len(const struct cw_perso *p, const struct cw_profile_dgi *rule) {
        const struct cw_profile_made *made = &p->plan->data->profile->made;
        switch (rule->id) {
        case 0x8000:
                return sealed(p, keys_len(made), rule->padded);
        case 0x8010: {
                bool random = made->pin_fill && strcmp(made->pin_fill, "random") == 0;
                return sealed(p, random ? block_of(p) : 8, rule->padded);
        }
        case 0x9000:
                return 9;
        case 0x9010:
                return 2;
        default:
                return 0;
        }
}

static size_t part_len(const struct cw_perso *p, const struct cw_profile_dgi *rule) {
        const struct cw_profile *profile = p->plan->data->profile;
        const size_t n = (rule->pin_part ? profile->auth.pin.bits : profile->auth.icc.bits) / 8;
        return sealed(p, rule->part <= CW_PART_P ? (n + 1) / 2 : n, rule->padded);
}

/* Bytes that a grouping will have; 0: those that it has. */
static size_t length_to_come(const struct cw_perso *p, const struct cw_perso_dgi *dgi) {
        if (dgi->given)
                return dgi->rule->encrypted ? sealed(p, dgi->value.len, dgi->rule->padded) : 0;
        if (dgi->rule->part)
                return part_len(p, dgi->rule);
        return dgi->rule->from_hsm ? made_len(p, dgi->rule) : 0;
}

cw_rc cw_perso_rehearse(const struct cw_perso *p, struct cw_fault *f) {
        static const uint8_t blank[BLANK_MAX];
        CW_AUTO(cw_secret_free) struct cw_secret *plain = NULL;
        size_t count = 0;
        if (p->plan->data->count == 0) /* only keys and applications are managed */
                return CW_OK;
        struct cw_perso_data *d = malloc(sizeof *d);
        if (!d)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_NOMEM), 0, "chip.prepare", "",
                               "no memory for the card data; try again");
        *d = *p->plan->data; /* its values are borrowed: not to be freed as one */
        for (size_t i = 0; i < d->count; i++) {
                size_t len = length_to_come(p, &d->dgi[i]);
                if (len > 0 && len <= sizeof blank)
                        d->dgi[i].value = CW_SPAN(blank, len);
        }
        cw_rc rc = cw_perso_commands(p, d, &plain, &count, f);
        free(d);
        return rc;
}
