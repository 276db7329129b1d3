/* SPDX-License-Identifier: Apache-2.0 */
/* Rules between keys: what a single row of the table cannot say. */
#include "config/load.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 200
#define TEXT_BYTES 240

const struct cw_config_product *cw_config_product(const struct cw_config *c, const char *plastic_code) {
        for (size_t i = 0; i < c->product_count; i++)
                if (strcmp(c->products[i].plastic_code, plastic_code) == 0)
                        return &c->products[i];
        return NULL;
}

const struct cw_config_product *cw_config_product_for(const struct cw_config *c, const char *plastic_code,
                                                      const char *profile, bool any) {
        if (*plastic_code)
                return cw_config_product(c, plastic_code);
        for (size_t i = 0; *profile && i < c->product_count; i++)
                if (strcmp(c->products[i].profile, profile) == 0)
                        return &c->products[i];
        for (size_t i = 0; any && i < c->product_count; i++)
                if (*c->products[i].issuer_key)
                        return &c->products[i];
        return any && c->product_count ? &c->products[0] : NULL;
}

bool cw_config_weak_pins(const struct cw_config_product *p, const char *word) {
        for (const char *at = p->weak_pins; *at; at += *at == ',') {
                size_t len = strcspn(at, ",");
                if (strlen(word) == len && strncmp(word, at, len) == 0)
                        return true;
                at += len;
        }
        return false;
}

bool cw_config_profiles_signed(const struct cw_config *c) {
        return c->profile_signature == CW_PROFILE_SIGNATURE_REQUIRED &&
               (*c->profile_keys || !c->hsm.test_token);
}

const struct cw_config_station *cw_config_station(const struct cw_config *c, const char *name) {
        for (size_t i = 0; i < c->station_count; i++)
                if (strcmp(c->stations[i].name, name) == 0)
                        return &c->stations[i];
        return NULL;
}

const struct cw_config_key *cw_config_key(const struct cw_config *c, const char *label) {
        for (size_t i = 0; i < c->hsm.key_count; i++)
                if (strcmp(c->hsm.keys[i].label, label) == 0)
                        return &c->hsm.keys[i];
        return NULL;
}

