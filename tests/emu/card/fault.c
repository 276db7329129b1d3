/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

static bool hex_number(const json_t *o, const char *name, size_t bytes, unsigned *ret) {
        const char *text = json_string_value(json_object_get(o, name));
        uint8_t b[2] = {0};
        size_t n = 0;

        if (!text || !cw_hex_decode(text, strlen(text), b, sizeof b, &n) || n != bytes)
                return false;
        *ret = bytes == 1 ? b[0] : (unsigned)(b[0] << 8 | b[1]);
        return true;
}

static bool parse_kind(const json_t *request, struct emuc_fault *f) {
        static const struct {
                const char *name;
                enum emuc_fault_kind kind;
        } kinds[] = {{"none", EMUC_FAULT_NONE}, {"die", EMUC_FAULT_DIE},  {"tear", EMUC_FAULT_TEAR},
                     {"mute", EMUC_FAULT_MUTE}, {"sw", EMUC_FAULT_SW},    {"late", EMUC_FAULT_LATE},
                     {"rmac", EMUC_FAULT_RMAC}, {"swap", EMUC_FAULT_SWAP}};
        const char *text = json_string_value(json_object_get(request, "kind"));

        for (size_t i = 0; text && i < sizeof kinds / sizeof kinds[0]; i++) {
                if (strcmp(text, kinds[i].name) == 0) {
                        f->kind = kinds[i].kind;
                        return true;
                }
        }
        return false;
}

static bool parse_when(const json_t *request, struct emuc_fault *f) {
        const json_t *nth = json_object_get(request, "nth"),
                     *reconnect = json_object_get(request, "reconnect");
        unsigned ins = 0;

        f->nth = nth ? (unsigned)json_integer_value(nth) : 1;
        f->ins = -1;
        if (json_object_get(request, "ins")) {
                if (!hex_number(request, "ins", 1, &ins))
                        return false;
                f->ins = (int)ins;
        }
        f->repeat = json_is_true(json_object_get(request, "repeat"));
        f->reconnect = reconnect ? json_is_true(reconnect) : f->kind == EMUC_FAULT_TEAR;
        return f->nth >= 1;
}

bool emuc_fault_parse(const json_t *request, struct emuc_fault *ret, char *err, size_t err_cap) {
        struct emuc_fault f = {0};
        const char *plastic = json_string_value(json_object_get(request, "plastic"));
        unsigned sw = 0;

        if (!parse_kind(request, &f) || !parse_when(request, &f)) {
                (void)snprintf(
                    err, err_cap,
                    "fault: kind is none, die, tear, mute, sw, late, rmac or swap; nth >= 1; ins is hex");
                return false;
        }
        f.ms = json_integer_value(json_object_get(request, "ms"));
        if (f.kind == EMUC_FAULT_SW && !hex_number(request, "sw", 2, &sw)) {
                (void)snprintf(err, err_cap, "fault sw needs \"sw\", four hex digits");
                return false;
        }
        f.sw = (uint16_t)sw;
        if (f.kind == EMUC_FAULT_LATE && f.ms <= 0) {
                (void)snprintf(err, err_cap, "fault late needs \"ms\"");
                return false;
        }
        if (f.kind == EMUC_FAULT_SWAP && (!plastic || strlen(plastic) >= sizeof f.plastic)) {
                (void)snprintf(err, err_cap, "fault swap needs \"plastic\"");
                return false;
        }
        if (plastic)
                (void)snprintf(f.plastic, sizeof f.plastic, "%s", plastic);
        *ret = f;
        return true;
}

bool emuc_fault_match(struct emuc_fault list[EMUC_FAULTS], uint8_t ins, struct emuc_fault *ret) {
        for (size_t i = 0; i < EMUC_FAULTS; i++) {
                struct emuc_fault *f = &list[i];
                if (f->kind == EMUC_FAULT_NONE || (f->ins >= 0 && f->ins != ins))
                        continue;
                if (f->nth > 1) {
                        f->nth--;
                        continue;
                }
                *ret = *f;
                if (!f->repeat)
                        *f = (struct emuc_fault){0};
                return true;
        }
        return false;
}
