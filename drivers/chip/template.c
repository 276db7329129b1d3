/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/template.h"

#include "drivers/chip/tlv.h"

#include <stdlib.h>
#include <string.h>

static cw_rc bad(struct cw_fault *f, const char *what, const char *where) {
        const cw_rc rc = CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX);
        return cw_fail(f, rc, 0, "chip.template", "PRD_UNEXPECTED_DATA",
                       "%s \"%.100s\"; correct the product profile", what, where);
}

static bool all_digits(const char *s, size_t len) {
        for (size_t i = 0; i < len; i++)
                if (s[i] < '0' || s[i] > '9')
                        return false;
        return len > 0;
}

/* Digits two a byte, an odd last one followed by F (format cn). */
static bool put_digits(struct cw_writer *w, const char *s, size_t len) {
        if (!all_digits(s, len))
                return false;
        for (size_t i = 0; i < len; i += 2) {
                unsigned low = i + 1 < len ? (unsigned)(s[i + 1] - '0') : 0xfu;
                cw_put_u8(w, (uint8_t)((unsigned)(s[i] - '0') << 4 | low));
        }
        return true;
}

static bool put_pan(struct cw_writer *w, const struct cw_card_values *v) {
        return v->pan.len >= 12 && v->pan.len <= 19 && put_digits(w, (const char *)v->pan.ptr, v->pan.len);
}

static unsigned days_of_month(unsigned year, unsigned month) {
        static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        return days[month - 1] + (month == 2 && year % 4 == 0 ? 1u : 0u);
}

/* YYMM as YYMMDD with the last day of the month (tag 5F24). */
static bool put_expiry(struct cw_writer *w, const struct cw_card_values *v) {
        if (strlen(v->expiry) != 4 || !all_digits(v->expiry, 4))
                return false;
        unsigned year = (unsigned)(v->expiry[0] - '0') * 10 + (unsigned)(v->expiry[1] - '0');
        unsigned month = (unsigned)(v->expiry[2] - '0') * 10 + (unsigned)(v->expiry[3] - '0');
        if (month < 1 || month > 12)
                return false;
        unsigned day = days_of_month(year, month);
        (void)put_digits(w, v->expiry, 4);
        cw_put_u8(w, (uint8_t)((day / 10) << 4 | day % 10));
        return true;
}

static bool put_service_code(struct cw_writer *w, const struct cw_card_values *v) {
        if (strlen(v->service_code) != 3 || !all_digits(v->service_code, 3))
                return false;
        const char padded[4] = {'0', v->service_code[0], v->service_code[1], v->service_code[2]};
        return put_digits(w, padded, sizeof padded);
}

static bool put_psn(struct cw_writer *w, const struct cw_card_values *v) {
        return strlen(v->psn) == 2 && put_digits(w, v->psn, 2);
}

static bool put_name(struct cw_writer *w, const struct cw_card_values *v) {
        size_t len = strlen(v->name);
        cw_put_bytes(w, v->name, len);
        return len >= 2 && len <= 26;
}

static bool put_track2(struct cw_writer *w, const struct cw_card_values *v) {
        cw_put_bytes(w, v->track2.ptr, v->track2.len);
        return v->track2.len > 0 && v->track2.len <= 19;
}

struct placeholder {
        const char *name;
        bool (*put)(struct cw_writer *w, const struct cw_card_values *v); /* NULL: a certificate */
        enum cw_cert_value cert;
};
static const struct placeholder placeholders[] = {
    {"pan", put_pan, 0},
    {"expiry", put_expiry, 0},
    {"service_code", put_service_code, 0},
    {"psn", put_psn, 0},
    {"name", put_name, 0},
    {"track2", put_track2, 0},
    {"ca_index", NULL, CW_CERT_CA_INDEX},
    {"issuer_certificate", NULL, CW_CERT_ISSUER},
    {"issuer_remainder", NULL, CW_CERT_ISSUER_REMAINDER},
    {"issuer_exponent", NULL, CW_CERT_ISSUER_EXPONENT},
    {"ssad", NULL, CW_CERT_SSAD},
    {"icc_certificate", NULL, CW_CERT_ICC},
    {"icc_remainder", NULL, CW_CERT_ICC_REMAINDER},
    {"icc_exponent", NULL, CW_CERT_ICC_EXPONENT},
    {"pin_certificate", NULL, CW_CERT_PIN},
    {"pin_remainder", NULL, CW_CERT_PIN_REMAINDER},
    {"pin_exponent", NULL, CW_CERT_PIN_EXPONENT},
    {"contactless_ssad", NULL, CW_CERT_CL_SSAD},
    {"contactless_icc_certificate", NULL, CW_CERT_CL_ICC},
};

