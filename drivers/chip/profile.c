/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/profile_read.h"

#include "drivers/chip/template.h"
#include "drivers/chip/tlv.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void cw_profile_finding(struct cw_profile_findings *fs, const char *place, const char *fmt, ...) {
        char text[160];
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        if (fs->count++ == 0)
                (void)snprintf(fs->first, sizeof fs->first, "%.40s: %.110s", place, text);
        if (fs->out)
                (void)fprintf(fs->out, "%s:%u: %s: %s\n", fs->path, cw_profile_line(fs->text, fs->len, place),
                              place, text);
}

/* ---- sections ---- */

static bool read_install(const json_t *obj, const char *place, struct cw_profile_findings *fs,
                         struct cw_gp_install *ret) {
        struct cw_section s = {obj, place, fs};
        if (!obj)
                return false;
        cw_section_only(&s, (const char *const[]){"package", "class", "instance", "privileges", "parameters",
                                                  "note", NULL});
        cw_section_aid(&s, "package", false, &ret->package);
        cw_section_aid(&s, "class", false, &ret->class_aid);
        cw_section_aid(&s, "instance", false, &ret->instance);
        cw_section_hex(&s, "privileges", "00", ret->privileges, sizeof ret->privileges, &ret->privileges_len);
        cw_section_hex(&s, "parameters", "C900", ret->parameters, sizeof ret->parameters,
                       &ret->parameters_len);
        return true;
}

static void read_channel(struct cw_profile *p, struct cw_profile_findings *fs) {
        struct cw_section s = {json_object_get(p->root, "secure_channel"), "secure_channel", fs};
        if (!s.obj)
                return;
        cw_section_only(&s, (const char *const[]){"level", "kvn", "scp", "count_data_only", "any_challenge",
                                                  "note", NULL});
        p->channel.level = cw_section_byte(&s, "level", "00");
        p->channel.kvn = cw_section_byte(&s, "kvn", "00");
        p->channel.scp = cw_section_byte(&s, "scp", "00");
        p->channel.count_data_only = cw_section_bool(&s, "count_data_only");
        p->channel.any_challenge = cw_section_bool(&s, "any_challenge");
        if (p->channel.scp != 0 && p->channel.scp != 2 && p->channel.scp != 3)
                cw_profile_finding(fs, "secure_channel.scp", "02 or 03 is needed here; correct it");
}

struct p1_rules {
        uint8_t clear, encrypted;
};

static struct p1_rules read_store_data(struct cw_profile *p, struct cw_profile_findings *fs) {
        struct cw_section s = {json_object_get(p->root, "store_data"), "store_data", fs};
        struct p1_rules rules = {0};
        if (!json_is_object(s.obj)) {
                cw_profile_finding(fs, s.place,
                                   "the P1 rules of STORE DATA are missing; add p1, p1_encrypted, p1_last");
                return rules;
        }
        cw_section_only(&s, (const char *const[]){"p1", "p1_encrypted", "p1_last", "chunk", "note", NULL});
        rules.clear = p->p1_clear = cw_section_byte(&s, "p1", NULL);
        rules.encrypted = p->p1_encrypted = cw_section_byte(&s, "p1_encrypted", NULL);
        p->p1_last = cw_section_byte(&s, "p1_last", NULL);
        const json_t *chunk = json_object_get(s.obj, "chunk");
        json_int_t value = chunk ? json_integer_value(chunk) : (json_int_t)CW_STORE_DATA_MAX;
        if (value < 16 || value > (json_int_t)CW_STORE_DATA_MAX)
                cw_profile_finding(fs, "store_data.chunk", "16 to %u bytes fit a command; correct it",
                                   CW_STORE_DATA_MAX);
        p->chunk = (size_t)value;
        return rules;
}

static enum cw_dgi_role read_role(const struct cw_section *s, uint16_t id) {
        const char *role = cw_section_string(s, "role", "");
        char place[96];
        uint8_t sfi = (uint8_t)(id >> 8);
        if (strcmp(role, "fci") == 0)
                return CW_DGI_FCI;
        if (strcmp(role, "gpo") == 0)
                return CW_DGI_GPO;
        if (strcmp(role, "contactless-fci") == 0)
                return CW_DGI_CL_FCI;
        if (strcmp(role, "contactless-gpo") == 0)
                return CW_DGI_CL_GPO;
        if (strcmp(role, "other") == 0)
                return CW_DGI_OTHER;
        if (*role) {
                cw_section_place(s, "role", place);
                cw_profile_finding(s->fs, place,
                                   "role is fci, gpo, contactless-fci, contactless-gpo or other; correct it "
                                   "or leave it out");
        }
        return sfi >= 1 && sfi <= 0x1e ? CW_DGI_RECORD : CW_DGI_OTHER;
}

