/* SPDX-License-Identifier: Apache-2.0 */
#include "hsm/capability.h"

#include <stdio.h>
#include <string.h>

#define NEEDS_MAX 5u

static const struct operation {
        const char *name;
        bool never_inside;             /* no generic token can: text says why */
        const char *inside[NEEDS_MAX]; /* probes that keep it in the token */
        const char *host[NEEDS_MAX];   /* probes it needs where clear values come into host memory */
        const char *leaves_inside, *leaves_host;
        const char *text;
} operations[CW_OPERATIONS] = {
    [CW_OPERATION_CARD_NUMBER] =
        {"card-number", false, {"aes-gcm-iv16"}, {NULL}, "the PAN, which the card needs", "", ""},
    [CW_OPERATION_PAN_HASH] = {"pan-hash", false, {"hmac-sha256"}, {NULL}, "the keyed hash", "", ""},
    [CW_OPERATION_CVV] =
        {"cvv", false, {"tdes-ecb"}, {NULL}, "the values, and the first block under single DES", "", ""},
    [CW_OPERATION_MAC] =
        {"mac", false, {"tdes-ecb", "tdes-cbc"}, {NULL}, "the MAC, and its chain under single DES", "", ""},
    [CW_OPERATION_KCV] = {"kcv", false, {"tdes-ecb", "aes-ecb"}, {NULL}, "the check value", "", ""},
    [CW_OPERATION_ICC_KEYS] =
        {"icc-keys", false, {"tdes-ecb-derive"}, {"tdes-ecb", "tdes-cbc"}, "", "the card's master keys", ""},
    [CW_OPERATION_ICC_PERSO] = {"icc-perso",
                                false,
                                {"tdes-ecb-derive"},
                                {"tdes-ecb", "tdes-cbc"},
                                "the card's own master keys, until they are enciphered for it",
                                "the card's own master keys",
                                ""},
    [CW_OPERATION_SCP02] = {"scp02",
                            false,
                            {"tdes-ecb-derive", "tdes-cbc-derive"},
                            {"tdes-ecb", "tdes-cbc"},
                            "",
                            "card keys and session keys",
                            ""},
    [CW_OPERATION_SCP03] = {"scp03",
                            false,
                            {"aes-ecb", "aes-cbc", "aes-cmac-or-cipher"},
                            {NULL},
                            "card and session keys, on their way back into the token",
                            "",
                            ""},
    [CW_OPERATION_DUKPT_AES] = {"dukpt-aes",
                                false,
                                {"aes-ecb-derive"},
                                {"aes-ecb"},
                                "the MAC or the data",
                                "every key of the chain, and the MAC or the data",
                                ""},
    [CW_OPERATION_DUKPT_AES_PIN] = {"dukpt-aes-pin",
                                    true,
                                    {NULL},
                                    {"aes-ecb"},
                                    "",
                                    "the PIN block and the PIN",
                                    "no generic token looks into a PIN block"},
    [CW_OPERATION_CMAC] = {"cmac", false, {"aes-cmac-or-cipher"}, {NULL}, "the MAC", "", ""},
    [CW_OPERATION_CAVV] =
        {"cavv", false, {"tdes-ecb"}, {NULL}, "the value, and the first block under single DES", "", ""},
    [CW_OPERATION_DCVV] = {"dcvv",
                           false,
                           {"tdes-ecb-derive", "tdes-ecb"},
                           {"tdes-ecb", "tdes-cbc"},
                           "the value",
                           "the card's master key",
                           ""},
    [CW_OPERATION_CVC3] = {"cvc3",
                           false,
                           {"tdes-ecb-derive", "tdes-ecb", "tdes-cbc"},
                           {"tdes-ecb", "tdes-cbc"},
                           "the value",
                           "the card's master key",
                           ""},
    [CW_OPERATION_CRYPTOGRAM] = {"arqc-arpc",
                                 false,
                                 {"tdes-ecb-derive", "tdes-ecb", "tdes-cbc"},
                                 {"tdes-ecb", "tdes-cbc"},
                                 "the cryptograms, and their chain under single DES",
                                 "the card's master key and session key",
                                 ""},
    [CW_OPERATION_SCRIPT] = {"issuer-script",
                             false,
                             {"tdes-ecb-derive", "tdes-ecb", "tdes-cbc"},
                             {"tdes-ecb", "tdes-cbc"},
                             "the MAC",
                             "the card's keys and session keys",
                             ""},
    [CW_OPERATION_SCRIPT_VISA] = {"issuer-script-visa",
                                  false,
                                  {"tdes-ecb-derive", "tdes-ecb", "tdes-cbc", "tdes-key-xor"},
                                  {"tdes-ecb", "tdes-cbc"},
                                  "the MAC",
                                  "CVN10 and CVN18: card and session key, on their way back into the token",
                                  ""},
    [CW_OPERATION_PIN_CHANGE] = {"pin-change",
                                 true,
                                 {NULL},
                                 {"tdes-ecb", "tdes-cbc"},
                                 "",
                                 "the PIN; Visa: also the card's key for cryptograms",
                                 "hsmd writes the PIN into the message itself"},
    [CW_OPERATION_PIN_GENERATE] =
        {"pin-generate", true, {NULL}, {"random", "tdes-ecb"}, "", "the PIN", "no generic token makes PINs"},
    [CW_OPERATION_ISSUER_RSA] = {"issuer-rsa", false, {"rsa-sign"}, {NULL}, "the signatures", "", ""},
    [CW_OPERATION_ICC_KEY_PAIR] = {"icc-key-pair",
                                   false,
                                   {"rsa-generate"},
                                   {NULL},
                                   "the chip's private key, until it is enciphered for the chip",
                                   "",
                                   ""},
    [CW_OPERATION_KMC] = {"kmc-diversification",
                          false,
                          {"tdes-ecb-derive"},
                          {"tdes-ecb", "tdes-cbc"},
                          "",
                          "the card's keys",
                          ""},
    [CW_OPERATION_DEK] = {"dek", false, {"tdes-ecb", "aes-cbc"}, {NULL}, "what is enciphered", "", ""},
    [CW_OPERATION_PIN_TRANSLATE] =
        {"pin-translate", false, {"tdes-ecb-unwrap", "tdes-ecb-wrap"}, {"tdes-ecb"}, "", "the PIN block", ""},
    [CW_OPERATION_PIN_TRANSLATE_FORMAT] =
        {"pin-translate-format",
         true,
         {NULL},
         {"tdes-ecb"},
         "",
         "the PIN",
         "fillers depend on the length of the PIN, which no token looks at"},
    [CW_OPERATION_PVV] = {"pvv", false, {"pvv"}, {"tdes-ecb"}, "the PVV", "the PIN", ""},
    [CW_OPERATION_IBM3624] =
        {"ibm3624", true, {NULL}, {"tdes-ecb"}, "", "the PIN", "no generic token subtracts digits"},
    [CW_OPERATION_DUKPT_TDES] = {"dukpt-tdes",
                                 true,
                                 {NULL},
                                 {"tdes-ecb"},
                                 "",
                                 "initial key, transaction key, PIN block and PIN",
                                 "no generic token derives TDES DUKPT keys"},
    [CW_OPERATION_PIN_FORM] = {"set-pin-form",
                               true,
                               {NULL},
                               {"aes-gcm-iv16"},
                               "",
                               "the PIN block",
                               "no generic token seals an object as text"},
    [CW_OPERATION_KEYBLOCK] = {"key-block",
                               true,
                               {NULL},
                               {"tdes-ecb", "tdes-cbc", "aes-ecb", "aes-cbc"},
                               "",
                               "the key in the block and the keys of the block",
                               "no generic token checks the MAC of a key block"},
    [CW_OPERATION_COMPONENT] = {"key-component",
                                true,
                                {NULL},
                                {"tdes-ecb"},
                                "",
                                "the components and the key",
                                "no generic token joins components"},
};

