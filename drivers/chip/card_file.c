/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/card_file.h"

#include <stdlib.h>
#include <string.h>

#define DISCRETIONARY_MAX 13u
#define TRACK2_NIBBLES 37u /* ISO/IEC 7813, without sentinels and check */

static const char icvv_mark[] = "{icvv}";
#define ICVV_MARK (sizeof icvv_mark - 1)

struct parse {
        struct cw_card_file *file;
        struct cw_writer out; /* into file->bytes */
        unsigned line;
};

static cw_rc wrong(const struct parse *p, const char *what, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), p->line, "chip.card_file",
                       "PRD_UNEXPECTED_DATA", "line %u of the card data: %s", p->line, what);
}

/* The next word of the line; empty at its end. */
static struct cw_span word(struct cw_span *line) {
        while (line->len && (*line->ptr == ' ' || *line->ptr == '\t')) {
                line->ptr++;
                line->len--;
        }
        struct cw_span w = {line->ptr, 0};
        while (line->len && *line->ptr != ' ' && *line->ptr != '\t') {
                line->ptr++;
                line->len--;
                w.len++;
        }
        return w;
}

static bool is(struct cw_span w, const char *text) {
        return w.len == strlen(text) && memcmp(w.ptr, text, w.len) == 0;
}

static bool digits(struct cw_span w, size_t min, size_t max) {
        for (size_t i = 0; i < w.len; i++)
                if (w.ptr[i] < '0' || w.ptr[i] > '9')
                        return false;
        return w.len >= min && w.len <= max;
}

/* A NUL-terminated copy; "" once there is no room, which out remembers. */
static const char *keep(struct parse *p, struct cw_span w) {
        const char *at = (const char *)p->out.ptr + p->out.len;
        cw_put_bytes(&p->out, w.ptr, w.len);
        cw_put_u8(&p->out, 0);
        return p->out.bad ? "" : at;
}

/* The rest of the line as hex, blanks left out. */
static bool keep_hex(struct parse *p, struct cw_span line, struct cw_span *ret) {
        struct cw_span v = {p->out.ptr + p->out.len, 0};
        for (struct cw_span w = word(&line); w.len; w = word(&line)) {
                size_t n = 0;
                if (p->out.bad || !cw_hex_decode((const char *)w.ptr, w.len, p->out.ptr + p->out.len,
                                                 p->out.cap - p->out.len, &n))
                        return false;
                p->out.len += n;
                v.len += n;
        }
        *ret = v;
        return v.len > 0;
}

static cw_rc add(struct parse *p, uint16_t id, struct cw_span value, struct cw_fault *f) {
        struct cw_card_file *c = p->file;
        for (size_t i = 0; i < c->given_count; i++)
                if (c->given[i].id == id)
                        return wrong(p, "this data grouping is there twice; remove one", f);
        if (c->given_count == CW_DGI_MAX)
                return wrong(p, "more data groupings than a card gets; remove some", f);
        c->given[c->given_count++] = (struct cw_given_dgi){id, value};
        return CW_OK;
}

/* "dgi 0101 70..": number and value. */
static cw_rc read_dgi(struct parse *p, struct cw_span rest, struct cw_fault *f) {
        struct cw_span id = word(&rest), value;
        uint8_t bytes[2];
        size_t n = 0;
        if (!cw_hex_decode((const char *)id.ptr, id.len, bytes, sizeof bytes, &n) || n != 2 ||
            !keep_hex(p, rest, &value) || value.len > CW_DGI_VALUE_MAX)
                return wrong(p, "dgi needs four hex digits and its value in hex; correct it", f);
        return add(p, (uint16_t)(bytes[0] << 8 | bytes[1]), value, f);
}

