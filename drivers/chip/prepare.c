/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/prepare.h"

#include "drivers/chip/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (64u * 1024u)
#define COMMANDS_BYTES (64u * 1024u)
#define ENCIPHERED_MAX 264u /* of one grouping: a PKCS#1 component of 2048 bits and a block of padding */

static cw_rc nomem(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_NOMEM), 0, "chip.prepare", "",
                       "no locked memory for the card data; raise LimitMEMLOCK and try again");
}

static cw_rc too_many(uint16_t id, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_TOO_BIG), id, "chip.prepare",
                       "PRD_UNEXPECTED_DATA", "the data groupings are more than one card gets");
}

static cw_rc prepare_one(struct cw_perso_data *d, const struct cw_profile_dgi *rule,
                         const struct cw_card_values *values, struct cw_fault *f) {
        if (d->count == CW_DGI_MAX)
                return too_many(rule->id, f);
        struct cw_perso_dgi *dgi = &d->dgi[d->count];
        struct cw_writer w;
        *dgi = (struct cw_perso_dgi){.rule = rule};
        if (!rule->from_hsm && !rule->from_data && !rule->part) {
                if (!values)
                        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_MISSING), rule->id,
                                       "chip.prepare", "PRD_UNEXPECTED_DATA",
                                       "DGI %04X of the profile needs the card's values, and the data bring "
                                       "neither it nor PAN and expiry; add one of them",
                                       rule->id);
                cw_writer_init(&w, d->arena->ptr + d->arena->len, d->arena->cap - d->arena->len);
                cw_rc rc = cw_template_expand(rule->node, values, &w, f);
                if (rc != CW_OK)
                        return rc;
                dgi->value = CW_SPAN(w.ptr, w.len);
                dgi->draft = rule->certs && !values->certs;
                d->arena->len += w.len;
        }
        d->count++;
        return CW_OK;
}

static const struct cw_given_dgi *given_of(const struct cw_given *given, uint16_t id) {
        for (size_t i = 0; i < given->count; i++)
                if (given->dgi[i].id == id)
                        return &given->dgi[i];
        return NULL;
}

static const struct cw_profile_dgi *rule_of(const struct cw_profile *profile, uint16_t id) {
        for (size_t i = 0; i < profile->dgi_count; i++)
                if (profile->dgi[i].id == id && profile->dgi[i].app == 0)
                        return &profile->dgi[i];
        return NULL;
}

/* A copy, so that the data set may go before the card does. */
static cw_rc put_given(struct cw_perso_data *d, const struct cw_profile_dgi *rule,
                       const struct cw_given_dgi *given, struct cw_fault *f) {
        struct cw_secret *arena = d->arena;
        if (given->value.len > arena->cap - arena->len || d->count == CW_DGI_MAX)
                return too_many(given->id, f);
        memcpy(arena->ptr + arena->len, given->value.ptr, given->value.len);
        d->dgi[d->count++] = (struct cw_perso_dgi){
            .rule = rule, .value = CW_SPAN(arena->ptr + arena->len, given->value.len), .given = true};
        arena->len += given->value.len;
        return CW_OK;
}

/* Keys, PIN and parts of private keys (EMV CPS annex A): nobody means them to go in clear who does not say so
 * by a rule of their own. */
static bool is_secret(uint16_t id) {
        return id == 0x8000 || id == 0x8010 || (id >= 0x8101 && id <= 0x8106) ||
               (id >= 0x8201 && id <= 0x8205) || (id >= 0x8301 && id <= 0x8305);
}

/* What the profile does not name goes first: the groupings it does name are often the completing ones. */
static cw_rc put_unnamed(struct cw_perso_data *d, const struct cw_given *given, struct cw_fault *f) {
        for (size_t i = 0; i < given->count; i++) {
                uint16_t id = given->dgi[i].id;
                struct cw_profile_dgi *rule = &d->own_rule[i];
                if (rule_of(d->profile, id))
                        continue;
                if (!d->profile->prepared)
                        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_NOT_FOUND), id, "chip.prepare",
                                       "PRD_UNEXPECTED_DATA",
                                       "the data bring DGI %04X, which the profile does not have; add it to "
                                       "one of them, or say \"prepared\" in the profile",
                                       id);
                bool record = id >> 8 >= 1 && id >> 8 <= 0x1e;
                const bool secret = is_secret(id);
                *rule =
                    (struct cw_profile_dgi){.id = id,
                                            .p1 = secret ? d->profile->p1_encrypted : d->profile->p1_clear,
                                            .encrypted = secret,
                                            .padded = secret && id > 0x8010, /* RSA components */
                                            .from_data = true,
                                            .role = record ? CW_DGI_RECORD : CW_DGI_OTHER};
                cw_rc rc = put_given(d, rule, &given->dgi[i], f);
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