const char *cw_path_name(enum cw_path path) {
        static const char *const names[] = {"refused", "host-memory", "in-token"};
        return names[path];
}

static const struct cw_probe *find(const struct cw_capabilities *c, const char *name) {
        const struct cw_probe *p = cw_probe_find(&c->required, name);
        return p != NULL ? p : cw_probe_find(&c->more, name);
}

/* The first probe of the list that failed; NULL when all passed. */
static const struct cw_probe *failed(const struct cw_capabilities *c, const char *const needs[NEEDS_MAX]) {
        for (size_t i = 0; i < NEEDS_MAX && needs[i] != NULL; i++) {
                const struct cw_probe *p = find(c, needs[i]);
                if (p != NULL && !p->ok)
                        return p;
        }
        return NULL;
}

static void decide(struct cw_capabilities *c, enum cw_operation n, const struct cw_config_hsm *cfg) {
        const struct operation *o = &operations[n];
        bool loads_keys = n == CW_OPERATION_KEYBLOCK || n == CW_OPERATION_COMPONENT;
        bool allowed = loads_keys ? cfg->allow_key_loading : cfg->allow_host_memory;
        const struct cw_probe *inside = failed(c, o->inside), *host = failed(c, o->host);
        char *text = c->operations[n].text;
        size_t cap = sizeof(c->operations[n].text);
        c->operations[n].path = CW_PATH_REFUSED;
        text[0] = '\0';
        if (!o->never_inside && inside == NULL) {
                c->operations[n].path = CW_PATH_IN_TOKEN;
                return;
        }
        if (o->never_inside)
                (void)snprintf(text, cap, "%s", o->text);
        else
                (void)snprintf(text, cap, "the token fails %s: %.100s", inside->name, inside->text);
        if (o->host[0] == NULL)
                return;
        size_t used = strlen(text);
        if (host != NULL)
                (void)snprintf(text + used, cap - used, "; and it fails %s", host->name);
        else if (!allowed)
                (void)snprintf(text + used, cap - used, "; hsm.%s is not set",
                               loads_keys ? "allow_key_loading" : "allow_host_memory");
        else
                c->operations[n].path = CW_PATH_HOST_MEMORY;
}