/* Hex alone: one or more groupings coded as on the wire (CPS 2.2). */
static cw_rc read_coded(struct parse *p, struct cw_span line, struct cw_fault *f) {
        struct cw_span rest, value;
        uint16_t id = 0;
        bool bad = false;
        if (!keep_hex(p, line, &rest))
                return wrong(
                    p,
                    "neither hex nor a known word (pan, expiry, psn, service_code, name, discretionary, "
                    "track2, dgi, order, vercntl, enc, group, seclev); correct it",
                    f);
        while (cw_dgi_next(&rest, &id, &value, &bad)) {
                cw_rc rc = add(p, id, value, f);
                if (rc != CW_OK)
                        return rc;
        }
        return bad ? wrong(p, "the length of a data grouping does not fit; correct it", f) : CW_OK;
}

/* Digits, of which {icvv} may stand for three. */
static cw_rc read_discretionary(struct parse *p, struct cw_span w, struct cw_fault *f) {
        const uint8_t *mark = memmem(w.ptr, w.len, icvv_mark, ICVV_MARK);
        struct cw_span before = {w.ptr, mark ? (size_t)(mark - w.ptr) : w.len}, after = {0};
        size_t room = mark ? DISCRETIONARY_MAX - CW_CARD_FILE_ICVV : DISCRETIONARY_MAX;
        if (mark)
                after = CW_SPAN(mark + ICVV_MARK, w.len - before.len - ICVV_MARK);
        if (!digits(before, 0, room) || !digits(after, 0, room - before.len))
                return wrong(p,
                             "discretionary is at most 13 digits, of which {icvv} may stand once for three; "
                             "correct it",
                             f);
        p->file->wants_icvv = mark != NULL;
        p->file->discretionary = CW_SPAN((const uint8_t *)keep(p, w), w.len);
        return CW_OK;
}

static cw_rc read_value(struct parse *p, struct cw_span key, struct cw_span rest, struct cw_fault *f) {
        struct cw_card_values *v = &p->file->values;
        if (is(key, "track2"))
                return keep_hex(p, rest, &v->track2) && v->track2.len <= 19
                           ? CW_OK
                           : wrong(p, "track2 is at most 19 bytes in hex; correct it", f);
        struct cw_span w = word(&rest);
        bool ok = word(&rest).len == 0;
        if (is(key, "pan") && ok && digits(w, 12, 19))
                v->pan = CW_SPAN((const uint8_t *)keep(p, w), w.len);
        else if (is(key, "expiry") && ok && digits(w, 4, 4))
                v->expiry = keep(p, w);
        else if (is(key, "service_code") && ok && digits(w, 3, 3))
                v->service_code = keep(p, w);
        else if (is(key, "psn") && ok && digits(w, 2, 2))
                v->psn = keep(p, w);
        else if (is(key, "discretionary") && ok)
                return read_discretionary(p, w, f);
        else
                return wrong(p, "the value has the wrong number of digits; correct it", f);
        return CW_OK;
}

/* "order 0101 0201", and so on: groupings of one instruction. */
static cw_rc read_told(struct parse *p, struct cw_dgi_list *list, struct cw_span rest, struct cw_fault *f) {
        size_t before = list->count;
        for (struct cw_span w = word(&rest); w.len; w = word(&rest))
                if (!cw_dgi_list_add(list, (const char *)w.ptr, w.len))
                        return wrong(p, "an instruction lists DGIs of four hex digits, each once; correct it",
                                     f);
        return list->count > before ? CW_OK : wrong(p, "an instruction needs a DGI; add it", f);
}

static cw_rc read_group(struct parse *p, struct cw_span rest, struct cw_fault *f) {
        struct cw_instructions *told = &p->file->told;
        if (told->group_count == CW_INSTRUCTED_GROUPS)
                return wrong(p, "more groups than this program takes; join some", f);
        struct cw_dgi_list *group = &told->group[told->group_count++];
        cw_rc rc = read_told(p, group, rest, f);
        return rc == CW_OK && group->count < 2 ? wrong(p, "a group has two DGIs or more; correct it", f) : rc;
}

