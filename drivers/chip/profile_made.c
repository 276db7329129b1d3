/* SPDX-License-Identifier: Apache-2.0 */
/* How hsmd makes the values of DGIs 8000, 9000 and 8010 where specifications leave a choice. */
#include "drivers/chip/profile_lint.h"
#include "drivers/chip/profile_read.h"

#include <string.h>

/* Word lists as hsmd has them; the first is taken when the profile is silent. */
static const char *const keys[] = {"tdes2", "aes128", "aes192", "aes256", NULL};
static const char *const kcvs[] = {"gp", "zeros", "cmac", NULL};
static const char *const blocks[] = {"format-2", "format-1", "control-0", NULL};
static const char *const fills[] = {"80", "random", NULL};

static const struct choice {
        const char *member;
        uint16_t dgi;
        const char *const *words;
        size_t offset; /* in struct cw_profile_made */
        const char *finding;
} choices[] = {
    {"keys", 0x8000, keys, offsetof(struct cw_profile_made, keys),
     "keys is tdes2, aes128, aes192 or aes256; correct it"},
    {"kcv", 0x9000, kcvs, offsetof(struct cw_profile_made, kcv), "kcv is gp, zeros or cmac; correct it"},
    {"pin_block", 0x8010, blocks, offsetof(struct cw_profile_made, pin_block),
     "pin_block is format-2, format-1 or control-0; correct it"},
    {"pin_fill", 0x8010, fills, offsetof(struct cw_profile_made, pin_fill),
     "pin_fill is 80 or random; correct it"},
};

static void read_choice(struct cw_profile *p, const struct cw_profile_dgi *dgi, const struct choice *c,
                        const struct cw_section *s) {
        const char *text = cw_section_string(s, c->member, c->words[0]);
        const char **own = (const char **)(void *)((uint8_t *)&p->made + c->offset);
        const char *word = NULL;
        for (size_t i = 0; c->words[i]; i++)
                if (strcmp(c->words[i], text) == 0)
                        word = c->words[i];
        if (!word)
                cw_profile_finding(s->fs, s->place, "%s", c->finding);
        if (json_object_get(s->obj, c->member) && (dgi->id != c->dgi || !dgi->from_hsm))
                cw_profile_finding(s->fs, s->place,
                                   "\"%s\" belongs to a DGI %04X that has \"hsm\": true; remove it",
                                   c->member, c->dgi);
        if (!word || dgi->id != c->dgi || !dgi->from_hsm)
                return;
        if (*own && strcmp(*own, word) != 0)
                cw_profile_finding(s->fs, s->place, "DGI %04X of all applications is made alike; correct %s",
                                   c->dgi, c->member);
        *own = word;
}

void cw_profile_read_made(struct cw_profile *p, const struct cw_profile_dgi *dgi,
                          const struct cw_section *s) {
        for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
                read_choice(p, dgi, &choices[i], s);
}

bool cw_profile_made_aes(const struct cw_profile *p) {
        return p->made.keys && strcmp(p->made.keys, keys[0]) != 0;
}

void cw_lint_made(const struct cw_lint *l) {
        const struct cw_profile *p = l->profile;
        if (!p->made.kcv || strcmp(p->made.kcv, "cmac") != 0 || cw_profile_made_aes(p))
                return;
        for (size_t i = 0; i < p->dgi_count; i++) {
                char place[96];
                if (p->dgi[i].id != 0x9000)
                        continue;
                cw_lint_place(l, &p->dgi[i], 0, place);
                cw_profile_finding(l->fs, place,
                                   "a check value by CMAC belongs to AES keys; set \"keys\" of DGI 8000 or "
                                   "remove kcv");
        }
}