static const struct placeholder *placeholder_find(const char *name, size_t len) {
        for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++)
                if (strlen(placeholders[i].name) == len && strncmp(placeholders[i].name, name, len) == 0)
                        return &placeholders[i];
        return NULL;
}

/* One piece off the front: hex up to the next brace, or {placeholder}. values NULL = only look at the shape.
 */
static bool piece(const char **at, const struct cw_card_values *values, struct cw_writer *w) {
        if (**at != '{') {
                size_t digits = strcspn(*at, "{");
                size_t room = w->cap - w->len, len = 0;
                if (w->bad || !cw_hex_decode(*at, digits, w->ptr + w->len, room, &len))
                        return false;
                w->len += len;
                *at += digits;
                return true;
        }
        size_t len = strcspn(*at + 1, "}");
        const struct placeholder *p = placeholder_find(*at + 1, len);
        if (!p || (*at)[1 + len] != '}')
                return false;
        *at += len + 2;
        if (!values)
                return true;
        if (!p->put && values->certs)
                cw_put_bytes(w, values->certs[p->cert].ptr, values->certs[p->cert].len);
        return !p->put || p->put(w, values);
}

static uint32_t certs_of_value(const char *text) {
        uint32_t certs = 0;
        for (const char *at = text; (at = strchr(at, '{')) != NULL; at++) {
                const struct placeholder *p = placeholder_find(at + 1, strcspn(at + 1, "}"));
                if (p && !p->put)
                        certs |= CW_CERT_BIT(p->cert);
        }
        return certs;
}

uint32_t cw_template_certs(const json_t *node) {
        const json_t *stack[CW_PROFILE_DEPTH_MAX + 1] = {node};
        size_t next[CW_PROFILE_DEPTH_MAX + 1] = {0};
        int depth = 0;
        uint32_t certs = 0;
        while (depth >= 0) {
                const char *value = json_string_value(json_object_get(stack[depth], "value"));
                const json_t *child = json_array_get(json_object_get(stack[depth], "of"), next[depth]++);
                if (value && next[depth] == 1)
                        certs |= certs_of_value(value);
                if (!child)
                        depth--;
                else if (depth < CW_PROFILE_DEPTH_MAX) {
                        stack[++depth] = child;
                        next[depth] = 0;
                }
        }
        return certs;
}

/* A remainder that is empty because the whole key fits into its certificate is no object of the record. */
static bool left_out(const json_t *node, size_t len) {
        const char *value = json_string_value(json_object_get(node, "value"));
        return len == 0 && value && certs_of_value(value);
}

static cw_rc expand_value(const char *text, const struct cw_card_values *values, struct cw_writer *w,
                          struct cw_fault *f) {
        for (const char *at = text; *at;)
                if (!piece(&at, values, w))
                        return bad(
                            f,
                            "a value is neither hex nor a placeholder, or this card's data does not fit it:",
                            text);
        return CW_OK;
}

/* The length of a constructed value is known only after its children: its header goes in front of them then.
 */
static void insert_header(struct cw_writer *w, size_t start, uint32_t tag) {
        uint8_t header[CW_TLV_HEADER_MAX];
        struct cw_writer h;
        if (w->bad)
                return;
        size_t len = w->len - start;
        cw_writer_init(&h, header, sizeof header);
        cw_tlv_put_header(&h, tag, len);
        cw_put_bytes(w, header, h.len);
        if (w->bad || h.bad) {
                w->bad = true;
                return;
        }
        memmove(w->ptr + start + h.len, w->ptr + start, len);
        memcpy(w->ptr + start, header, h.len);
}

static cw_rc expand(const json_t *node, const struct cw_card_values *values, struct cw_writer *w, int depth,
                    struct cw_fault *f);

static cw_rc expand_children(const json_t *children, const struct cw_card_values *values, struct cw_writer *w,
                             int depth, struct cw_fault *f) {
        size_t i;
        json_t *child;
        if (depth == CW_PROFILE_DEPTH_MAX)
                return bad(f, "templates are nested too deep", "of");
        json_array_foreach(children, i, child) {
                const char *name = json_string_value(json_object_get(child, "tag"));
                uint32_t tag = 0;
                if (!name || !cw_tlv_tag_parse(name, &tag))
                        return bad(f, "not a tag:", name ? name : "");
                size_t start = w->len;
                cw_rc rc = expand(child, values, w, depth + 1, f);
                if (rc != CW_OK)
                        return rc;
                if (!left_out(child, w->len - start))
                        insert_header(w, start, tag);
        }
        return CW_OK;
}