/* Of the other applications, or of the payment application. */
static cw_rc put_named(struct cw_perso_data *d, const struct cw_card_values *values, bool others,
                       const struct cw_given *given, struct cw_fault *f) {
        for (size_t i = 0; i < d->profile->dgi_count; i++) {
                const struct cw_profile_dgi *rule = &d->profile->dgi[i];
                const struct cw_given_dgi *own = rule->app ? NULL : given_of(given, rule->id);
                cw_rc rc = CW_OK;
                if (others != (rule->app != 0))
                        continue;
                if (own)
                        rc = put_given(d, rule, own, f);
                else if (rule->from_data)
                        rc = cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_MISSING), rule->id, "chip.prepare",
                                     "PRD_UNEXPECTED_DATA",
                                     "the profile wants DGI %04X from the data, which do not have it; add it",
                                     rule->id);
                else
                        rc = prepare_one(d, rule, values, f);
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

static bool is_to_encipher(const struct cw_perso_dgi *dgi) {
        return dgi->given && dgi->rule->encrypted;
}

static cw_rc check_to_encipher(const struct cw_perso_data *d, struct cw_fault *f) {
        for (size_t i = 0; i < d->count; i++) {
                const struct cw_perso_dgi *dgi = &d->dgi[i];
                if (is_to_encipher(dgi) && (dgi->value.len == 0 || dgi->value.len + 8 > ENCIPHERED_MAX))
                        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_TOO_BIG), dgi->rule->id,
                                       "chip.prepare", "PRD_UNEXPECTED_DATA",
                                       "DGI %04X has %zu bytes, and 1 to %u can be enciphered; correct the "
                                       "data",
                                       dgi->rule->id, dgi->value.len, ENCIPHERED_MAX - 8);
        }
        return CW_OK;
}

/* Whom a value comes from enciphers it: hsmd what it makes (EMV CPS tables ), what the data bring
 * and the parts of private keys. Nobody enciphers the profile's own values. */
static bool is_enciphered(const struct cw_perso_dgi *dgi) {
        const struct cw_profile_dgi *rule = dgi->rule;
        return dgi->given || rule->from_data || rule->part != CW_PART_NONE ||
               (rule->from_hsm && (rule->id == 0x8000 || rule->id == 0x8010));
}

/* A P1 that says enciphered never goes out with a clear value. */
static cw_rc check_enciphered(const struct cw_perso_data *d, struct cw_fault *f) {
        for (size_t i = 0; i < d->count; i++)
                if (d->dgi[i].rule->encrypted && !is_enciphered(&d->dgi[i]))
                        return cw_fail(
                            f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_UNSUPPORTED), d->dgi[i].rule->id,
                            "chip.prepare", "PRD_UNEXPECTED_DATA",
                            "DGI %04X is to be enciphered (\"encrypted\" or ENC), but its value is "
                            "made in clear; take that off, or let the data bring the value",
                            d->dgi[i].rule->id);
        return CW_OK;
}

cw_rc cw_perso_data_prepare_given(const struct cw_profile *profile, const struct cw_card_values *values,
                                  const struct cw_given *given, struct cw_perso_data **ret,
                                  struct cw_fault *f) {
        CW_AUTO(cw_perso_data_free) struct cw_perso_data *d = calloc(1, sizeof *d);
        if (!d || cw_secret_new(ARENA_BYTES, &d->arena) != CW_OK)
                return nomem(f);
        d->profile = profile;
        if (profile->dgi_count == 0 && given->count == 0)
                return cw_fail(
                    f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_MISSING), 0, "chip.prepare", "PRD_UNEXPECTED_DATA",
                    "neither the profile nor the data bring a data grouping; add some to the data");
        cw_rc rc = put_named(d, values, true, given, f);
        if (rc == CW_OK)
                rc = put_unnamed(d, given, f);
        if (rc == CW_OK)
                rc = put_named(d, values, false, given, f);
        if (rc == CW_OK)
                rc = cw_perso_data_instruct_all(d, given->told, f);
        if (rc == CW_OK)
                rc = check_enciphered(d, f);
        if (rc == CW_OK)
                rc = check_to_encipher(d, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(d);
        return rc;
}