/* A finding about one member of the section or element who, "" for the top. */
static void find_member(struct cw_findings *fs, const char *who, const char *member, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void find_member(struct cw_findings *fs, const char *who, const char *member, const char *fmt, ...) {
        char path[PATH_BYTES];
        char text[TEXT_BYTES];
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        (void)snprintf(path, sizeof path, "%s%s%s", who, *who ? "." : "", member);
        cw_find(fs, path, "%s: %s", path, text);
}

static void check_required_in(const char *base, const struct cw_section *s, const char *path,
                              struct cw_findings *fs) {
        for (size_t i = 0; i < s->key_count; i++) {
                const struct cw_key *k = &s->keys[i];
                if (k->type != CW_KEY_TEXT || !(k->flags & CW_KEY_REQUIRED))
                        continue;
                const char *value = *(const char *const *)(base + k->offset);
                if (*value)
                        continue;
                find_member(fs, path, k->name, "must be set (%s)", k->help);
        }
}

static void check_required(const struct cw_config *c, struct cw_findings *fs) {
        for (size_t i = 0; i < cw_section_count; i++) {
                const struct cw_section *s = &cw_sections[i];
                const char *first = (const char *)c + s->offset;
                size_t count = s->stride ? *(const size_t *)((const char *)c + s->count_offset) : 1;
                for (size_t n = 0; n < count; n++) {
                        char path[PATH_BYTES];
                        const char *element = first + n * s->stride;
                        if (s->stride)
                                (void)snprintf(path, sizeof path, "%s[%s]", s->path,
                                               *(const char *const *)element);
                        else
                                (void)snprintf(path, sizeof path, "%s", s->path);
                        check_required_in(element, s, path, fs);
                }
        }
}

/* The label must name a key of hsm.keys with that purpose. An empty label was reported before. */
static void check_label(const struct cw_config *c, const char *who, const char *member, const char *label,
                        const char *purpose, struct cw_findings *fs) {
        if (!*label)
                return;
        const struct cw_config_key *k = cw_config_key(c, label);
        if (!k)
                find_member(fs, who, member, "no key \"%s\" in hsm.keys; add it there", label);
        else if (strcmp(k->purpose, purpose) != 0)
                find_member(fs, who, member,
                            "key \"%s\" has the purpose %s, but %s is needed; a key has one purpose only",
                            label, k->purpose, purpose);
}

/* Its label was enough before the key had versions: the text says what a whole entry is. */
static void check_d1_sign_key(const struct cw_config *c, struct cw_findings *fs) {
        const char *label = c->d1.sign_key;
        if (*label && !cw_config_key(c, label))
                find_member(fs, "d1", "sign_key",
                            "no key \"%s\" in hsm.keys; add it there with the purpose \"d1-sign\", the "
                            "algorithm \"p256\" and its kcv",
                            label);
        else
                check_label(c, "d1", "sign_key", label, "d1-sign", fs);
}

/* The words hsmd knows (hsm/pin_policy.h). */
static void check_weak_pins(const char *who, const char *list, struct cw_findings *fs) {
        static const char *const words[] = {"repeated", "sequential", "birth-date", "pan-digits"};
        while (*list) {
                size_t len = strcspn(list, ",");
                bool known = false;
                for (size_t i = 0; i < 4; i++)
                        known |= strlen(words[i]) == len && strncmp(words[i], list, len) == 0;
                if (!known)
                        find_member(fs, who, "weak_pins",
                                    "\"%.*s\" is none of repeated, sequential, birth-date, pan-digits",
                                    (int)len, list);
                list += len + (list[len] == ',');
        }
}

static bool is_https(const char *url) {
        return strncmp(url, "https://", 8) == 0;
}

/* A name, as of other keys, with "{version}" in it at most once. */
static bool sign_kid_ok(const char *kid) {
        static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.",
                          mark[] = "{version}";
        const char *rest = kid + strspn(kid, name);
        if (strncmp(rest, mark, sizeof(mark) - 1) == 0)
                rest += sizeof(mark) - 1;
        return rest[strspn(rest, name)] == '\0';
}

/* D1 is used as soon as its address is set; then it needs all of this. */
static void check_d1(const struct cw_config_d1 *d, struct cw_findings *fs) {
        const struct {
                const char *member, *value;
        } needed[] = {
            {"token_url", d->token_url},
            {"issuer_id", d->issuer_id},
            {"ca_file", d->ca_file},
            {"client_cert_file", d->client_cert_file},
            {"sign_kid", d->sign_kid},
            {"client_key_credential", d->client_key_credential},
            {"recipient_kid", d->recipient_kid},
            {"recipient_key_file", d->recipient_key_file},
        };
        if (!*d->url)
                return;
        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
                if (!*needed[i].value)
                        find_member(fs, "d1", needed[i].member, "must be set when d1.url is");
        if (!is_https(d->url))
                find_member(fs, "d1", "url", "must begin with https://");
        if (*d->token_url && !is_https(d->token_url))
                find_member(fs, "d1", "token_url", "must begin with https://");
        if (!*d->sign_key == !*d->sign_key_credential)
                find_member(fs, "d1", "sign_key", "set either sign_key or sign_key_credential");
        if (!sign_kid_ok(d->sign_kid))
                find_member(fs, "d1", "sign_kid",
                            "only letters, digits, '-', '_', '.' and {version} are allowed");
        if (!*d->sign_key && strstr(d->sign_kid, "{version}"))
                find_member(fs, "d1", "sign_kid", "{version} is the version of sign_key, which is not set");
        if (!*d->own_kid != !*d->own_key_credential)
                find_member(fs, "d1", "own_kid", "own_kid and own_key_credential go together");
        if (d->poll_min_ms > d->poll_max_ms)
                find_member(fs, "d1", "poll_min_ms", "must not be larger than poll_max_ms");
}

/* Parts of digits, cvv and pvv. */
static bool track_pattern_ok(const char *p) {
        while (*p) {
                size_t len = strcspn(p, "|");
                bool token = len == 3 && (strncmp(p, "cvv", 3) == 0 || strncmp(p, "pvv", 3) == 0);
                if (!token && (len == 0 || strspn(p, "0123456789") != len))
                        return false;
                p += len;
                if (*p == '|' && !*++p)
                        return false;
        }
        return true;
}

/* What central production of the product needs. */
static void check_central(const struct cw_config *c, const char *who, const struct cw_config_product *p,
                          struct cw_findings *fs) {
        const struct cw_config_d1 *d = &c->d1;
        if (!track_pattern_ok(p->d1_track_pattern))
                find_member(fs, who, "d1_track_pattern",
                            "must be parts with | between: digits, cvv or pvv, such as 00000|cvv|00000");
        if (p->central == CW_CENTRAL_NONE && p->central_after_s > 0)
                find_member(fs, who, "central_after_s", "needs central to be d1 or dcms");
        if (p->central != CW_CENTRAL_D1)
                return;
        if (!*d->url)
                find_member(fs, who, "central", "d1 needs the section d1");
        if (!*p->d1_product)
                find_member(fs, who, "d1_product", "must be set when central is d1");
        if (p->d1_channel == CW_D1_INSTANT && !*p->d1_perso_station)
                find_member(fs, who, "d1_perso_station", "must be set for d1_channel INSTANT");
        if (p->d1_channel == CW_D1_THALES &&
            (!*d->address_line1 || !*d->address_city || !*d->address_country))
                find_member(fs, who, "d1_channel",
                            "THALES ships the card: set d1.address_line1, address_city and address_country");
}

/* Masters of the keys that PUT KEY writes: all of them, and a way to make a card's own keys out of them. */
static void check_new_keys(const struct cw_config *c, const char *who, const struct cw_config_product *p,
                           struct cw_findings *fs) {
        check_label(c, who, "new_kmc_enc", p->new_kmc_enc, "kmc-enc", fs);
        check_label(c, who, "new_kmc_mac", p->new_kmc_mac, "kmc-mac", fs);
        check_label(c, who, "new_kmc_dek", p->new_kmc_dek, "kmc-dek", fs);
        bool any = *p->new_kmc_enc || *p->new_kmc_mac || *p->new_kmc_dek;
        if (any && (!*p->new_kmc_enc || !*p->new_kmc_mac || !*p->new_kmc_dek))
                find_member(fs, who, "new_kmc_enc",
                            "must be set together with new_kmc_mac and new_kmc_dek: a card gets three keys");
        if (any && strcmp(p->new_diversification, "none") == 0)
                find_member(fs, who, "new_diversification",
                            "must be visa2, emv or kdf3: a master itself does not leave the token");
}

static void check_product(const struct cw_config *c, const struct cw_config_product *p,
                          struct cw_findings *fs) {
        char who[PATH_BYTES];
        (void)snprintf(who, sizeof who, "products[%s]", p->plastic_code);
        check_label(c, who, "cvk", p->cvk, "cvk", fs);
        check_label(c, who, "imk_ac", p->imk_ac, "imk-ac", fs);
        check_label(c, who, "imk_smi", p->imk_smi, "imk-smi", fs);
        check_label(c, who, "imk_smc", p->imk_smc, "imk-smc", fs);
        check_label(c, who, "kmc_enc", p->kmc_enc, "kmc-enc", fs);
        check_label(c, who, "kmc_mac", p->kmc_mac, "kmc-mac", fs);
        check_label(c, who, "kmc_dek", p->kmc_dek, "kmc-dek", fs);
        check_new_keys(c, who, p, fs);
        check_label(c, who, "imk_dcvv", p->imk_dcvv, "imk-dcvv", fs);
        check_label(c, who, "imk_cvc3", p->imk_cvc3, "imk-cvc3", fs);
        check_label(c, who, "cavk", p->cavk, "cavk", fs);
        check_label(c, who, "pvk", p->pvk, "pvk", fs);
        check_label(c, who, "issuer_key", p->issuer_key, "issuer-rsa", fs);
        if (p->pin_method != CW_PIN_METHOD_NONE && !*p->pvk)
                find_member(fs, who, "pvk", "must name the key that pin_method needs");
        if (*p->issuer_key && !*p->issuer_certificate)
                find_member(fs, who, "issuer_certificate", "must be set together with issuer_key");
        check_weak_pins(who, p->weak_pins, fs);
        if (p->pin_source == CW_PIN_MAILER && !*p->mailer_currency)
                find_member(fs, who, "mailer_currency", "must be set when pin_source is \"mailer\"");
        if (p->pin_source == CW_PIN_MAILER && p->chip_pin_script)
                find_member(fs, who, "chip_pin_script",
                            "must be false when pin_source is \"mailer\": nobody types a mailed PIN at the "
                            "kiosk, so the chip cannot get it");
        check_central(c, who, p, fs);
        if (p->scp == 1)
                find_member(fs, who, "scp", "must be 0, 2 or 3");
}

cw_rc cw_config_hsm_state_dir(const struct cw_config *c, char ret[CW_CONFIG_PATH_CAP], struct cw_fault *f) {
        const char *systemd = getenv("STATE_DIRECTORY");
        const char *path = *c->hsm.state_dir ? c->hsm.state_dir : systemd ? systemd : "";
        size_t len = *c->hsm.state_dir ? strlen(path) : strcspn(path, ":");
        if (len > 0 && len < CW_CONFIG_PATH_CAP) {
                (void)snprintf(ret, CW_CONFIG_PATH_CAP, "%.*s", (int)len, path);
                return CW_OK;
        }
        return cw_fail(
            f, CW_RC(CW_L_HSM, CW_C_OPERATOR, CW_E_MISSING), 0, "config.check", "PRT_SETUP_ERROR",
            "hsm.state_dir is not set and systemd passes no StateDirectory=: set it to a folder that "
            "survives a reboot, or PIN blocks could be replayed after one");
}

/* Printers have one hopper, and a feed takes what is on its stack: two kinds of plastic in it would be mixed
 * up, and the stock of neither could be counted. */
static void check_codes(const struct cw_config *c, const char *who, const char *code,
                        struct cw_findings *fs) {
        if (strchr(code, ','))
                find_member(
                    fs, who, "plastic_codes",
                    "\"%s\" is more than one; a station has one hopper with one kind of plastic: name "
                    "the one that is in it, and give each other plastic a station of its own",
                    code);
        else if (*code && !cw_config_product(c, code))
                find_member(fs, who, "plastic_codes", "no product has the plastic_code \"%s\"; add one",
                            code);
}

/* A key that does nothing where it stands was meant for another station. */
static void check_matica(const struct cw_config_station *s, const char *who, struct cw_findings *fs) {
        const struct {
                const char *member;
                bool set;
        } keys[] = {
            {"matica_model", s->matica_model != CW_CONFIG_MATICA_AUTO},
            {"matica_sentinels", s->matica_sentinels != CW_CONFIG_SENTINELS_PRINTER},
            {"matica_jam", s->matica_jam != CW_CONFIG_JAM_BETWEEN},
            {"matica_counters", s->matica_counters != CW_CONFIG_COUNTERS_EVIDENCE},
            {"matica_rfid", s->matica_rfid != CW_CONFIG_RFID_04_05},
            {"matica_shift_right_px", s->matica_shift_right_px != 0},
            {"matica_shift_down_px", s->matica_shift_down_px != 0},
        };
        for (size_t i = 0; strcmp(s->printer_driver, "matica") != 0 && i < sizeof keys / sizeof *keys; i++)
                if (keys[i].set)
                        find_member(fs, who, keys[i].member,
                                    "is for a printer_driver \"matica\" only; leave it out");
}

/* A card that no move brings to the reader would be found out only with the first job. */
static void check_chip_at(const struct cw_config_station *s, const char *who, struct cw_findings *fs) {
        static const char *const with[] = {"evolis", "matica"};
        if (s->chip_at == CW_CHIP_AT_CONTACT)
                return;
        if (s->kind != CW_STATION_ISSUE) {
                find_member(fs, who, "chip_at", "is for a station of kind \"issue\" only; leave it out");
                return;
        }
        for (size_t i = 0; i < sizeof with / sizeof *with; i++)
                if (strcmp(s->printer_driver, with[i]) == 0)
                        return;
        find_member(
            fs, who, "chip_at",
            "a printer_driver \"%s\" has no contactless station that it could move a card to; set it to "
            "\"contact\"",
            s->printer_driver);
}

/* Whatever the other lets go of for a moment, a reconnect in the middle of a card, this one would take. Each
 * machine has a configuration of its own, so two that name none mean the same only one. */
static void check_printer(const struct cw_config *c, const struct cw_config_station *s, const char *who,
                          struct cw_findings *fs) {
        for (const struct cw_config_station *o = c->stations; *s->printer_driver && o < s; o++)
                if (strcmp(o->printer_driver, s->printer_driver) == 0 &&
                    strcmp(o->printer_serial, s->printer_serial) == 0)
                        find_member(fs, who, "printer_serial",
                                    "stations[%s] has the printer %s \"%.40s\"; give each station a printer "
                                    "of its own, by its serial number or as \"port:...\"",
                                    o->name, s->printer_driver, s->printer_serial);
}

static void check_station(const struct cw_config *c, const struct cw_config_station *s,
                          struct cw_findings *fs) {
        char who[PATH_BYTES];
        (void)snprintf(who, sizeof who, "stations[%s]", s->name);
        if (s->kind == CW_STATION_ISSUE && !*s->printer_driver)
                find_member(fs, who, "printer_driver", "must be set for a station of kind \"issue\"");
        if (s->kind == CW_STATION_ISSUE && !*s->plastic_codes)
                find_member(fs, who, "plastic_codes", "must name what is in the hopper");
        if (s->kind == CW_STATION_KIOSK && !*s->pinpad_tty)
                find_member(fs, who, "pinpad_tty", "must be set for a station of kind \"kiosk\"");
        check_codes(c, who, s->plastic_codes, fs);
        check_matica(s, who, fs);
        check_chip_at(s, who, fs);
        check_printer(c, s, who, fs);
}

static void check_keys(const struct cw_config *c, struct cw_findings *fs) {
        for (size_t i = 0; i < c->hsm.key_count; i++) {
                const struct cw_config_key *k = &c->hsm.keys[i];
                size_t len = strlen(k->kcv);
                bool hash = strcmp(k->purpose, "pan-hash") == 0;
                char who[PATH_BYTES];
                (void)snprintf(who, sizeof who, "hsm.keys[%s]", k->label);
                if (hash ? len != 0 : len != 6 && len != 10)
                        find_member(fs, who, "kcv", "%s",
                                    hash ? "a pan-hash key has none; leave it out"
                                         : "give the 6 hex digits (or 10 of a CMAC) from the key's ceremony");
        }
}

static void check_key_loading(const struct cw_config_hsm *h, struct cw_findings *fs) {
        if (strspn(h->keyblock_versions, "ABCD") != strlen(h->keyblock_versions))
                find_member(fs, "hsm", "keyblock_versions", "has letters other than A, B, C and D");
        for (size_t i = 0; i < h->key_count; i++) {
                const char *usage = h->keys[i].block_usage;
                char who[PATH_BYTES];
                (void)snprintf(who, sizeof who, "hsm.keys[%s]", h->keys[i].label);
                for (const char *at = usage; *at; at += strspn(at, " ")) {
                        size_t len = strcspn(at, " ");
                        if (len != 2)
                                find_member(fs, who, "block_usage",
                                            "has to be pairs of characters with blanks between them");
                        at += len;
                }
        }
}

/* 20 digits of a TDES pad whose transaction counter is zero, or 16 of an AES pad. */
static bool iksn_ok(const char *at, size_t len, bool aes) {
        if (strspn(at, "0123456789ABCDEF") < len || len != (aes ? 16 : 20))
                return false;
        return aes || (strspn(at + 15, "0") >= 5 && strchr("02468ACE", at[14]) != NULL);
}

static void check_iksns(const struct cw_config_hsm *h, struct cw_findings *fs) {
        for (size_t i = 0; i < h->key_count; i++) {
                const struct cw_config_key *k = &h->keys[i];
                bool aes = strncmp(k->algorithm, "aes", 3) == 0;
                char who[PATH_BYTES];
                (void)snprintf(who, sizeof who, "hsm.keys[%s]", k->label);
                if (*k->iksns && strcmp(k->purpose, "bdk") != 0)
                        find_member(fs, who, "iksns", "only a bdk has PIN pads; leave it out");
                for (const char *at = k->iksns; *at; at += strspn(at, " ")) {
                        size_t len = strcspn(at, " ");
                        if (!iksn_ok(at, len, aes))
                                find_member(
                                    fs, who, "iksns", "\"%.*s\" is no %s", (int)(len < 40 ? len : 40), at,
                                    aes ? "initial key id: 16 upper-case hex digits"
                                        : "initial key serial number: 20 upper-case hex digits, the last 21 "
                                          "bits (the counter) zero");
                        at += len;
                }
        }
}

static void check_gateway(const struct cw_config_server *s, struct cw_findings *fs) {
        bool previous = *s->gateway_previous_kid != '\0';
        if (s->gateway != CW_GATEWAY_NONE &&
            (!*s->gateway_key_credential || !*s->gateway_peer_key_file || !*s->gateway_kid))
                find_member(fs, "server", "gateway",
                            "needs gateway_key_credential, gateway_peer_key_file and gateway_kid");
        if ((*s->gateway_previous_key_credential != '\0') != previous ||
            (*s->gateway_previous_peer_key_file != '\0') != previous)
                find_member(fs, "server", "gateway_previous_kid",
                            "gateway_previous_kid, gateway_previous_key_credential and "
                            "gateway_previous_peer_key_file go together; set all or none");
        if (previous && strcmp(s->gateway_kid, s->gateway_previous_kid) == 0)
                find_member(fs, "server", "gateway_previous_kid",
                            "must differ from gateway_kid, or nobody can tell the keys apart");
        if (s->gateway == CW_GATEWAY_FIELD && !*s->gateway_fields)
                find_member(fs, "server", "gateway_fields", "must name the members the bank encrypts");
}

static void check_server(const struct cw_config_server *s, struct cw_findings *fs) {
        if (*s->url && strncmp(s->url, "https://", 8) != 0)
                find_member(fs, "server", "url", "must begin with https://");
        if (!*s->client_cert_file != !*s->client_key_credential)
                find_member(fs, "server", *s->client_cert_file ? "client_cert_file" : "client_key_credential",
                            "client_cert_file and client_key_credential go together; set both or none");
        check_gateway(s, fs);
}

void cw_config_check(const struct cw_config *c, struct cw_findings *fs) {
        check_required(c, fs);
        check_server(&c->server, fs);
        check_d1(&c->d1, fs);
        check_keys(c, fs);
        check_key_loading(&c->hsm, fs);
        check_iksns(&c->hsm, fs);
        check_label(c, "", "pan_transport_key", c->pan_transport_key, "pan-transport", fs);
        check_label(c, "", "pan_hash_key", c->pan_hash_key, "pan-hash", fs);
        check_label(c, "pin", "key", c->pin.key, "pin-transport", fs);
        check_label(c, "pin", "bdk", c->pin.bdk, "bdk", fs);
        check_d1_sign_key(c, fs);
        if (c->agent.poll_min_ms > c->agent.poll_max_ms)
                find_member(fs, "agent", "poll_min_ms", "must not be larger than poll_max_ms");
        if (c->pin.length_min > c->pin.length_max)
                find_member(fs, "pin", "length_min", "must not be larger than length_max");
        for (size_t i = 0; i < c->product_count; i++)
                check_product(c, &c->products[i], fs);
        for (size_t i = 0; i < c->station_count; i++)
                check_station(c, &c->stations[i], fs);
}