static cw_rc expand(const json_t *node, const struct cw_card_values *values, struct cw_writer *w, int depth,
                    struct cw_fault *f) {
        const char *text = json_string_value(json_object_get(node, "text"));
        const char *value = json_string_value(json_object_get(node, "value"));
        const json_t *children = json_object_get(node, "of");
        cw_rc rc = CW_OK;
        if (children)
                rc = expand_children(children, values, w, depth, f);
        else if (text)
                cw_put_bytes(w, text, strlen(text));
        else
                rc = expand_value(value ? value : "", values, w, f);
        if (rc == CW_OK && w->bad)
                return bad(f, "the data of the profile gets too long at", text ? text : value ? value : "of");
        return rc;
}

cw_rc cw_template_expand(const json_t *node, const struct cw_card_values *values, struct cw_writer *w,
                         struct cw_fault *f) {
        return expand(node, values, w, 0, f);
}

static void check_value(const char *text, const char *place, struct cw_profile_findings *fs) {
        uint8_t scratch[CW_STORE_DATA_MAX * 8];
        struct cw_writer w;
        cw_writer_init(&w, scratch, sizeof scratch);
        for (const char *at = text; *at;) {
                if (!piece(&at, NULL, &w)) {
                        cw_profile_finding(fs, place,
                                           "value is hex (even number of digits) and placeholders like {pan} "
                                           "(README.md beside the profiles names all); correct it");
                        return;
                }
        }
}

static void check_text(const char *text, const char *place, struct cw_profile_findings *fs) {
        for (const char *c = text; *c; c++)
                if (*c < 0x20 || *c > 0x7e) {
                        cw_profile_finding(
                            fs, place,
                            "text has a character outside printable ASCII; write it as hex in value");
                        return;
                }
}

struct check_level {
        const json_t *node;
        size_t next;
        size_t place_len;
};

static bool known_key(const char *key) {
        static const char *const keys[] = {"tag", "value", "text", "of", "note"};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                if (strcmp(keys[i], key) == 0)
                        return true;
        return false;
}

/* Exactly one of value, text, of; below the top level a tag, and nothing unknown. */
static void check_node(const json_t *node, const char *place, bool top, struct cw_profile_findings *fs) {
        const char *value = json_string_value(json_object_get(node, "value"));
        const char *text = json_string_value(json_object_get(node, "text"));
        const char *tag = json_string_value(json_object_get(node, "tag"));
        bool list = json_is_array(json_object_get(node, "of"));
        uint32_t parsed;
        if ((value != NULL) + (text != NULL) + list != 1)
                cw_profile_finding(
                    fs, place, "exactly one of value, text (strings) and of (a list) is needed; give one");
        if (value)
                check_value(value, place, fs);
        if (text)
                check_text(text, place, fs);
        if (top)
                return;
        if (!tag || !cw_tlv_tag_parse(tag, &parsed))
                cw_profile_finding(fs, place,
                                   "tag is needed, 2 to 8 hex digits that form one BER-TLV tag; correct it");
        const char *key;
        json_t *member;
        json_object_foreach((json_t *)(uintptr_t)node, key, member) {
                if (!known_key(key))
                        cw_profile_finding(
                            fs, place, "\"%.40s\" is unknown here; remove it or correct its spelling", key);
        }
}

void cw_template_check(const json_t *node, const char *place, struct cw_profile_findings *fs) {
        struct check_level level[CW_PROFILE_DEPTH_MAX + 1] = {{node, 0, strlen(place)}};
        char path[256];
        int depth = 0;
        (void)snprintf(path, sizeof path, "%s", place);
        check_node(node, path, true, fs);
        while (depth >= 0) {
                struct check_level *l = &level[depth];
                const json_t *child = json_array_get(json_object_get(l->node, "of"), l->next);
                if (!child) {
                        depth--;
                        continue;
                }
                (void)snprintf(path + l->place_len, sizeof path - l->place_len, ".of[%zu]", l->next);
                l->next++;
                check_node(child, path, false, fs);
                if (depth == CW_PROFILE_DEPTH_MAX) {
                        cw_profile_finding(fs, path, "templates are nested too deep; use at most %d levels",
                                           CW_PROFILE_DEPTH_MAX);
                        continue;
                }
                level[++depth] = (struct check_level){child, 0, strlen(path)};
        }
}