static cw_rc read_seclev(struct parse *p, struct cw_span rest, struct cw_fault *f) {
        struct cw_span w = word(&rest);
        size_t n = 0;
        if (!cw_hex_decode((const char *)w.ptr, w.len, &p->file->told.seclev, 1, &n) || n != 1 ||
            word(&rest).len)
                return wrong(p, "seclev is one byte in hex, e.g. 03; correct it", f);
        if (p->file->told.seclev == 0)
                return wrong(
                    p,
                    "seclev 00 would send the data without a MAC, which this program does not do; use "
                    "01 or 03",
                    f);
        return CW_OK;
}

static cw_rc read_instruction(struct parse *p, struct cw_span key, struct cw_span rest, bool *ret_is,
                              struct cw_fault *f) {
        struct cw_instructions *told = &p->file->told;
        *ret_is = true;
        if (is(key, "order"))
                return read_told(p, &told->order, rest, f);
        if (is(key, "vercntl"))
                return read_told(p, &told->vercntl, rest, f);
        if (is(key, "enc"))
                return read_told(p, &told->enc, rest, f);
        if (is(key, "group"))
                return read_group(p, rest, f);
        if (is(key, "seclev"))
                return read_seclev(p, rest, f);
        *ret_is = false;
        return CW_OK;
}

static cw_rc read_name(struct parse *p, struct cw_span rest, struct cw_fault *f) {
        while (rest.len && *rest.ptr == ' ') {
                rest.ptr++;
                rest.len--;
        }
        if (rest.len < 2 || rest.len > 26)
                return wrong(p, "name has 2 to 26 characters, SURNAME/GIVEN; correct it", f);
        p->file->values.name = keep(p, rest);
        return CW_OK;
}

static cw_rc read_line(struct parse *p, struct cw_span line, struct cw_fault *f) {
        static const char *const values[] = {"pan", "expiry",        "service_code",
                                             "psn", "discretionary", "track2"};
        struct cw_span rest = line, key = word(&rest);
        if (key.len == 0 || key.ptr[0] == '#')
                return CW_OK;
        if (is(key, "dgi"))
                return read_dgi(p, rest, f);
        if (is(key, "name"))
                return read_name(p, rest, f);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
                if (is(key, values[i]))
                        return read_value(p, key, rest, f);
        bool instruction = false;
        cw_rc rc = read_instruction(p, key, rest, &instruction, f);
        if (instruction)
                return rc;
        return read_coded(p, line, f);
}

static size_t put_nibbles(uint8_t *to, const void *from, size_t len) {
        for (size_t i = 0; i < len; i++)
                to[i] = (uint8_t)(((const char *)from)[i] - '0');
        return len;
}

/* With {icvv} replaced; icvv NULL where there is none. */
static size_t put_discretionary(const struct cw_card_file *c, const char *icvv, uint8_t *to) {
        struct cw_span d = c->discretionary;
        if (!icvv)
                return put_nibbles(to, d.ptr, d.len);
        const uint8_t *mark = memmem(d.ptr, d.len, icvv_mark, ICVV_MARK);
        size_t before = (size_t)(mark - d.ptr), n = put_nibbles(to, d.ptr, before);
        n += put_nibbles(to + n, icvv, CW_CARD_FILE_ICVV);
        return n + put_nibbles(to + n, mark + ICVV_MARK, d.len - before - ICVV_MARK);
}

/* PAN D expiry, service code, discretionary data, packed (EMV Book 3, tag 57), behind what is in bytes. */
static bool make_track2(struct cw_card_file *c, const char *icvv) {
        struct cw_card_values *v = &c->values;
        CW_WIPED(uint8_t, nibbles, 48);
        size_t n = 0;
        n += put_nibbles(nibbles, v->pan.ptr, v->pan.len);
        nibbles[n++] = 0xd;
        n += put_nibbles(nibbles + n, v->expiry, strlen(v->expiry));
        n += put_nibbles(nibbles + n, v->service_code, strlen(v->service_code));
        n += put_discretionary(c, icvv, nibbles + n);
        if (n > TRACK2_NIBBLES)
                return false;
        if (n % 2)
                nibbles[n++] = 0xf;
        if (n / 2 > c->bytes->cap - c->bytes->len)
                return false;
        uint8_t *out = c->bytes->ptr + c->bytes->len;
        for (size_t i = 0; i < n; i += 2)
                out[i / 2] = (uint8_t)(nibbles[i] << 4 | nibbles[i + 1]);
        v->track2 = CW_SPAN(out, n / 2);
        c->bytes->len += n / 2;
        return true;
}