cw_rc cw_capabilities_probe(const struct cw_prober *x, const struct cw_config_hsm *cfg,
                            struct cw_capabilities *ret, struct cw_fault *f) {
        memset(ret, 0, sizeof(*ret));
        cw_rc rc = cw_probe_run(x, &ret->required, f);
        if (rc == CW_OK)
                rc = cw_probe_more(x, &ret->more, f);
        if (rc == CW_OK)
                rc = cw_probe_enforcement(x, &ret->enforcement, f);
        for (int i = 0; i < CW_OPERATIONS && rc == CW_OK; i++)
                decide(ret, (enum cw_operation)i, cfg);
        return rc;
}

static bool host_derive(const struct cw_capabilities *c, const struct cw_config_hsm *cfg) {
        static const char *const probes[] = {"tdes-ecb-derive", "tdes-cbc-derive", "aes-ecb-derive"};
        for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
                const struct cw_probe *p = find(c, probes[i]);
                if (p == NULL || p->ok)
                        return false;
        }
        return cfg->allow_host_memory;
}

static bool cipher_cmac(const struct cw_capabilities *c) {
        const struct cw_probe *aes = find(c, "aes-cmac"), *tdes = find(c, "tdes-cmac"),
                              *chain = find(c, "aes-cmac-or-cipher");
        return aes != NULL && !aes->ok && tdes != NULL && !tdes->ok && chain != NULL && chain->ok;
}

void cw_capabilities_no_ways(struct cw_p11 *p) {
        p->host_derive = p->cipher_cmac = p->closed_mac = false;
        for (size_t i = 0; i < CW_CBC_COUNT; i++)
                p->cbc_by_ecb[i] = false;
}

void cw_capabilities_ways(const struct cw_capabilities *c, const struct cw_config_hsm *cfg,
                          struct cw_p11 *p) {
        const struct cw_probe *tdes = find(c, "tdes-cbc"), *aes = find(c, "aes-cbc");
        p->host_derive = host_derive(c, cfg);
        p->cipher_cmac = cipher_cmac(c);
        p->closed_mac = cw_capabilities_retail_mac(c);
        p->cbc_by_ecb[CW_CBC_TDES] = tdes != NULL && tdes->by_ecb;
        p->cbc_by_ecb[CW_CBC_AES] = aes != NULL && aes->by_ecb;
}

bool cw_capabilities_cmac_kdf(const struct cw_capabilities *c) {
        const struct cw_probe *p = find(c, "aes-cmac-derive");
        return p != NULL && p->ok;
}

bool cw_capabilities_key_xor(const struct cw_capabilities *c) {
        const struct cw_probe *p = find(c, "tdes-key-xor");
        return p != NULL && p->ok;
}

bool cw_capabilities_retail_mac(const struct cw_capabilities *c) {
        const struct cw_probe *p = find(c, "retail-mac");
        return p != NULL && p->ok;
}