/* A number of a private key: always enciphered. */
static void read_part(struct cw_profile_dgi *dgi, const struct cw_section *s) {
        const char *text = cw_section_string(s, "part", "");
        if (!*text)
                return;
        if (!cw_profile_read_part(text, &dgi->part, &dgi->pin_part))
                cw_profile_finding(s->fs, s->place,
                                   "part is icc. or pin. and one of q_inv, dq, dp, q, p, d, n; correct it");
        if (!dgi->encrypted)
                cw_profile_finding(s->fs, s->place,
                                   "a part of a private key is sent enciphered; set encrypted");
}

static void read_dgi(struct cw_profile *p, const struct cw_section *s, struct p1_rules rules, uint8_t app) {
        uint8_t id[2] = {0};
        size_t len = 0;
        struct cw_profile_dgi *dgi = &p->dgi[p->dgi_count];
        cw_section_only(s, (const char *const[]){"dgi", "p1", "encrypted", "padded", "hsm", "data",
                                                 "tolerated", "joined", "role", "part", "value", "text", "of",
                                                 "note", "keys", "kcv", "pin_block", "pin_fill", NULL});
        cw_section_hex(s, "dgi", NULL, id, sizeof id, &len);
        if (len != 2)
                cw_profile_finding(s->fs, s->place, "dgi is two bytes in hex, e.g. \"0101\"; correct it");
        dgi->id = (uint16_t)(id[0] << 8 | id[1]);
        dgi->app = app;
        dgi->from_hsm = cw_section_bool(s, "hsm");
        dgi->tolerated = cw_section_bool(s, "tolerated");
        dgi->joined = cw_section_bool(s, "joined");
        dgi->from_data = cw_section_bool(s, "data");
        dgi->encrypted = cw_section_bool(s, "encrypted");
        dgi->padded = cw_section_bool(s, "padded");
        dgi->p1 = dgi->encrypted ? rules.encrypted : rules.clear;
        if (json_object_get(s->obj, "p1"))
                dgi->p1 = cw_section_byte(s, "p1", NULL);
        dgi->role = read_role(s, dgi->id);
        dgi->node = s->obj;
        read_part(dgi, s);
        cw_profile_read_made(p, dgi, s);
        if (dgi->from_hsm + dgi->from_data + (dgi->part != CW_PART_NONE) > 1)
                cw_profile_finding(s->fs, s->place, "one of hsm, data and part; remove the others");
        if (dgi->encrypted && !dgi->from_data && !dgi->part &&
            !(dgi->from_hsm && (dgi->id == 0x8000 || dgi->id == 0x8010)))
                cw_profile_finding(s->fs, s->place,
                                   "nobody enciphers this value; remove encrypted, or say \"data\": true");
        if (!dgi->from_hsm && !dgi->from_data && !dgi->part) {
                cw_template_check(s->obj, s->place, s->fs);
                dgi->certs = cw_template_certs(s->obj);
        }
        for (size_t i = 0; i < p->dgi_count; i++)
                if (p->dgi[i].id == dgi->id && p->dgi[i].app == app)
                        cw_profile_finding(s->fs, s->place, "DGI %04X is there twice; remove one", dgi->id);
        p->dgi_count++;
}

static void read_dgis(struct cw_profile *p, const struct cw_section *of, struct p1_rules rules, uint8_t app) {
        const json_t *list = json_object_get(of->obj, "dgis");
        char place[96];
        size_t i;
        json_t *item;
        cw_section_place(of, "dgis", place);
        if ((json_array_size(list) == 0 && (app || !p->prepared)) ||
            json_array_size(list) > CW_DGI_MAX - p->dgi_count) {
                cw_profile_finding(of->fs, place, "1 to %d data groupings are needed here; correct it",
                                   CW_DGI_MAX);
                return;
        }
        json_array_foreach(list, i, item) {
                char where[128];
                (void)snprintf(where, sizeof where, "%s[%zu]", place, i);
                if (json_is_object(item))
                        read_dgi(p, &(struct cw_section){item, where, of->fs}, rules, app);
                else
                        cw_profile_finding(of->fs, where, "an object is needed here; correct it");
        }
}

