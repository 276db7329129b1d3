/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library code adds to the bare C_* calls that an operation needs, on a private token, in one
 * session of one process. Both ways in turn, so that a busy machine is busy for both. The floor is those
 * calls alone: their arguments are what the library would give them, and nothing is looked up or checked.
 */
#include "measure.h"
#include "vector_token.h"

#include "base/file.h"
#include "base/secret.h"
#include "config/config.h"
#include "hsm/cvv.h"
#include "hsm/dukpt.h"
#include "hsm/kcv.h"
#include "hsm/p11_crypto.h"
#include "hsm/p11_wrap.h"
#include "hsm/pvv.h"
#include "hsm/scp_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 1500
/* Operations go into one sample until it is as long: reading the clock costs as much as one of them. */
#define SAMPLE_US 40
#define SHARE 0.95

static const uint8_t k_star[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                   0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
static const uint8_t ksn[CW_KSN_LEN] = {0xff, 0xff, 0x98, 0x76, 0x54, 0x32, 0x10, 0xe0, 0x00, 0x08};

static struct {
        struct cw_p11 *p;
        struct cw_hsm_crypto c;
        CK_FUNCTION_LIST *fn;
        CK_SESSION_HANDLE s;
        struct cw_retail_key cvk;
        struct cw_hsm_key in, out, aes_enc, aes_mac;
        CK_OBJECT_HANDLE unwrapping, wrapping;
        struct cw_dukpt_bdk bdk;
        struct cw_scp scp;
} w;

static void must(cw_rc rc, const struct cw_fault *f, const char *what) {
        if (rc == CW_OK)
                return;
        (void)fprintf(stderr, "bench-hsm-library: %s: %s\n", what, f->text);
        exit(1);
}

static void good(CK_RV rv, const char *what) {
        if (rv == CKR_OK)
                return;
        (void)fprintf(stderr, "bench-hsm-library: %s: 0x%lx\n", what, rv);
        exit(1);
}

/* ---- bare calls ---- */

static void bare_cipher(bool encrypt, CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_BYTE *in, CK_ULONG len,
                        CK_BYTE *out) {
        CK_ULONG n = len;
        if (encrypt) {
                good(w.fn->C_EncryptInit(w.s, m, key), "C_EncryptInit");
                good(w.fn->C_Encrypt(w.s, in, len, out, &n), "C_Encrypt");
        } else {
                good(w.fn->C_DecryptInit(w.s, m, key), "C_DecryptInit");
                good(w.fn->C_Decrypt(w.s, in, len, out, &n), "C_Decrypt");
        }
}

static CK_MECHANISM ecb = {CKM_DES3_ECB, NULL, 0};

static void bare_kcv(void) {
        CK_BYTE zero[8] = {0}, out[8];
        bare_cipher(true, &ecb, w.in.handle, zero, 8, out);
}

static void bare_cvv(void) {
        CK_BYTE block[8] = {1}, iv[8] = {0}, out[8];
        CK_MECHANISM cbc = {CKM_DES3_CBC, iv, 8};
        bare_cipher(true, &cbc, w.cvk.left.handle, block, 8, out);
        bare_cipher(true, &ecb, w.cvk.full.handle, out, 8, block);
}

static void bare_translate(void) {
        CK_BYTE block[8] = {1}, clear[8];
        bare_cipher(false, &ecb, w.in.handle, block, 8, clear);
        bare_cipher(true, &ecb, w.out.handle, clear, 8, block);
}

/* The arguments are part of what the operation needs: every attribute explicit. */
static CK_OBJECT_HANDLE bare_create(unsigned usage, CK_BYTE value[16]) {
        const struct cw_p11_spec spec = {
            .alg = CW_ALG_TDES2, .usage = usage, .sensitive = true, .value = value, .value_len = 16};
        struct cw_p11_template t;
        CK_OBJECT_HANDLE h = 0;
        cw_p11_template_fill(&t, &spec);
        good(w.fn->C_CreateObject(w.s, t.attr, t.count, &h), "C_CreateObject");
        return h;
}

/* What read-back asks of a new object: as many attributes in one call. */
static void bare_read_back(CK_OBJECT_HANDLE h) {
        CK_BBOOL v[9];
        CK_ATTRIBUTE_TYPE types[9] = {CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_PRIVATE, CKA_ENCRYPT, CKA_DECRYPT,
                                      CKA_SIGN,      CKA_DERIVE,      CKA_WRAP,    CKA_UNWRAP};
        CK_ATTRIBUTE t[9];
        for (size_t i = 0; i < 9; i++)
                t[i] = (CK_ATTRIBUTE){types[i], &v[i], 1};
        CK_RV rv = w.fn->C_GetAttributeValue(w.s, h, t, 9);
        good(rv == CKR_ATTRIBUTE_TYPE_INVALID ? CKR_OK : rv, "C_GetAttributeValue");
}

/* TDES DUKPT of a counter with one bit: two ciphers for the initial key, two for the step, one for the PIN;
 * three keys are made and destroyed. */
static void bare_dukpt(void) {
        CK_BYTE block[8] = {1}, value[16] = {2}, out[8];
        bare_cipher(true, &ecb, w.bdk.key.handle, block, 8, out);
        bare_cipher(true, &ecb, w.bdk.variant.handle, block, 8, out);
        for (int i = 0; i < 3; i++) {
                CK_OBJECT_HANDLE h = bare_create(i < 2 ? CW_USE_ENCRYPT : CW_USE_DECRYPT, value);
                bare_read_back(h);
                bare_cipher(i < 2, &ecb, h, block, 8, out);
                good(w.fn->C_DestroyObject(w.s, h), "C_DestroyObject");
        }
}

/* Counter block and padded data in one CBC, then the MAC over chaining value, header and data. */
static void bare_scp03_of(CK_ULONG padded) {
        CK_BYTE iv[16] = {0}, mac[16];
        CW_UNINITIALIZED CK_BYTE data[16 + 128], msg[16 + 5 + 128];
        CK_MECHANISM cbc = {CKM_AES_CBC, iv, 16}, cmac = {CKM_AES_CMAC, NULL, 0};
        CK_ULONG n = sizeof(mac);
        memset(data, 2, 16 + padded);
        memset(msg, 3, 16 + 5 + padded);
        bare_cipher(true, &cbc, w.aes_enc.handle, data, 16 + padded, data);
        good(w.fn->C_SignInit(w.s, &cmac, w.aes_mac.handle), "C_SignInit");
        good(w.fn->C_Sign(w.s, msg, 16 + 5 + padded, mac, &n), "C_Sign");
}

static void bare_scp03(void) {
        bare_scp03_of(32);
}

static void bare_scp03_dgi(void) {
        bare_scp03_of(128);
}

static void bare_translate_inside(void) {
        const struct cw_p11_spec spec = {.alg = CW_ALG_GENERIC, .sensitive = true, .extractable = true};
        struct cw_p11_template t;
        CK_BYTE block[8] = {1};
        CK_ULONG n = 8;
        CK_OBJECT_HANDLE h = 0;
        cw_p11_template_fill(&t, &spec);
        good(w.fn->C_UnwrapKey(w.s, &ecb, w.unwrapping, block, 8, t.attr, t.count, &h), "C_UnwrapKey");
        bare_read_back(h);
        good(w.fn->C_WrapKey(w.s, &ecb, w.wrapping, h, block, &n), "C_WrapKey");
        good(w.fn->C_DestroyObject(w.s, h), "C_DestroyObject");
}

/* ---- the same through the library ---- */

static struct cw_fault fault;

static void ours_kcv(void) {
        uint8_t out[3];
        must(cw_kcv(&w.c, &w.in, CW_KCV_LEGACY, out, 3, &fault), &fault, "kcv");
}

static void ours_cvv(void) {
        char cvv[CW_CVV_LEN + 1];
        must(cw_cvv(&w.c, &w.cvk, "4000001234567899", "3012", "101", cvv, &fault), &fault, "cvv");
}

static void ours_pvv(void) {
        char pvv[CW_PVV_LEN + 1];
        const struct cw_pin pin = {.len = 4, .digit = {4, 5, 2, 4}};
        must(cw_pvv(&w.c, &w.in, "1122334455667788", '1', &pin, pvv, &fault), &fault, "pvv");
}

static void ours_translate(void) {
        /* 0412... of PIN 4071, as the zone's key enciphers it */
        static uint8_t from[8];
        static const uint8_t clear[8] = {0x04, 0x40, 0x15, 0xdb, 0x97, 0xfb, 0xb9, 0x79};
        uint8_t account[8], block[8], to[8];
        struct cw_pin pin;
        if (from[0] == 0)
                must(cw_hsm_encrypt(&w.c, &w.in, CW_MODE_ECB, NULL, clear, 8, from, &fault), &fault,
                     "translate");
        must(cw_pinblock_account_pan12("4266424680446864", account, &fault), &fault, "translate");
        must(cw_hsm_decrypt(&w.c, &w.in, CW_MODE_ECB, NULL, from, 8, block, &fault), &fault, "translate");
        must(cw_pinblock_decode0(block, account, &pin, &fault), &fault, "translate");
        cw_pinblock_encode0(&pin, account, block);
        must(cw_hsm_encrypt(&w.c, &w.out, CW_MODE_ECB, NULL, block, 8, to, &fault), &fault, "translate");
}

static void ours_translate_inside(void) {
        static const struct cw_p11_spec spec = {
            .alg = CW_ALG_GENERIC, .sensitive = true, .extractable = true};
        static const uint8_t block[8] = {1};
        uint8_t to[8];
        CK_OBJECT_HANDLE h = 0;
        must(cw_p11_unwrap(w.p, w.unwrapping, CKM_DES3_ECB, block, 8, &spec, &h, &fault), &fault, "unwrap");
        must(cw_p11_wrap(w.p, w.wrapping, CKM_DES3_ECB, h, to, 8, &fault), &fault, "wrap");
        cw_p11_destroy(w.p, h);
}

static void ours_dukpt(void) {
        static const uint8_t block[8] = {1};
        uint8_t clear[8];
        must(cw_dukpt_pin_decrypt(&w.c, &w.bdk, ksn, block, clear, &fault), &fault, "dukpt");
}

static void ours_scp03_of(const uint8_t *store, size_t len) {
        static struct cw_scp_wrapped out; /* hsmd has one for all APDUs of a batch */
        must(cw_scp_wrap(&w.scp, store, len, &out, &fault), &fault, "scp03");
}

static void ours_scp03(void) {
        static const uint8_t store[5 + 24] = {0x80, 0xe2, 0x00, 0x00, 24};
        ours_scp03_of(store, sizeof(store));
}

/* As long as the data groupings of the personalisation row are. */
static void ours_scp03_dgi(void) {
        static const uint8_t store[5 + 123] = {0x80, 0xe2, 0x00, 0x00, 123};
        ours_scp03_of(store, sizeof(store));
}

static const struct row {
        const char *name, *bare_name;
        void (*ours)(void), (*bare)(void);
        bool inside; /* needs unwrap and wrap */
} rows[] = {
    {"PIN translate, host memory", "1 C_Decrypt, 1 C_Encrypt", ours_translate, bare_translate, false},
    {"PIN translate, in token", "C_UnwrapKey, C_WrapKey", ours_translate_inside, bare_translate_inside, true},
    {"CVV", "2 C_Encrypt", ours_cvv, bare_cvv, false},
    {"PVV", "1 C_Encrypt", ours_pvv, bare_kcv, false},
    {"KCV", "1 C_Encrypt", ours_kcv, bare_kcv, false},
    {"TDES DUKPT PIN", "5 ciphers, 3 keys made", ours_dukpt, bare_dukpt, false},
    {"SCP03 wrap of one APDU", "1 C_Encrypt, 1 C_Sign", ours_scp03, bare_scp03, false},
    {"SCP03 wrap of a DGI, 123 bytes", "1 C_Encrypt, 1 C_Sign", ours_scp03_dgi, bare_scp03_dgi, false},
};

static double mean_us(void (*fn)(void), unsigned count) {
        int64_t start = measure_now_ns();
        for (unsigned i = 0; i < count; i++)
                fn();
        return (double)(measure_now_ns() - start) / 1000 / count;
}

static void run(const struct row *r, const char *token) {
        static struct samples ours, bare;
        double one_us = mean_us(r->bare, 200);
        unsigned batch = one_us >= SAMPLE_US ? 1 : (unsigned)(SAMPLE_US / one_us);
        ours.count = bare.count = 0;
        (void)mean_us(r->ours, 200);
        for (int i = 0; i < ROUNDS; i++) {
                double first = mean_us(i % 2 ? r->ours : r->bare, batch);
                double second = mean_us(i % 2 ? r->bare : r->ours, batch);
                ours.us[ours.count++] = i % 2 ? first : second;
                bare.us[bare.count++] = i % 2 ? second : first;
        }
        const struct measure_row line = {r->name, token, r->bare_name, MEASURE_SHARE, SHARE};
        measure_print(&line, &ours, &bare);
}

static struct cw_hsm_key import(enum cw_hsm_alg alg, unsigned usage, const uint8_t *value) {
        struct cw_fault f;
        struct cw_hsm_key k = {0};
        must(cw_hsm_import(&w.c, alg, usage, value, &k, &f), &f, "import");
        return k;
}

static bool make_zone_keys(void) {
        struct cw_fault f;
        struct cw_p11_spec spec = {
            .alg = CW_ALG_TDES2, .usage = CW_USE_UNWRAP, .sensitive = true, .value = k_star, .value_len = 16};
        const struct cw_p11_spec block = {.alg = CW_ALG_GENERIC, .sensitive = true, .extractable = true};
        CK_OBJECT_HANDLE h = 0;
        must(cw_p11_create(w.p, &spec, &w.unwrapping, &f), &f, "create");
        spec.usage = CW_USE_WRAP;
        must(cw_p11_create(w.p, &spec, &w.wrapping, &f), &f, "create");
        if (cw_p11_unwrap(w.p, w.unwrapping, CKM_DES3_ECB, k_star, 8, &block, &h, &f) != CW_OK)
                return false;
        cw_p11_destroy(w.p, h);
        return true;
}

static void make_keys(void) {
        const unsigned both = CW_USE_ENCRYPT | CW_USE_DECRYPT;
        struct cw_fault f;
        uint8_t variant[16];
        must(cw_retail_key_import(&w.c, k_star, &w.cvk, &f), &f, "cvk");
        w.in = import(CW_ALG_TDES2, both, k_star);
        w.out = import(CW_ALG_TDES2, both, k_star);
        w.aes_enc = import(CW_ALG_AES128, both, k_star);
        w.aes_mac = import(CW_ALG_AES128, CW_USE_MAC, k_star);
        cw_dukpt_variant(k_star, variant);
        w.bdk =
            (struct cw_dukpt_bdk){import(CW_ALG_TDES2, both, k_star), import(CW_ALG_TDES2, both, variant)};
        w.scp = (struct cw_scp){.c = &w.c,
                                .protocol = &cw_scp03_protocol,
                                .authenticated = true,
                                .level = CW_SCP_C_MAC | CW_SCP_C_ENC,
                                .enc = w.aes_enc,
                                .mac03 = w.aes_mac};
        w.scp.card.scp = 3;
        w.scp.card.mode_len = 8;
}

static void open_token(const char *dir, struct cw_config **ret_cfg) {
        CW_AUTO(cw_secret_free) struct cw_secret *pin = NULL;
        struct cw_fault f = {0};
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/config.json", dir);
        must(cw_config_load(path, stderr, ret_cfg, &f), &f, "configuration");
        const struct cw_config *cfg = *ret_cfg;
        must(cw_credential_read(cfg->agent.credential_dir, cfg->hsm.pin_credential, 64, &pin, &f), &f, "PIN");
        must(cw_p11_open(&cfg->hsm, false, NULL, &w.p, &f), &f, "open");
        must(cw_p11_login(w.p, pin, &f), &f, "login");
        cw_p11_crypto_init(w.p, &w.c);
        w.fn = w.p->fn;
        w.s = w.p->session;
}

int main(int argc, char **argv) {
        struct vector_token token;
        CW_AUTO(cw_config_free) struct cw_config *cfg = NULL;
        if (argc != 2) {
                (void)fprintf(stderr, "usage: bench-hsm-library softhsm|nss|opencryptoki\n");
                return 2;
        }
        bool started = vector_token_start(&token, argv[1], &(struct vector_options){0});
        if (started) {
                open_token(token.dir, &cfg);
                make_keys();
                bool inside = make_zone_keys();
                measure_head();
                for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                        if (inside || !rows[i].inside)
                                run(&rows[i], argv[1]);
                }
                cw_p11_close(w.p);
        }
        vector_token_stop(&token);
        return started ? 0 : 2;
}