cw_rc cw_capabilities_path(const struct cw_capabilities *c, enum cw_operation operation, enum cw_path *ret,
                           struct cw_fault *f) {
        if (c->operations[operation].path == CW_PATH_REFUSED)
                return cw_fail(f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_DENIED), 0, "hsm.capability",
                               "HSM_CAPABILITY", "%s is not possible here: %s", operations[operation].name,
                               c->operations[operation].text);
        *ret = c->operations[operation].path;
        return CW_OK;
}

static bool append(json_t *list, json_t *item) {
        return json_array_append_new(list, item) == 0;
}

/* What leaves the token less where it does more inside than the operation needs. */
static const char *leaves_inside(const struct cw_capabilities *c, enum cw_operation n) {
        static const struct {
                enum cw_operation operation;
                const char *probe, *leaves;
        } closed[] = {
            {CW_OPERATION_SCP03, "aes-cmac-derive", ""},
            {CW_OPERATION_CVV, "retail-mac",
             "the values; of a key without WRAP the first block under single DES"},
            {CW_OPERATION_CAVV, "retail-mac",
             "the value; of a key without WRAP the first block under single DES"},
            {CW_OPERATION_MAC, "retail-mac",
             "the MAC; over 72 bytes, or of a key without WRAP, its chain under single DES"},
            {CW_OPERATION_CRYPTOGRAM, "retail-mac",
             "the cryptograms; over 72 bytes their chain under single DES"},
        };
        for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
                const struct cw_probe *p = find(c, closed[i].probe);
                if (closed[i].operation == n && p != NULL && p->ok)
                        return closed[i].leaves;
        }
        return operations[n].leaves_inside;
}

static const char *leaves(const struct cw_capabilities *c, enum cw_operation n) {
        enum cw_path path = c->operations[n].path;
        return path == CW_PATH_REFUSED    ? ""
               : path == CW_PATH_IN_TOKEN ? leaves_inside(c, n)
                                          : operations[n].leaves_host;
}

/* A probe of the operation's path that is done by ECB makes the operation so; a CMAC may be a chain of CBC.
 */
static const char *way(const struct cw_capabilities *c, enum cw_operation n) {
        enum cw_path path = c->operations[n].path;
        const char *const *needs = path == CW_PATH_IN_TOKEN ? operations[n].inside : operations[n].host;
        for (size_t i = 0; path != CW_PATH_REFUSED && i < NEEDS_MAX && needs[i] != NULL; i++) {
                bool chain = strcmp(needs[i], "aes-cmac-or-cipher") == 0 && cipher_cmac(c);
                const struct cw_probe *p = find(c, chain ? "aes-cbc" : needs[i]);
                if (p != NULL && p->by_ecb)
                        return cw_probe_way(p);
        }
        return "";
}

static bool add_operations(const struct cw_capabilities *c, json_t *list) {
        bool ok = true;
        for (size_t i = 0; i < CW_OPERATIONS && ok; i++) {
                ok = append(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "operation", operations[i].name,
                                            "path", cw_path_name(c->operations[i].path), "way",
                                            way(c, (enum cw_operation)i), "leaves",
                                            leaves(c, (enum cw_operation)i), "text", c->operations[i].text));
        }
        return ok;
}

static bool add_probes(const struct cw_probe_report *r, json_t *list) {
        bool ok = true;
        for (size_t i = 0; i < r->count && ok; i++) {
                const struct cw_probe *p = &r->probes[i];
                ok = append(list, json_pack("{s:s, s:b, s:s, s:s}", "mechanism", p->name, "ok", p->ok, "way",
                                            cw_probe_way(p), "text", p->text));
        }
        return ok;
}

static bool add_enforcement(const struct cw_probe_report *r, json_t *list) {
        bool ok = true;
        for (size_t i = 0; i < r->count && ok; i++)
                ok = append(list, json_pack("{s:s, s:b, s:s}", "attribute", r->probes[i].name, "kept",
                                            r->probes[i].ok, "text", r->probes[i].text));
        return ok;
}

cw_rc cw_capabilities_to_json(const struct cw_capabilities *c, json_t *obj) {
        json_t *list[3] = {json_array(), json_array(), json_array()};
        static const char *const names[3] = {"operations", "mechanisms", "enforcement"};
        bool ok = add_operations(c, list[0]) && add_probes(&c->required, list[1]) &&
                  add_probes(&c->more, list[1]) && add_enforcement(&c->enforcement, list[2]);
        for (size_t i = 0; i < 3; i++)
                ok = json_object_set_new(obj, names[i], list[i]) == 0 && ok;
        return ok ? CW_OK : CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_NOMEM);
}
