/* SPDX-License-Identifier: Apache-2.0 */
#include "nvm_json.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static json_t *hex(const uint8_t *p, size_t len) {
        char *text = malloc(2 * len + 1);
        json_t *j = NULL;

        if (text && cw_hex_encode(p, len, text, 2 * len + 1))
                j = json_string(text);
        free(text);
        return j;
}

static bool unhex(const json_t *j, uint8_t *out, size_t cap, size_t *ret_len) {
        const char *text = json_string_value(j);

        return text && cw_hex_decode(text, strlen(text), out, cap, ret_len);
}

static json_t *dgis_json(const struct emuc_nvm *nvm) {
        json_t *o = json_object();

        for (size_t i = 0; o && i < nvm->dgi_count; i++) {
                char name[12];
                (void)snprintf(name, sizeof name, "%04X", (unsigned)nvm->dgis[i].id);
                json_object_set_new(o, name, hex(nvm->dgis[i].value, nvm->dgis[i].len));
        }
        return o;
}

static json_t *puts_json(const struct emuc_nvm *nvm) {
        json_t *list = json_array();

        for (size_t i = 0; list && i < nvm->put_count; i++) {
                const struct emuc_put *p = &nvm->puts[i];
                json_array_append_new(list, json_pack("{s:i, s:i, s:i, s:o, s:o, s:o}", "kvn", p->kvn,
                                                      "replaces", p->replaces, "type", p->type, "enc",
                                                      hex(p->key[0], p->len), "mac", hex(p->key[1], p->len),
                                                      "dek", hex(p->key[2], p->len)));
        }
        return list;
}

static json_t *to_json(const struct emuc_nvm *nvm) {
        return json_pack(
            "{s:i, s:s, s:o, s:o, s:i, s:i, s:I, s:I, s:i, s:i, s:o, s:o, s:o, s:i, s:i, s:i, s:i,"
            " s:I, s:I, s:I, s:i, s:b, s:b, s:b, s:o}",
            "version", 1, "plastic", nvm->plastic, "cplc", hex(nvm->cplc, sizeof nvm->cplc), "kdd",
            hex(nvm->kdd, sizeof nvm->kdd), "card_state", nvm->card_state, "app_state", nvm->app_state,
            "ssc02", (json_int_t)nvm->ssc02, "ssc03", (json_int_t)nvm->ssc03, "tries02", (int)nvm->tries02,
            "tries03", (int)nvm->tries03, "next_challenge", hex(nvm->next_challenge, nvm->next_challenge_len),
            "dgis", dgis_json(nvm), "pin", hex(nvm->pin, nvm->has_pin ? 8 : 0), "pin_tries", nvm->pin_tries,
            "pin_limit", nvm->pin_limit, "atc", nvm->atc, "last_online_atc", nvm->last_online_atc, "apdus",
            (json_int_t)nvm->apdus, "arqcs", (json_int_t)nvm->arqcs, "auth_failures",
            (json_int_t)nvm->auth_failures, "directories", (int)nvm->directories, "app_blocked",
            nvm->app_blocked, "card_blocked", nvm->card_blocked, "app_deleted", nvm->app_deleted, "puts",
            puts_json(nvm));
}

static bool write_all(int fd, const char *text, size_t len) {
        while (len) {
                ssize_t n = write(fd, text, len);
                if (n <= 0)
                        return false;
                text += n;
                len -= (size_t)n;
        }
        return true;
}

/* No fsync: the chip must survive the death of this process, not of the machine. */
int emuc_nvm_save(const struct emuc_nvm *nvm) {
        char tmp[EMUC_PATH_MAX + 8];
        json_t *j = to_json(nvm);
        char *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
        int fd, rc = -1;

        json_decref(j);
        if (!text)
                return -1;
        (void)snprintf(tmp, sizeof tmp, "%s.new", nvm->path);
        fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd >= 0) {
                bool ok = write_all(fd, text, strlen(text));
                ok = close(fd) == 0 && ok;
                if (ok && rename(tmp, nvm->path) == 0)
                        rc = 0;
        }
        OPENSSL_cleanse(text, strlen(text));
        free(text);
        return rc;
}

