/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/instructions.h"

#include "base/buf.h"
#include "drivers/chip/prepare.h"

#include <string.h>

static bool lists(const struct cw_dgi_list *list, uint16_t id) {
        for (size_t i = 0; i < list->count; i++)
                if (list->id[i] == id)
                        return true;
        return false;
}

bool cw_dgi_list_add(struct cw_dgi_list *list, const char *text, size_t len) {
        uint8_t bytes[2];
        size_t n = 0;
        if (len != 4 || list->count == CW_INSTRUCTED_MAX ||
            !cw_hex_decode(text, len, bytes, sizeof bytes, &n) || n != 2)
                return false;
        uint16_t id = (uint16_t)(bytes[0] << 8 | bytes[1]);
        if (lists(list, id))
                return false;
        list->id[list->count++] = id;
        return true;
}

static cw_rc refuse(struct cw_fault *f, const char *name, uint16_t id, const char *why) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_RANGE), id, "chip.instructions",
                       "PRD_UNEXPECTED_DATA", "instruction %s, DGI %04X: %s", name, id, why);
}

/* Where a grouping of the payment application stands; count when it is not there. */
static size_t find(const struct cw_perso_data *d, uint16_t id) {
        size_t at = 0;
        while (at < d->count && (d->dgi[at].rule->app != 0 || d->dgi[at].rule->id != id))
                at++;
        return at;
}

static cw_rc all_there(const struct cw_perso_data *d, const struct cw_dgi_list *list, const char *name,
                       struct cw_fault *f) {
        for (size_t i = 0; i < list->count; i++)
                if (find(d, list->id[i]) == d->count)
                        return refuse(
                            f, name, list->id[i],
                            "it is not among the data; take it out of the instruction, or bring it");
        return CW_OK;
}

/* The listed ones take the places they have among all, in the listed order. */
static void put_in_order(struct cw_perso_data *d, const struct cw_dgi_list *order) {
        struct cw_perso_dgi sorted[CW_INSTRUCTED_MAX];
        size_t n = 0;
        for (size_t i = 0; i < order->count; i++)
                sorted[i] = d->dgi[find(d, order->id[i])];
        for (size_t i = 0; i < d->count; i++)
                if (d->dgi[i].rule->app == 0 && lists(order, d->dgi[i].rule->id))
                        d->dgi[i] = sorted[n++];
}

/* The members of a group follow its first one. */
static void put_together(struct cw_perso_data *d, const struct cw_dgi_list *group) {
        for (size_t i = 1; i < group->count; i++) {
                size_t from = find(d, group->id[i]);
                const struct cw_perso_dgi moved = d->dgi[from];
                memmove(&d->dgi[from], &d->dgi[from + 1], (d->count - from - 1) * sizeof d->dgi[0]);
                size_t to = 0;
                while (d->dgi[to].rule->app != 0 || d->dgi[to].rule->id != group->id[i - 1])
                        to++; /* the one before it stays among the others */
                memmove(&d->dgi[to + 2], &d->dgi[to + 1], (d->count - to - 2) * sizeof d->dgi[0]);
                d->dgi[to + 1] = moved;
        }
}

static cw_rc check_order(const struct cw_perso_data *d, const struct cw_dgi_list *order, struct cw_fault *f) {
        for (size_t i = 1; i < order->count; i++)
                if (find(d, order->id[i - 1]) > find(d, order->id[i]))
                        return refuse(f, "ORDER", order->id[i],
                                      "a group or another order moves it; correct one of them");
        return CW_OK;
}

/* Rules are the profile's, for all its cards; what is told about this one goes into a copy. */
static struct cw_profile_dgi *own_rule(struct cw_perso_data *d, uint16_t id) {
        struct cw_perso_dgi *dgi = &d->dgi[find(d, id)];
        for (size_t i = 0; i < d->told_count; i++)
                if (dgi->rule == &d->told[i])
                        return &d->told[i];
        struct cw_profile_dgi *own = &d->told[d->told_count++];
        *own = *dgi->rule;
        dgi->rule = own;
        return own;
}

static cw_rc mark_group(struct cw_perso_data *d, const struct cw_dgi_list *group, struct cw_fault *f) {
        for (size_t i = 1; i < group->count; i++) {
                struct cw_profile_dgi *own = own_rule(d, group->id[i]);
                if (own->p1 != d->dgi[find(d, group->id[i - 1])].rule->p1)
                        return refuse(f, "GROUP", group->id[i],
                                      "it has another P1 than the one before it; one command has one");
                if (own->joined && !own->group)
                        return refuse(f, "GROUP", group->id[i],
                                      "the profile joins it elsewhere; correct one");
                own->joined = own->group = true;
        }
        return CW_OK;
}