static void read_application(struct cw_profile *p, const struct cw_section *s, struct p1_rules rules) {
        struct cw_profile_app *app = &p->more[p->more_count++];
        cw_section_only(s, (const char *const[]){"aid", "install", "over_contacts", "dgis", "note", NULL});
        cw_section_aid(s, "aid", false, &app->aid);
        app->over_contacts = cw_section_bool(s, "over_contacts");
        app->has_install = read_install(json_object_get(s->obj, "install"), s->place, s->fs, &app->install);
        read_dgis(p, s, rules, (uint8_t)p->more_count);
}

static void read_applications(struct cw_profile *p, struct p1_rules rules, struct cw_profile_findings *fs) {
        const json_t *list = json_object_get(p->root, "applications");
        size_t i;
        json_t *item;
        if (list && (json_array_size(list) == 0 || json_array_size(list) > CW_PROFILE_APPS_MAX ||
                     p->flow == CW_FLOW_APPLICATION)) {
                cw_profile_finding(fs, "applications",
                                   "a list of 1 to %d is needed here, and flow security-domain; correct it",
                                   CW_PROFILE_APPS_MAX);
                return;
        }
        json_array_foreach(list, i, item) {
                char place[40];
                (void)snprintf(place, sizeof place, "applications[%zu]", i);
                if (json_is_object(item))
                        read_application(p, &(struct cw_section){item, place, fs}, rules);
                else
                        cw_profile_finding(fs, place, "an object is needed here; correct it");
        }
}

/* Elements of one member; returns how many were read. */
static size_t read_terminal_data(struct cw_profile *p, const json_t *data, const char *place,
                                 struct cw_profile_findings *fs) {
        const char *key;
        json_t *value;
        struct cw_section in = {data, place, fs};
        size_t before = p->data_count;
        json_object_foreach((json_t *)(uintptr_t)data, key, value) {
                if (p->data_count == CW_PROFILE_DATA_MAX) {
                        cw_profile_finding(fs, place, "at most %d elements fit; remove some",
                                           CW_PROFILE_DATA_MAX);
                        break;
                }
                struct cw_profile_value *v = &p->data[p->data_count++];
                if (!cw_tlv_tag_parse(key, &v->tag))
                        cw_profile_finding(fs, place, "\"%.16s\" is not a tag; correct it", key);
                cw_section_hex(&in, key, NULL, v->bytes, sizeof v->bytes, &v->len);
        }
        return p->data_count - before;
}

/* Up to three digits off the front of *at; false when there is none. */
static bool take_number(const char **at, size_t *ret) {
        size_t value = 0, digits = 0;
        while (digits < 3 && **at >= '0' && **at <= '9') {
                value = value * 10 + (size_t)(**at - '0');
                (*at)++;
                digits++;
        }
        *ret = value;
        return digits > 0;
}

/* "9F10" or, for a part, "9F10:3+4" (offset, length). */
static bool parse_cover(const char *text, struct cw_profile_cover *ret) {
        char tag[9] = {0};
        size_t digits = strcspn(text, ":");
        if (digits >= sizeof tag)
                return false;
        memcpy(tag, text, digits);
        if (!cw_tlv_tag_parse(tag, &ret->tag))
                return false;
        const char *at = text + digits;
        if (*at == '\0')
                return true;
        at++;
        if (!take_number(&at, &ret->offset) || *at++ != '+')
                return false;
        return take_number(&at, &ret->len) && ret->len > 0 && *at == '\0';
}

static void read_cover(struct cw_profile *p, const struct cw_section *s) {
        const json_t *list = json_object_get(s->obj, "arqc_data");
        size_t i;
        json_t *item;
        if (json_array_size(list) == 0 || json_array_size(list) > CW_PROFILE_TAGS_MAX)
                cw_profile_finding(s->fs, "terminal.arqc_data",
                                   "1 to %d tags, the data the cryptogram covers; correct it",
                                   CW_PROFILE_TAGS_MAX);
        json_array_foreach(list, i, item) {
                const char *text = json_string_value(item);
                if (p->cover_count == CW_PROFILE_TAGS_MAX)
                        return;
                if (!text || !parse_cover(text, &p->cover[p->cover_count++]))
                        cw_profile_finding(s->fs, "terminal.arqc_data",
                                           "\"%.16s\" is neither TAG nor TAG:offset+length; correct it",
                                           text ? text : "?");
        }
}