cw_rc cw_card_file_set_icvv(struct cw_card_file *c, const char icvv[CW_CARD_FILE_ICVV], struct cw_fault *f) {
        const struct cw_span three = CW_SPAN((const uint8_t *)icvv, CW_CARD_FILE_ICVV);
        if (!c->wants_icvv || !digits(three, CW_CARD_FILE_ICVV, CW_CARD_FILE_ICVV) || !make_track2(c, icvv))
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, "chip.card_file",
                               "PRD_UNEXPECTED_DATA",
                               "{icvv} is to be three digits, and track 2 37 at most; correct discretionary");
        return CW_OK;
}

/* {icvv} is of the card's own number and date, and has its place in the track that is made of them. */
static cw_rc finish(struct parse *p, struct cw_fault *f) {
        struct cw_card_file *c = p->file;
        c->has_values = c->values.pan.len && c->values.expiry[0];
        c->bytes->len = p->out.len;
        if (c->wants_icvv && (!c->has_values || c->values.track2.len))
                return wrong(p,
                             "{icvv} is made for pan and expiry, and stands in the track 2 that is made of "
                             "them; give both, and no track2",
                             f);
        if (c->has_values && !c->wants_icvv && c->values.track2.len == 0 && !make_track2(c, NULL))
                return wrong(p, "track 2 gets longer than 37 digits; take some of discretionary away", f);
        return CW_OK;
}

static cw_rc parse_lines(struct parse *p, struct cw_fault *f) {
        struct cw_span rest = CW_SPAN(p->file->text->ptr, p->file->text->len);
        while (rest.len) {
                const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
                size_t n = end ? (size_t)(end - rest.ptr) : rest.len, used = end ? n + 1 : n;
                struct cw_span line = CW_SPAN(rest.ptr, n && rest.ptr[n - 1] == '\r' ? n - 1 : n);
                p->line++;
                cw_rc rc = memchr(line.ptr, 0, line.len) ? wrong(p, "the file is not text", f)
                                                         : read_line(p, line, f);
                if (rc == CW_OK && p->out.bad)
                        rc = wrong(p, "more data than a card holds", f);
                if (rc != CW_OK)
                        return rc;
                rest = CW_SPAN(rest.ptr + used, rest.len - used);
        }
        return CW_OK;
}

cw_rc cw_card_file_parse(struct cw_span text, struct cw_card_file **ret, struct cw_fault *f) {
        CW_AUTO(cw_card_file_free) struct cw_card_file *c = calloc(1, sizeof *c);
        struct parse p = {.file = c};
        if (!c || text.len > CW_CARD_FILE_MAX || cw_secret_dup(text.ptr, text.len, &c->text) != CW_OK ||
            cw_secret_new(text.len + 256, &c->bytes) != CW_OK)
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_RETRY, CW_E_NOMEM), (int64_t)text.len,
                               "chip.card_file", "",
                               "the card data are too long, or there is no locked memory for them; raise "
                               "LimitMEMLOCK");
        c->values =
            (struct cw_card_values){.expiry = "", .service_code = "201", .psn = "00", .name = "CARD/TEST"};
        cw_writer_init(&p.out, c->bytes->ptr, c->bytes->cap);
        c->discretionary = CW_SPAN((const uint8_t *)"00000", 5);
        cw_rc rc = parse_lines(&p, f);
        if (rc == CW_OK)
                rc = finish(&p, f);
        if (rc != CW_OK)
                return rc;
        *ret = CW_STEAL(c);
        return CW_OK;
}

void cw_card_file_free(struct cw_card_file *c) {
        cw_secret_free(c->text);
        cw_secret_free(c->bytes);
        cw_wipe(c, sizeof *c);
        free(c);
}