cw_rc cw_perso_data_prepare(const struct cw_profile *profile, const struct cw_card_values *values,
                            struct cw_perso_data **ret, struct cw_fault *f) {
        CW_AUTO(cw_perso_data_free) struct cw_perso_data *d = calloc(1, sizeof *d);
        if (!d || cw_secret_new(ARENA_BYTES, &d->arena) != CW_OK)
                return nomem(f);
        d->profile = profile;
        for (size_t i = 0; i < profile->dgi_count; i++) {
                cw_rc rc = prepare_one(d, &profile->dgi[i], values, f);
                if (rc != CW_OK)
                        return rc;
        }
        cw_rc rc = profile->prepared ? CW_OK : cw_perso_data_instruct_all(d, NULL, f);
        if (rc == CW_OK)
                rc = check_enciphered(d, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(d);
        return rc;
}

void cw_perso_data_free(struct cw_perso_data *d) {
        cw_secret_free(d->arena);
        free(d);
}

size_t cw_perso_data_sensitive(const struct cw_perso_data *d, char (*ret_names)[5], bool *ret_padded,
                               size_t cap) {
        size_t count = 0;
        for (size_t i = 0; i < d->count && count < cap; i++)
                if (d->dgi[i].rule->from_hsm && !d->dgi[i].given) {
                        ret_padded[count] = d->dgi[i].rule->padded;
                        (void)snprintf(ret_names[count++], 5, "%04X", d->dgi[i].rule->id);
                }
        return count;
}

cw_rc cw_perso_data_fill(struct cw_perso_data *d, struct cw_span items, struct cw_fault *f) {
        struct cw_reader r;
        cw_reader_init(&r, items.ptr, items.len);
        for (size_t i = 0; i < d->count; i++) {
                if (!d->dgi[i].rule->from_hsm || d->dgi[i].given)
                        continue;
                struct cw_span item = cw_get_item(&r);
                if (r.bad || item.len == 0 || item.len > d->arena->cap - d->arena->len)
                        break;
                uint8_t *at = d->arena->ptr + d->arena->len;
                memcpy(at, item.ptr, item.len);
                d->dgi[i].value = CW_SPAN(at, item.len);
                d->arena->len += item.len;
        }
        if (r.bad || r.left)
                return cw_fail(
                    f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, "chip.sensitive", "",
                    "the HSM process made other groupings than the profile asks for; compare their versions");
        return CW_OK;
}

cw_rc cw_perso_data_to_encipher(const struct cw_perso_data *d, struct cw_secret **ret_items,
                                bool ret_padded[CW_DGI_MAX], size_t *ret_count, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *items = NULL;
        struct cw_writer w;
        if (cw_secret_new(ARENA_BYTES, &items) != CW_OK)
                return nomem(f);
        cw_writer_init(&w, items->ptr, items->cap);
        *ret_count = 0;
        for (size_t i = 0; i < d->count; i++) {
                const struct cw_perso_dgi *dgi = &d->dgi[i];
                if (!is_to_encipher(dgi))
                        continue;
                cw_put_item(&w, dgi->value.ptr, dgi->value.len);
                ret_padded[(*ret_count)++] = dgi->rule->padded;
        }
        items->len = w.len;
        *ret_items = w.len ? CW_STEAL(items) : NULL;
        return CW_OK;
}

cw_rc cw_perso_data_enciphered(struct cw_perso_data *d, struct cw_span items, struct cw_fault *f) {
        struct cw_reader r;
        cw_reader_init(&r, items.ptr, items.len);
        for (size_t i = 0; i < d->count; i++) {
                struct cw_perso_dgi *dgi = &d->dgi[i];
                if (!is_to_encipher(dgi))
                        continue;
                struct cw_span item = cw_get_item(&r);
                if (r.bad || item.len < dgi->value.len || item.len > d->arena->cap - d->arena->len) {
                        r.bad = true;
                        break;
                }
                uint8_t *at = d->arena->ptr + d->arena->len;
                memcpy(at, item.ptr, item.len);
                dgi->value = CW_SPAN(at, item.len);
                dgi->given = false;
                d->arena->len += item.len;
        }
        if (r.bad || r.left)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, "chip.sensitive", "",
                               "the HSM process enciphered other data than it was given; compare the "
                               "versions");
        return CW_OK;
}

const struct cw_perso_dgi *cw_perso_data_role(const struct cw_perso_data *d, enum cw_dgi_role role) {
        for (size_t i = 0; i < d->count; i++)
                if (d->dgi[i].rule->role == role && d->dgi[i].rule->app == 0)
                        return &d->dgi[i];
        return NULL;
}

const struct cw_perso_dgi *cw_perso_data_record(const struct cw_perso_data *d, uint8_t sfi, uint8_t record) {
        uint16_t id = (uint16_t)(sfi << 8 | record);
        for (size_t i = 0; i < d->count; i++)
                if (d->dgi[i].rule->role == CW_DGI_RECORD && d->dgi[i].rule->id == id &&
                    d->dgi[i].rule->app == 0)
                        return &d->dgi[i];
        return NULL;
}