static void read_terminal(struct cw_profile *p, struct cw_profile_findings *fs) {
        struct cw_section s = {json_object_get(p->root, "terminal"), "terminal", fs};
        if (!json_is_object(s.obj)) {
                cw_profile_finding(
                    fs, s.place, "how a terminal checks the card is missing; add data, arqc_data, second_ac");
                return;
        }
        cw_section_only(&s, (const char *const[]){"data", "contactless_data", "arqc_data", "second_ac",
                                                  "ca_keys", "note", NULL});
        (void)read_terminal_data(p, json_object_get(s.obj, "data"), "terminal.data", fs);
        p->contactless_count = read_terminal_data(p, json_object_get(s.obj, "contactless_data"),
                                                  "terminal.contactless_data", fs);
        read_cover(p, &s);
        p->second_ac = cw_section_byte(&s, "second_ac", "40");
        if (p->second_ac != 0x40 && p->second_ac != 0x00)
                cw_profile_finding(fs, "terminal.second_ac",
                                   "40 (TC) or 00 (AAC) is needed here; correct it");
}

static void read_profile(struct cw_profile *p, struct cw_profile_findings *fs) {
        struct cw_section s = {p->root, "", fs};
        cw_section_only(&s, (const char *const[]){"name", "note", "flow", "aid", "security_domain", "install",
                                                  "store_data", "dgis", "terminal", "secure_channel",
                                                  "prepared", "offline_auth", "applications",
                                                  "contactless_aid", "instructions", "after",
                                                  "change_reference_data", "get_response_class", NULL});
        (void)snprintf(p->name, sizeof p->name, "%s", cw_section_string(&s, "name", NULL));
        const char *flow = cw_section_string(&s, "flow", "security-domain");
        if (strcmp(flow, "application") == 0)
                p->flow = CW_FLOW_APPLICATION;
        else if (strcmp(flow, "security-domain") != 0)
                cw_profile_finding(fs, "flow", "flow is security-domain or application; correct it");
        const char *class = cw_section_string(&s, "get_response_class", "00");
        p->own_class = strcmp(class, "command") == 0;
        if (!p->own_class && strcmp(class, "00") != 0)
                cw_profile_finding(fs, "get_response_class", "00 or command is needed here; correct it");
        cw_section_aid(&s, "aid", false, &p->aid);
        cw_section_aid(&s, "security_domain", true, &p->security_domain);
        cw_section_aid(&s, "contactless_aid", true, &p->contactless_aid);
        if (p->contactless_aid.len == 0)
                p->contactless_aid = p->aid;
        p->prepared = cw_section_bool(&s, "prepared");
        p->change_reference_data = cw_section_bool(&s, "change_reference_data");
        p->has_install = read_install(json_object_get(p->root, "install"), "install", fs, &p->install);
        read_channel(p, fs);
        cw_profile_read_auth(p, fs);
        cw_profile_read_ca_keys(p, fs);
        struct p1_rules rules = read_store_data(p, fs);
        read_applications(p, rules, fs);
        read_dgis(p, &s, rules, 0);
        for (size_t i = 0; i < p->dgi_count; i++)
                p->has_contactless |= p->dgi[i].role == CW_DGI_CL_GPO;
        read_terminal(p, fs);
        cw_profile_read_after(p, fs);
        cw_profile_read_told(p, fs);
}

cw_rc cw_profile_parse(const char *name, const char *text, size_t len, FILE *errors, struct cw_profile **ret,
                       struct cw_fault *f) {
        CW_AUTO(cw_profile_free) struct cw_profile *p = calloc(1, sizeof *p);
        struct cw_profile_findings fs = {.out = errors, .path = name, .text = text, .len = len};
        json_error_t where;
        if (!p)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_NOMEM), 0, "chip.profile", "",
                               "no memory; free some");
        p->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
        if (!json_is_object(p->root)) {
                if (errors)
                        (void)fprintf(errors, "%s:%d:%d: %s; correct it\n", name, p->root ? 1 : where.line,
                                      p->root ? 1 : where.column,
                                      p->root ? "not one JSON object" : where.text);
                fs.out = NULL;
                cw_profile_finding(&fs, "", "line %d: %s; correct it", p->root ? 1 : where.line,
                                   p->root ? "the file is not one JSON object" : where.text);
        } else {
                read_profile(p, &fs);
                if (fs.count == 0)
                        cw_profile_check(p, &fs);
        }
        if (fs.count)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), (int64_t)fs.count,
                               "chip.profile", "PRT_SETUP_ERROR", "profile %.60s: %s", name, fs.first);
        *ret = CW_STEAL(p);
        return CW_OK;
}

void cw_profile_free(struct cw_profile *p) {
        json_decref(p->root);
        free(p);
}