static bool read_dgis(struct emuc_nvm *nvm, json_t *o) {
        const char *name;
        json_t *v;

        json_object_foreach(o, name, v) {
                size_t cap = json_string_length(v) / 2 + 1, len = 0;
                uint8_t *value = malloc(cap);
                bool ok = value && unhex(v, value, cap, &len) &&
                          emuc_nvm_put_dgi(nvm, (uint32_t)strtoul(name, NULL, 16), value, len);
                free(value);
                if (!ok)
                        return false;
        }
        return true;
}

static bool read_bytes(struct emuc_nvm *nvm, const json_t *j) {
        size_t n = 0;

        if (!unhex(json_object_get(j, "cplc"), nvm->cplc, sizeof nvm->cplc, &n) || n != sizeof nvm->cplc)
                return false;
        if (!unhex(json_object_get(j, "kdd"), nvm->kdd, sizeof nvm->kdd, &n) || n != sizeof nvm->kdd)
                return false;
        if (!unhex(json_object_get(j, "next_challenge"), nvm->next_challenge, sizeof nvm->next_challenge,
                   &nvm->next_challenge_len))
                return false;
        if (!unhex(json_object_get(j, "pin"), nvm->pin, sizeof nvm->pin, &n) || (n != 0 && n != 8))
                return false;
        nvm->has_pin = n == 8;
        return true;
}

static json_int_t number(const json_t *j, const char *name);

static bool read_puts(struct emuc_nvm *nvm, const json_t *list) {
        static const char *const names[3] = {"enc", "mac", "dek"};

        if (json_array_size(list) > EMUC_PUTS_MAX)
                return false;
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *o = json_array_get(list, i);
                struct emuc_put *p = &nvm->puts[nvm->put_count++];
                p->kvn = (uint8_t)number(o, "kvn");
                p->replaces = (uint8_t)number(o, "replaces");
                p->type = (uint8_t)number(o, "type");
                for (size_t k = 0; k < 3; k++)
                        if (!unhex(json_object_get(o, names[k]), p->key[k], sizeof p->key[k], &p->len))
                                return false;
        }
        return true;
}

static json_int_t number(const json_t *j, const char *name) {
        return json_integer_value(json_object_get(j, name));
}

static bool from_json(struct emuc_nvm *nvm, const json_t *j) {
        if (number(j, "version") != 1 || !read_bytes(nvm, j) || !read_dgis(nvm, json_object_get(j, "dgis")) ||
            !read_puts(nvm, json_object_get(j, "puts")))
                return false;
        nvm->card_state = (uint8_t)number(j, "card_state");
        nvm->app_state = (uint8_t)number(j, "app_state");
        nvm->ssc02 = (uint32_t)number(j, "ssc02");
        nvm->ssc03 = (uint32_t)number(j, "ssc03");
        nvm->tries02 = (unsigned)number(j, "tries02");
        nvm->tries03 = (unsigned)number(j, "tries03");
        nvm->pin_tries = (uint8_t)number(j, "pin_tries");
        nvm->pin_limit = (uint8_t)number(j, "pin_limit");
        nvm->atc = (uint16_t)number(j, "atc");
        nvm->last_online_atc = (uint16_t)number(j, "last_online_atc");
        nvm->directories = (unsigned)number(j, "directories");
        nvm->apdus = (uint64_t)number(j, "apdus");
        nvm->arqcs = (uint64_t)number(j, "arqcs");
        nvm->app_deleted = json_is_true(json_object_get(j, "app_deleted"));
        nvm->app_blocked = json_is_true(json_object_get(j, "app_blocked"));
        nvm->card_blocked = json_is_true(json_object_get(j, "card_blocked"));
        nvm->auth_failures = (uint64_t)number(j, "auth_failures");
        return nvm->card_state != 0 && nvm->app_state != 0;
}

int emuc_nvm_read_json(struct emuc_nvm *nvm, char *err, size_t err_cap) {
        json_error_t je;
        json_t *j;
        bool ok;

        if (access(nvm->path, F_OK) < 0 && errno == ENOENT)
                return 0;
        j = json_load_file(nvm->path, JSON_REJECT_DUPLICATES, &je);
        if (!j) {
                (void)snprintf(err, err_cap, "chip.json: %s at line %d", je.text, je.line);
                return -1;
        }
        ok = from_json(nvm, j);
        json_decref(j);
        if (!ok)
                (void)snprintf(err, err_cap, "chip.json does not describe a chip");
        return ok ? 0 : -1;
}
