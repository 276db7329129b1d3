/* SPDX-License-Identifier: Apache-2.0 */
#include "nvm.h"

#include "nvm_json.h"

#include <libgen.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t cplc_model[42] = {
    0x47, 0x90, 0x50, 0x40, 0x47, 0x91, 0x01, 0x21,
    0x78, 0x00,                                     /* fabricator, type, OS, release date, level */
    0x41, 0x23, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* fabrication date, serial (4), batch (2) */
    0x12, 0x93, 0x41, 0x30, 0x12, 0x94, 0x41, 0x31, /* module fabricator, date, ICC maker, date */
    0x12, 0x95, 0x41, 0x32, 0x00, 0x00, 0x00, 0x01, /* pre-personaliser, date, equipment */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* personaliser, date, equipment: not yet */
};

/* The serial number follows the plastic's name, so a test can tell cards apart and find the same one again.
 */
static int give_identity(struct emuc_nvm *nvm) {
        uint8_t hash[EVP_MAX_MD_SIZE];
        unsigned len = 0;

        if (EVP_Digest(nvm->plastic, strlen(nvm->plastic), hash, &len, EVP_sha256(), NULL) != 1)
                return -1;
        memcpy(nvm->cplc, cplc_model, sizeof nvm->cplc);
        memcpy(nvm->cplc + 12, hash, 6);
        memcpy(nvm->kdd + 2, nvm->cplc + 10, 8);
        return 0;
}

const struct emuc_dgi *emuc_nvm_dgi(const struct emuc_nvm *nvm, uint32_t id) {
        for (size_t i = 0; i < nvm->dgi_count; i++)
                if (nvm->dgis[i].id == id)
                        return &nvm->dgis[i];
        return NULL;
}

bool emuc_nvm_put_dgi(struct emuc_nvm *nvm, uint32_t id, const uint8_t *value, size_t len) {
        struct emuc_dgi *slot = NULL;
        uint8_t *copy;

        for (size_t i = 0; i < nvm->dgi_count; i++)
                if (nvm->dgis[i].id == id)
                        slot = &nvm->dgis[i];
        if (!slot && nvm->dgi_count == EMUC_DGI_MAX)
                return false;
        copy = malloc(len ? len : 1);
        if (!copy)
                return false;
        if (len)
                memcpy(copy, value, len);
        if (!slot)
                slot = &nvm->dgis[nvm->dgi_count++];
        free(slot->value);
        *slot = (struct emuc_dgi){.id = id, .len = len, .value = copy};
        return true;
}

void emuc_nvm_clear_app(struct emuc_nvm *nvm, unsigned dir) {
        size_t kept = 0;

        for (size_t i = 0; i < nvm->dgi_count; i++) {
                if (nvm->dgis[i].id >> 16 != dir) {
                        nvm->dgis[kept++] = nvm->dgis[i];
                        continue;
                }
                OPENSSL_cleanse(nvm->dgis[i].value, nvm->dgis[i].len);
                free(nvm->dgis[i].value);
        }
        memset(nvm->dgis + kept, 0, (EMUC_DGI_MAX - kept) * sizeof nvm->dgis[0]);
        nvm->dgi_count = kept;
        if (dir)
                return;
        OPENSSL_cleanse(nvm->pin, sizeof nvm->pin);
        nvm->has_pin = false;
        nvm->pin_tries = 0;
        nvm->pin_limit = 0;
}

void emuc_nvm_free(struct emuc_nvm *nvm) {
        if (!nvm)
                return;
        for (unsigned dir = 0; dir <= 2; dir++)
                emuc_nvm_clear_app(nvm, dir);
        OPENSSL_cleanse(nvm->puts, sizeof nvm->puts);
        free(nvm);
}

static struct emuc_nvm *blank_chip(const char *plastic, unsigned key_tries) {
        struct emuc_nvm *nvm = calloc(1, sizeof *nvm);

        if (!nvm)
                return NULL;
        (void)snprintf(nvm->plastic, sizeof nvm->plastic, "%s", plastic);
        nvm->card_state = EMUC_CARD_OP_READY;
        nvm->app_state = EMUC_APP_SELECTABLE;
        nvm->tries02 = nvm->tries03 = key_tries;
        if (give_identity(nvm) < 0) {
                free(nvm);
                return NULL;
        }
        return nvm;
}

int emuc_nvm_open(const char *dir, unsigned key_tries, struct emuc_nvm **ret, char *err, size_t err_cap) {
        char *real = realpath(dir, NULL);
        struct emuc_nvm *nvm;

        if (!real) {
                (void)snprintf(err, err_cap, "no such plastic directory");
                return -1;
        }
        nvm = blank_chip(basename(real), key_tries);
        if (!nvm || snprintf(nvm->path, sizeof nvm->path, "%s/chip.json", real) >= (int)sizeof nvm->path) {
                (void)snprintf(err, err_cap, "no memory for the chip or path too long");
                free(real);
                emuc_nvm_free(nvm);
                return -1;
        }
        free(real);
        if (emuc_nvm_read_json(nvm, err, err_cap) < 0) {
                emuc_nvm_free(nvm);
                return -1;
        }
        if (emuc_nvm_save(nvm) < 0) {
                (void)snprintf(err, err_cap, "chip.json cannot be written");
                emuc_nvm_free(nvm);
                return -1;
        }
        *ret = nvm;
        return 0;
}
