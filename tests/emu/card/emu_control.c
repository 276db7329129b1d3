/* SPDX-License-Identifier: Apache-2.0 */
#include "emu.h"

#include "../control/jsonline.h"

#include <string.h>

static json_t *ok(void) {
        return json_pack("{s:b}", "ok", 1);
}

static json_t *present(struct emuc_emu *e, const json_t *request) {
        const char *dir = json_string_value(json_object_get(request, "plastic"));
        char err[256];

        if (!dir)
                return emu_jsonline_error("present needs \"plastic\", the directory of the card");
        return emuc_emu_present(e, dir, err, sizeof err) == 0 ? ok() : emu_jsonline_error("%s", err);
}

static json_t *fault(struct emuc_emu *e, const json_t *request) {
        struct emuc_fault f;
        char err[160];

        if (!emuc_fault_parse(request, &f, err, sizeof err))
                return emu_jsonline_error("%s", err);
        if (f.kind == EMUC_FAULT_NONE) {
                memset(e->faults, 0, sizeof e->faults);
                return ok();
        }
        if (f.kind == EMUC_FAULT_SWAP && f.ins < 0 && !json_object_get(request, "nth"))
                return emuc_emu_present(e, f.plastic, err, sizeof err) == 0 ? ok()
                                                                            : emu_jsonline_error("%s", err);
        for (size_t i = 0; i < EMUC_FAULTS; i++) {
                if (e->faults[i].kind == EMUC_FAULT_NONE) {
                        e->faults[i] = f;
                        return ok();
                }
        }
        return emu_jsonline_error("too many faults armed");
}

static const char *card_state_name(uint8_t state) {
        switch (state) {
        case EMUC_CARD_OP_READY:
                return "OP_READY";
        case EMUC_CARD_INITIALIZED:
                return "INITIALIZED";
        case EMUC_CARD_SECURED:
                return "SECURED";
        case EMUC_CARD_LOCKED:
                return "CARD_LOCKED";
        default:
                return "TERMINATED";
        }
}

static const char *app_state_name(uint8_t state) {
        if (state & EMUC_APP_LOCKED_BIT)
                return "LOCKED";
        return state == EMUC_APP_PERSONALIZED ? "PERSONALIZED" : "SELECTABLE";
}

static void put_hex(json_t *o, const char *name, const uint8_t *p, size_t len) {
        char text[2 * 42 + 1];

        for (size_t i = 0; i < len && i < 42; i++)
                (void)snprintf(text + 2 * i, 3, "%02X", p[i]);
        json_object_set_new(o, name, json_string(text));
}

static json_t *chip_state(const struct emuc_nvm *n) {
        json_t *o =
            json_pack("{s:s,s:s,s:s,s:b,s:I,s:I,s:I,s:i,s:i,s:i,s:i,s:i}", "plastic", n->plastic,
                      "life_cycle", card_state_name(n->card_state), "app_state", app_state_name(n->app_state),
                      "personalised", n->app_state == EMUC_APP_PERSONALIZED, "apdus", (json_int_t)n->apdus,
                      "ext_auth_failures", (json_int_t)n->auth_failures, "arqc", (json_int_t)n->arqcs, "atc",
                      (int)n->atc, "pin_tries", (int)n->pin_tries, "key_tries_scp02", (int)n->tries02,
                      "key_tries_scp03", (int)n->tries03, "dgis", (int)n->dgi_count);

        if (o) {
                put_hex(o, "cplc", n->cplc, sizeof n->cplc);
                put_hex(o, "kdd", n->kdd, sizeof n->kdd);
                json_object_set_new(o, "extended", json_integer((json_int_t)n->extended));
        }
        return o;
}

/* The card in the reader, or the one whose directory is named. */
static json_t *state(struct emuc_emu *e, const json_t *request) {
        const char *dir = json_string_value(json_object_get(request, "plastic"));
        struct emuc_nvm *other = NULL;
        char err[256];
        json_t *o = json_pack("{s:b,s:b,s:b,s:I,s:O}", "ok", 1, "present", e->chip != NULL, "connected",
                              e->vpcd.fd >= 0, "violation_count", (json_int_t)e->violation_count,
                              "violations", e->violations);
        json_t *chip = NULL;

        if (dir && (!e->chip || strcmp(dir, e->dir) != 0)) {
                if (emuc_nvm_open(dir, e->cfg.key_tries, &other, err, sizeof err) < 0) {
                        json_decref(o);
                        return emu_jsonline_error("%s", err);
                }
                chip = chip_state(other);
                emuc_nvm_free(other);
        } else if (e->chip) {
                chip = chip_state(e->chip->nvm);
        }
        if (chip) {
                (void)json_object_update(o, chip);
                json_decref(chip);
        }
        return o;
}

json_t *emuc_emu_control(void *ctx, const json_t *request) {
        struct emuc_emu *e = ctx;
        const char *cmd = json_string_value(json_object_get(request, "cmd"));

        if (cmd && strcmp(cmd, "present") == 0)
                return present(e, request);
        if (cmd && strcmp(cmd, "remove") == 0) {
                emuc_emu_remove(e);
                return ok();
        }
        if (cmd && strcmp(cmd, "fault") == 0)
                return fault(e, request);
        if (cmd && strcmp(cmd, "state") == 0)
                return state(e, request);
        return emu_jsonline_error("cmd is present, remove, state or fault");
}