static cw_rc check_groups(const struct cw_instructions *told, struct cw_fault *f) {
        for (size_t i = 0; i < told->group_count; i++)
                for (size_t n = 0; n < told->group[i].count; n++)
                        for (size_t other = 0; other < i; other++)
                                if (lists(&told->group[other], told->group[i].id[n]))
                                        return refuse(f, "GROUP", told->group[i].id[n],
                                                      "it is in two groups; take it out of one");
        return CW_OK;
}

static cw_rc check_all(const struct cw_perso_data *d, const struct cw_instructions *told,
                       struct cw_fault *f) {
        cw_rc rc = all_there(d, &told->order, "ORDER", f);
        if (rc == CW_OK)
                rc = all_there(d, &told->vercntl, "VERCNTL", f);
        if (rc == CW_OK)
                rc = all_there(d, &told->enc, "ENC", f);
        for (size_t i = 0; i < told->group_count && rc == CW_OK; i++)
                rc = all_there(d, &told->group[i], "GROUP", f);
        return rc == CW_OK ? check_groups(told, f) : rc;
}

static cw_rc instruct(struct cw_perso_data *d, const struct cw_instructions *told, struct cw_fault *f) {
        cw_rc rc = check_all(d, told, f);
        if (rc != CW_OK)
                return rc;
        put_in_order(d, &told->order);
        for (size_t i = 0; i < told->group_count; i++)
                put_together(d, &told->group[i]);
        rc = check_order(d, &told->order, f);
        for (size_t i = 0; i < told->vercntl.count && rc == CW_OK; i++)
                own_rule(d, told->vercntl.id[i])->tolerated = true;
        for (size_t i = 0; i < told->enc.count && rc == CW_OK; i++) {
                struct cw_profile_dgi *own = own_rule(d, told->enc.id[i]);
                if (!own->encrypted)
                        own->p1 = d->profile->p1_encrypted;
                own->encrypted = true;
        }
        for (size_t i = 0; i < told->group_count && rc == CW_OK; i++)
                rc = mark_group(d, &told->group[i], f);
        return rc;
}

/* An application that answers 6A88 to the completing command is not completed. */
static cw_rc check_last(const struct cw_perso_data *d, struct cw_fault *f) {
        for (size_t i = 0; i < d->count; i++) {
                size_t next = i + 1;
                while (next < d->count && d->dgi[next].rule->app != d->dgi[i].rule->app)
                        next++;
                if (next == d->count && d->dgi[i].rule->tolerated)
                        return refuse(f, "VERCNTL", d->dgi[i].rule->id,
                                      "it comes last, and a refusal would leave the application incomplete; "
                                      "send another one after it");
        }
        return CW_OK;
}

static cw_rc check_behind(const struct cw_perso_data *d, uint16_t before, uint16_t id, struct cw_fault *f) {
        return find(d, before) + 1 == find(d, id)
                   ? CW_OK
                   : refuse(f, "GROUP", id, "another instruction takes it from its group; correct one");
}

/* What one of them says still holds after all of them were followed. */
static cw_rc check_kept(const struct cw_perso_data *d, const struct cw_instructions *told,
                        struct cw_fault *f) {
        cw_rc rc = check_order(d, &told->order, f);
        for (size_t i = 0; i < told->group_count; i++)
                for (size_t n = 1; n < told->group[i].count && rc == CW_OK; n++)
                        rc = check_behind(d, told->group[i].id[n - 1], told->group[i].id[n], f);
        return rc;
}

static cw_rc check_joined(const struct cw_perso_data *d, struct cw_fault *f) {
        const struct cw_profile *p = d->profile;
        cw_rc rc = CW_OK;
        for (size_t i = 1; i < p->dgi_count && rc == CW_OK; i++)
                if (p->dgi[i].app == 0 && p->dgi[i].joined && find(d, p->dgi[i].id) < d->count)
                        rc = check_behind(d, p->dgi[i - 1].id, p->dgi[i].id, f);
        return rc;
}

cw_rc cw_perso_data_instruct_all(struct cw_perso_data *d, const struct cw_instructions *more,
                                 struct cw_fault *f) {
        const struct cw_instructions *told = &d->profile->told;
        cw_rc rc = instruct(d, told, f);
        if (rc == CW_OK && more)
                rc = instruct(d, more, f);
        if (rc == CW_OK)
                rc = check_kept(d, told, f);
        if (rc == CW_OK && more)
                rc = check_kept(d, more, f);
        if (rc == CW_OK)
                rc = check_joined(d, f);
        return rc == CW_OK ? check_last(d, f) : rc;
}
