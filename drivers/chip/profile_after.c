/* SPDX-License-Identifier: Apache-2.0 */
/* "after": what is done to the card under the same secure channel once all data are stored. */
#include "drivers/chip/profile_read.h"

#include <string.h>

#define KVN_LAST 0x7fu

static void read_put_key(struct cw_profile_after *a, const struct cw_section *s) {
        const char *mode = cw_section_string(s, "mode", "replace");
        const char *algorithm = cw_section_string(s, "algorithm", NULL);
        const char *answer = cw_section_string(s, "answer", "kcv");
        cw_section_only(s,
                        (const char *const[]){"kvn", "mode", "old_kvn", "algorithm", "answer", "note", NULL});
        a->what = CW_AFTER_PUT_KEY;
        a->kvn = cw_section_byte(s, "kvn", NULL);
        a->old_kvn = cw_section_byte(s, "old_kvn", "00");
        a->add = strcmp(mode, "add") == 0;
        a->aes = strcmp(algorithm, "aes") == 0;
        a->version_only = strcmp(answer, "version") == 0;
        if (a->kvn == 0 || a->kvn > KVN_LAST)
                cw_profile_finding(s->fs, s->place, "kvn is 01 to 7F (GP 11.8.2.1); correct it");
        if (!a->add && strcmp(mode, "replace") != 0)
                cw_profile_finding(s->fs, s->place, "mode is replace or add; correct it");
        if (a->add && a->old_kvn)
                cw_profile_finding(s->fs, s->place, "old_kvn belongs to mode replace; remove it");
        if (!a->aes && strcmp(algorithm, "des3") != 0)
                cw_profile_finding(s->fs, s->place, "algorithm is des3 or aes; correct it");
        if (!a->version_only && strcmp(answer, "kcv") != 0)
                cw_profile_finding(s->fs, s->place,
                                   "answer is kcv, or version for a card that confirms no check values; "
                                   "correct it");
}

/* Only what can be undone or is the end of personalisation: CARD_LOCKED and TERMINATED are not a product's.
 */
static void read_card_state(struct cw_profile_after *a, const struct cw_section *s) {
        const char *state = cw_section_string(s, "state", NULL);
        a->of = CW_STATUS_DOMAIN;
        if (strcmp(state, "initialized") == 0)
                a->state = CW_CARD_INITIALIZED;
        else if (strcmp(state, "secured") == 0)
                a->state = CW_CARD_SECURED;
        else
                cw_profile_finding(s->fs, s->place,
                                   "state of a card is initialized or secured (GP 5.1.1); correct it");
        if (json_object_get(s->obj, "aid"))
                cw_profile_finding(s->fs, s->place, "a card has no aid here; remove it");
}

static void read_application_state(const struct cw_profile *p, struct cw_profile_after *a,
                                   const struct cw_section *s) {
        a->of = CW_STATUS_APPLICATION;
        a->state = cw_section_byte(s, "state", NULL);
        if (json_object_get(s->obj, "aid"))
                cw_section_aid(s, "aid", false, &a->aid);
        else
                a->aid = p->aid;
        if ((a->state & 0x87u) != 0x07u)
                cw_profile_finding(s->fs, s->place,
                                   "state of an application is 07 SELECTABLE, 0F PERSONALIZED or another of "
                                   "its own that ends in 7 or F, up to 7F (GP 5.3.1); correct it");
}

static void read_set_status(const struct cw_profile *p, struct cw_profile_after *a,
                            const struct cw_section *s) {
        const char *of = cw_section_string(s, "of", NULL);
        cw_section_only(s, (const char *const[]){"of", "state", "aid", "note", NULL});
        a->what = CW_AFTER_SET_STATUS;
        if (strcmp(of, "card") == 0)
                read_card_state(a, s);
        else if (strcmp(of, "application") == 0)
                read_application_state(p, a, s);
        else
                cw_profile_finding(s->fs, s->place, "of is card or application; correct it");
}

static void read_step(struct cw_profile *p, const struct cw_section *s) {
        const json_t *put = json_object_get(s->obj, "put_key"), *set = json_object_get(s->obj, "set_status");
        struct cw_profile_after *a = &p->after[p->after_count++];
        char place[96];
        cw_section_only(s, (const char *const[]){"put_key", "set_status", "note", NULL});
        cw_section_place(s, put ? "put_key" : "set_status", place);
        if (json_is_object(put) && !set)
                read_put_key(a, &(struct cw_section){put, place, s->fs});
        else if (json_is_object(set) && !put)
                read_set_status(p, a, &(struct cw_section){set, place, s->fs});
        else
                cw_profile_finding(s->fs, s->place,
                                   "one object, put_key or set_status, is needed; correct it");
}

/* A card that got its keys twice, or that would go back in its life, is a mistake of who wrote it. */
static void check_order(const struct cw_profile *p, struct cw_profile_findings *fs) {
        uint8_t state = 0;
        unsigned puts = 0;
        for (size_t i = 0; i < p->after_count; i++) {
                const struct cw_profile_after *a = &p->after[i];
                char place[40];
                (void)snprintf(place, sizeof place, "after[%zu]", i);
                if (a->what == CW_AFTER_PUT_KEY && puts++ > 0)
                        cw_profile_finding(fs, place, "keys are put once for a card; remove one put_key");
                if (a->what != CW_AFTER_SET_STATUS || a->of != CW_STATUS_DOMAIN)
                        continue;
                if (a->state <= state)
                        cw_profile_finding(
                            fs, place, "a card's life goes from initialized to secured; correct the order");
                state = a->state;
        }
}

void cw_profile_read_after(struct cw_profile *p, struct cw_profile_findings *fs) {
        const json_t *list = json_object_get(p->root, "after");
        size_t i;
        json_t *item;
        if (!list)
                return;
        if (json_array_size(list) == 0 || json_array_size(list) > CW_PROFILE_AFTER_MAX ||
            p->flow == CW_FLOW_APPLICATION) {
                cw_profile_finding(fs, "after",
                                   "a list of 1 to %d is needed here, and flow security-domain; correct it",
                                   CW_PROFILE_AFTER_MAX);
                return;
        }
        json_array_foreach(list, i, item) {
                char place[40];
                (void)snprintf(place, sizeof place, "after[%zu]", i);
                if (json_is_object(item))
                        read_step(p, &(struct cw_section){item, place, fs});
                else
                        cw_profile_finding(fs, place, "an object is needed here; correct it");
        }
        check_order(p, fs);
}

bool cw_profile_puts_keys(const struct cw_profile *p) {
        for (size_t i = 0; i < p->after_count; i++)
                if (p->after[i].what == CW_AFTER_PUT_KEY)
                        return true;
        return false;
}