/* Codes an application's groupings one behind another into w and cuts them into units, joined ones together.
 */
static size_t code_units(const struct cw_perso_data *d, uint8_t app, struct cw_writer *w,
                         struct cw_store_unit *units) {
        size_t count = 0;
        for (size_t i = 0; i < d->count; i++) {
                const struct cw_perso_dgi *dgi = &d->dgi[i];
                size_t start = w->len;
                if (dgi->rule->app != app)
                        continue;
                cw_dgi_put(w, dgi->rule->id, dgi->value.ptr, dgi->value.len);
                if (dgi->rule->joined && count) {
                        units[count - 1].coded.len += w->len - start;
                        units[count - 1].grouped = true;
                } else
                        units[count++] = (struct cw_store_unit){
                            .coded = CW_SPAN(w->ptr + start, w->len - start), .p1 = dgi->rule->p1};
        }
        return count;
}

static void put_item(struct cw_writer *out, const struct cw_command *command) {
        cw_put_item(out, command->bytes, command->len);
}

/* What goes before STORE DATA; returns how many commands. */
static size_t put_preamble(const struct cw_profile *p, uint8_t app, bool installed, struct cw_writer *out) {
        const struct cw_profile_app own = {
            .aid = p->aid, .has_install = p->has_install, .install = p->install};
        const struct cw_profile_app *a = app ? &p->more[app - 1] : &own;
        struct cw_command command;
        size_t count = 0;
        if (a->has_install && !installed) {
                cw_gp_install_selectable(&a->install, &command);
                put_item(out, &command);
                count++;
        }
        if (p->flow == CW_FLOW_SECURITY_DOMAIN) {
                cw_gp_install_personalize(&a->aid, &command);
                put_item(out, &command);
                count++;
        }
        return count;
}

static cw_rc all_have_values(const struct cw_perso_data *d, struct cw_fault *f) {
        for (size_t i = 0; i < d->count; i++)
                if (d->dgi[i].value.len == 0 || d->dgi[i].draft)
                        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_MISSING), d->dgi[i].rule->id,
                                       "chip.prepare", "PRD_UNEXPECTED_DATA",
                                       "DGI %04X has no value; the card's data set must bring it",
                                       d->dgi[i].rule->id);
        return CW_OK;
}

/* One application: P2 begins anew, its last STORE DATA completes it. */
static cw_rc put_application(const struct cw_perso_data *d, uint8_t app, bool installed,
                             const struct cw_store_plan *all, struct cw_writer *coded, struct cw_writer *out,
                             size_t *count, struct cw_fault *f) {
        struct cw_store_unit units[CW_DGI_MAX];
        struct cw_store_plan plan = *all;
        size_t sent = 0;
        plan.units = units;
        plan.count = code_units(d, app, coded, units);
        *count += put_preamble(d->profile, app, installed, out);
        out->bad |= coded->bad;
        cw_rc rc = cw_store_data_build(&plan, out, &sent, f);
        *count += sent;
        return rc;
}

cw_rc cw_perso_data_commands(const struct cw_perso_data *d, bool le, size_t chunk_max, unsigned installed,
                             struct cw_secret **ret_items, size_t *ret_count, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *coded = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *items = NULL;
        const struct cw_profile *p = d->profile;
        const struct cw_store_plan plan = {
            .last = p->p1_last, .chunk = p->chunk < chunk_max ? p->chunk : chunk_max, .le = le};
        struct cw_writer w, out;
        size_t count = 0;
        if (d->count == 0 || cw_secret_new(ARENA_BYTES * 2, &coded) != CW_OK ||
            cw_secret_new(COMMANDS_BYTES, &items) != CW_OK)
                return nomem(f);
        cw_rc rc = all_have_values(d, f);
        cw_writer_init(&w, coded->ptr, coded->cap);
        cw_writer_init(&out, items->ptr, items->cap);
        for (size_t app = 1; app <= p->more_count && rc == CW_OK; app++)
                rc = put_application(d, (uint8_t)app, installed >> app & 1, &plan, &w, &out, &count, f);
        if (rc == CW_OK) /* last: what completes the payment application completes the card */
                rc = put_application(d, 0, installed & 1, &plan, &w, &out, &count, f);
        if (rc != CW_OK)
                return rc;
        items->len = out.len;
        *ret_items = CW_STEAL(items);
        *ret_count = count;
        return CW_OK;
}
