/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of all daemons: one JSON file plus conf.d/ beside it, read by one key table (keys.def)
 * that also makes the defaults, ranges, --check-config, --print-config and the JSON schema. Holds credential
 * names, never secrets.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CW_CONFIG_STATIONS_MAX 16
#define CW_CONFIG_PRODUCTS_MAX 32
#define CW_CONFIG_KEYS_MAX 64
#define CW_CONFIG_CUSTODIANS_MAX 16

enum cw_gateway {
        CW_GATEWAY_NONE,
        CW_GATEWAY_ECDH_SHA256,
        CW_GATEWAY_ECDH_HKDF,
        CW_GATEWAY_ECDH_SHA256_OPAQUE,
        CW_GATEWAY_ECDH_HKDF_OPAQUE,
        CW_GATEWAY_JWE,
        CW_GATEWAY_FIELD,
};
enum cw_pin_account { CW_PIN_ACCOUNT_PAN12, CW_PIN_ACCOUNT_KIT16 };
enum cw_pin_form { CW_PIN_FORM_ASCII_HEX, CW_PIN_FORM_RAW8 };
enum cw_visual_check { CW_VISUAL_AUTOMATIC, CW_VISUAL_OPERATOR };
/* How a PIN goes to the server: the second version of its calls, or the first in one of its forms. */
enum cw_pin_call { CW_PIN_CALL_V2, CW_PIN_CALL_V1_ECB, CW_PIN_CALL_V1_CBC_IV, CW_PIN_CALL_V1_CBC0 };
/* Where the customer gets the PIN: chosen at the kiosk, or mailed by the bank. */
enum cw_pin_source { CW_PIN_KIOSK, CW_PIN_MAILER };
/* What becomes of a kit whose card was spoiled for good. */
enum cw_spoiled_kit { CW_SPOILED_RETURN, CW_SPOILED_BLOCK, CW_SPOILED_REPLACE };
enum cw_station_kind { CW_STATION_ISSUE, CW_STATION_KIOSK };

enum cw_d1_exp_order { CW_D1_EXP_YYMM, CW_D1_EXP_MMYY };
/* What makes a product's card when the branch cannot. */
enum cw_central_way { CW_CENTRAL_NONE, CW_CENTRAL_D1, CW_CENTRAL_DCMS };
enum cw_d1_issuance { CW_D1_CREATION, CW_D1_RENEWAL, CW_D1_REPLACEMENT };
enum cw_d1_channel { CW_D1_THALES, CW_D1_INSTANT, CW_D1_CENTRAL };
enum cw_d1_tracks { CW_D1_TRACKS_COMPUTED, CW_D1_TRACKS_PATTERN, CW_D1_TRACKS_VERBATIM };

/* All strings are owned by the config, "" when not set. */
struct cw_config_agent {
        const char *runtime_dir;    /* sockets: control.sock, hsmd/, station/ */
        const char *state_dir;      /* journal.db */
        const char *credential_dir; /* used when systemd passes no credentials */
        const char *branch_id;
        int64_t poll_min_ms, poll_max_ms;
        int64_t stock_look_s, kit_expiry_warn_months;
        int64_t disk_free_min_mib;
        int64_t release_ttl_s; /* a teller's hand-over release */
        const char
            *make_delivery_status; /* a kit is made only while the server has it in this state, "" = any */
        const char *operate_group, *admin_group; /* "" = root and the daemon's own user only */
};
struct cw_config_server {
        const char *url; /* https://host[:port]/dcms */
        const char *tenant, *username, *password_credential;
        const char *ca_file;
        const char *client_cert_file, *client_key_credential; /* mutual TLS when set */
        enum cw_gateway gateway;
        const char *gateway_key_dir; /* of the two private keys; "" = the credentials */
        const char *gateway_key_credential, *gateway_peer_key_file, *gateway_kid;
        /* While keys change: answers under these are opened too. All three or none. */
        const char *gateway_previous_key_credential, *gateway_previous_peer_key_file, *gateway_previous_kid;
        const char *gateway_fields;   /* members of the field level variant */
        const char *birth_date_field; /* member of viewCustomer's result with the date of birth */
        int64_t connect_timeout_ms, timeout_ms, cbs_timeout_ms;
};
/* Thales D1 as a client; not used while url is "". */
struct cw_config_d1 {
        const char *url, *token_url; /* https://host/banking/v1, https://host/authz/v1 */
        const char *issuer_id;
        const char *ca_file;
        const char *client_cert_file, *client_key_credential;
        const char *sign_kid;            /* kid of the key that signs our token requests, with "{version}" */
        const char *sign_key;            /* label in hsm.keys; "" = sign_key_credential */
        const char *sign_key_credential; /* PEM, P-256 */
        const char *audience;
        const char *recipient_kid, *recipient_key_file; /* D1's P-256 public key (PEM) */
        const char *own_kid, *own_key_credential;       /* ours, for data sealed to us */
        enum cw_d1_exp_order exp_order;
        const char *batch_path;
        const char *csc_field, *emv_data_field; /* names D1's pages do not show; "" = not sent */
        const char *address_company, *address_line1, *address_zip, *address_city, *address_country;
        int64_t connect_timeout_ms, timeout_ms;
        int64_t batch_max, batch_wait_ms;   /* jobs diverted at one time that go out as one order */
        enum cw_d1_issuance again_issuance; /* of an order made after another one failed */
        int64_t poll_min_ms, poll_max_ms;   /* pauses between two questions for the status of one order */
};
struct cw_config_key {
        const char *label;       /* CKA_LABEL */
        const char *purpose;     /* cvk imk-ac imk-smi imk-smc kmc-enc kmc-mac kmc-dek bdk pin-transport
                                    pan-transport pan-hash kbpk pvk zpk-in zpk-out mac cavk
                                    imk-dcvv imk-cvc3 issuer-rsa d1-sign */
        const char *algorithm;   /* tdes2 tdes3 aes128 aes192 aes256 generic rsa p256 */
        const char *kcv;         /* upper-case hex, 6 (3 bytes) or 10 (5 bytes) digits; "" for pan-hash */
        int exportable;          /* may leave in a key block, by the word of two persons */
        const char *block_usage; /* key usages its key block may have, "C0 G0"; "" = those of the purpose */
        const char *iksns; /* of a bdk: the PIN pads that may use it, 20 hex digits each, of an AES bdk 16,
                              with blanks between; "" = any */
};
/* A key custodian: a local user who may enter key components on hsmd's admin socket. */
struct cw_config_custodian {
        const char *user;  /* unique */
        int64_t component; /* number of the component this person holds, 0 = any */
};
/* How module_init reaches C_Initialize: not at all, as pReserved, as the LibraryParameters of NSS softokn. */
enum cw_module_init_style { CW_MODULE_INIT_NONE, CW_MODULE_INIT_RESERVED, CW_MODULE_INIT_NSS };
struct cw_config_hsm {
        const char *module, *token_label, *pin_credential;
        const char *state_dir; /* register of PIN pad key serial numbers; "" = systemd's STATE_DIRECTORY */
        int allow_host_memory;
        int test_token;          /* known answers with clear keys are computed for the admin socket */
        const char *module_init; /* text handed to the module when it is loaded */
        enum cw_module_init_style module_init_style;
        int64_t call_timeout_ms;
        int allow_key_loading;         /* key blocks and components, whose keys pass through host memory */
        const char *keyblock_versions; /* versions of key blocks that are taken and made, "BD" */
        int64_t ceremony_timeout_s;    /* life of an unfinished component entry, of an unconfirmed request */
        size_t key_count;
        struct cw_config_key keys[CW_CONFIG_KEYS_MAX];
        size_t custodian_count;
        struct cw_config_custodian custodians[CW_CONFIG_CUSTODIANS_MAX];
};
/* Working keys of an AES BDK: as long as the BDK, or of 128 bits. */
enum cw_dukpt_key { CW_DUKPT_KEY_AS_BDK, CW_DUKPT_KEY_AES128 };
struct cw_config_pin {
        const char *key; /* label of the set-PIN transport key (AES) */
        const char *bdk; /* label of the PIN pad's base derivation key */
        enum cw_dukpt_key dukpt_key;
        enum cw_pin_account account;
        enum cw_pin_form form;
        enum cw_pin_call call;
        int validate_in_doubt; /* ask the server with validatePin when the answer to setPin was lost */
        int64_t attempts;      /* pairs of entries a customer may make */
        int64_t entry_timeout_ms;
        int64_t length_min, length_max;
};
enum cw_expiry_order { CW_EXPIRY_YYMM, CW_EXPIRY_MMYY };
enum cw_pin_method { CW_PIN_METHOD_NONE, CW_PIN_METHOD_PVV, CW_PIN_METHOD_IBM3624 };
enum cw_cvn { CW_CVN10, CW_CVN18, CW_CVN22, CW_CVN_MCHIP16, CW_CVN_MCHIP20, CW_CVN_CCD };
enum cw_script_template { CW_SCRIPT_BEFORE, CW_SCRIPT_AFTER }; /* 71, 72 */
struct cw_config_product {
        const char *plastic_code; /* unique */
        const char *name;
        const char *profile;       /* file name in profile_dir */
        const char *face;          /* file name in face_dir */
        const char *service_code;  /* 3 digits */
        const char *psn;           /* 2 digits */
        const char *discretionary; /* track discretionary data, {cvv} is replaced, e.g. "00000{cvv}00" */
        const char *cvk, *imk_ac, *imk_smi, *imk_smc; /* key labels */
        const char *kmc_enc, *kmc_mac, *kmc_dek;      /* static card keys or masters, see diversification */
        const char *diversification;                  /* none visa2 emv kdf3 */
        const char *new_kmc_enc, *new_kmc_mac, *new_kmc_dek; /* masters of what PUT KEY writes; "" = none */
        const char *new_diversification;                     /* visa2 emv kdf3 */
        enum cw_expiry_order cvv2_expiry;
        enum cw_cvn cvn;
        const char *imk_dcvv, *imk_cvc3, *cavk; /* key labels; "": imk_ac, imk_ac, none */
        enum cw_pin_method pin_method;
        const char *pvk; /* key label */
        int64_t pvki;
        const char *decimalisation; /* 16 digits */
        int64_t validation_start, validation_length;
        const char *validation_pad; /* one hex digit */
        const char *weak_pins;      /* words of cw_pin_policy_parse */
        int chip_pin_script;        /* the kiosk puts the PIN into the chip by an issuer script */
        enum cw_script_template chip_pin_template;
        const char *issuer_key; /* key label, "" = none */
        const char *issuer_certificate;
        int64_t kvn;                       /* key version for INITIALIZE UPDATE, 0 = card decides */
        int64_t scp;                       /* 2, 3, or 0 = whatever the card answers */
        int64_t security_level;            /* EXTERNAL AUTHENTICATE P1, e.g. 0x33 = 51, SCP02: 3 */
        enum cw_visual_check visual_check; /* who looks at a finished card before it may be handed over */
        enum cw_pin_source pin_source;
        enum cw_spoiled_kit spoiled_kit;
        const char *address_type;    /* PERMANENT or COMMUNICATION: of a PIN mailer, of a replacement */
        const char *mailer_currency; /* homeCurrencyCode of a PIN mailer */
        enum cw_central_way central;
        int64_t
            central_after_s; /* a job that waits longer for the branch is diverted; 0 = only by a person */
        enum cw_d1_channel d1_channel;
        const char *d1_product, *d1_emv_config, *d1_perso_station, *d1_delivery;
        int64_t d1_oda_key_index, d1_derivation_key_index, d1_cv_key_index,
            d1_pv_key_index; /* -1 = not sent */
        enum cw_d1_tracks d1_tracks;
        const char *d1_track_pattern; /* "000000|cvv|000000" */
        const char *d1_emv_data;      /* file in profile_dir: prepared EMV data, model 2; "" = model 1 */
};
enum cw_printer_faces { CW_FACES_AUTO, CW_FACES_ONE, CW_FACES_BOTH };
enum cw_printer_flip { CW_FLIP_AUTO, CW_FLIP_SHORT_EDGE, CW_FLIP_LONG_EDGE };
/* In the order of their words; drivers/printer/printer.h says what each is. */
enum cw_config_matica_model {
        CW_CONFIG_MATICA_AUTO,
        CW_CONFIG_MATICA_XID580,
        CW_CONFIG_MATICA_XID8300,
        CW_CONFIG_MATICA_XID8600
};
enum cw_config_matica_sentinels {
        CW_CONFIG_SENTINELS_PRINTER,
        CW_CONFIG_SENTINELS_HOST,
        CW_CONFIG_SENTINELS_HOST_LRC
};
enum cw_config_matica_jam { CW_CONFIG_JAM_BETWEEN, CW_CONFIG_JAM_TOLD };
enum cw_config_matica_rfid { CW_CONFIG_RFID_04_05, CW_CONFIG_RFID_05_04, CW_CONFIG_RFID_MOVE };
enum cw_config_matica_counters { CW_CONFIG_COUNTERS_EVIDENCE, CW_CONFIG_COUNTERS_SHOWN };
/* Which of the printer's two chip stations the reader sits at. */
enum cw_chip_at { CW_CHIP_AT_CONTACT, CW_CHIP_AT_CONTACTLESS };
/* After a PIN change script: nothing more, or VERIFY with the PIN typed at the chip reader's own keypad. */
enum cw_pin_proof { CW_PIN_PROOF_NONE, CW_PIN_PROOF_READER };
struct cw_config_station {
        const char *name; /* unique, [A-Za-z0-9-] */
        enum cw_station_kind kind;
        const char *printer_driver; /* "evolis", "magicard", "matica", "zebra", "probe", "" for a kiosk */
        const char *printer_serial; /* USB serial, "" = the only one */
        enum cw_printer_faces printer_faces;
        enum cw_printer_flip printer_flip;
        enum cw_config_matica_model matica_model;
        enum cw_config_matica_sentinels matica_sentinels;
        enum cw_config_matica_jam matica_jam;
        enum cw_config_matica_counters matica_counters;
        enum cw_config_matica_rfid matica_rfid;
        int64_t matica_shift_right_px, matica_shift_down_px; /* of 300 dpi, from the middle */
        bool printer_experimental;  /* a driver that is public in part only may make cards */
        const char *printer_ribbon; /* of a printer that does not tell it; "" = not said */
        const char *printer_curve;  /* "ymc=64:50 128:110", "" = levels as drawn */
        const char *printer_heat;   /* "y=12,k=10", "" = not sent */
        const char *printer_quirks; /* words of the driver, commas between */
        const char *reader;         /* PC/SC reader name, its prefix, usb:PORT or serial:NUMBER */
        enum cw_chip_at chip_at;
        bool extended_apdu;     /* where reader and card agree */
        const char *pinpad_tty; /* kiosk only */
        enum cw_pin_proof pin_proof;
        int64_t pinpad_baud;
        const char *plastic_codes; /* the one code in the hopper */
        int64_t hopper;            /* plastics loaded at the last count, informational start of the ledger */
        int64_t card_timeout_ms;   /* waiting for the chip after contact */
};
/* REQUIRED: an unsigned profile is refused (with hsm.test_token and no key, taken). */
enum cw_profile_signature_rule { CW_PROFILE_SIGNATURE_REQUIRED, CW_PROFILE_SIGNATURE_OPTIONAL };
struct cw_config {
        struct cw_config_agent agent;
        struct cw_config_server server;
        struct cw_config_d1 d1;
        struct cw_config_hsm hsm;
        struct cw_config_pin pin;
        const char *profile_dir, *face_dir;
        const char *profile_keys; /* PEM files with commas between: public keys that may sign profiles */
        enum cw_profile_signature_rule profile_signature;
        const char *pan_transport_key; /* label: opens encryptedCardNumber */
        const char *pan_hash_key;      /* label: keyed hash of the PAN */
        size_t product_count;
        struct cw_config_product products[CW_CONFIG_PRODUCTS_MAX];
        size_t station_count;
        struct cw_config_station stations[CW_CONFIG_STATIONS_MAX];
        const char *path; /* what it was read from, for reading it again; "" when it was not */
};

#define CW_CONFIG_DEFAULT_PATH "/etc/cardwright/cardwright.json"

/*
 * Reads path and, sorted by name, the *.json files of conf.d/ beside it (later files override members; arrays
 * of objects are merged by their first key). Every finding goes to errors (may be NULL) as "file:line:column:
 * what is wrong; what to do", all of them, not only the first. REJECT when there was any.
 */
CW_WARN_UNUSED cw_rc cw_config_load(const char *path, FILE *errors, struct cw_config **ret,
                                    struct cw_fault *f);
void cw_config_free(struct cw_config *c);
CW_DEFINE_CLEANUP(struct cw_config *, cw_config_free);

/* Effective values, defaults included, as JSON text. */
cw_rc cw_config_print(const struct cw_config *c, FILE *out);
/* JSON schema (draft 2020-12) made from the key table. */
cw_rc cw_config_schema(FILE *out);
/* Lookups; NULL when absent. */
const struct cw_config_product *cw_config_product(const struct cw_config *c, const char *plastic_code);
/* Whose issuer keys a card that belongs to no job has: the product with this plastic code; with "" the first
 * that has this profile (file name); else, when any will do, the first with an issuer_key, else the first.
 * NULL when there is none. */
const struct cw_config_product *cw_config_product_for(const struct cw_config *c, const char *plastic_code,
                                                      const char *profile, bool any);
/* weak_pins of the product has this word. */
bool cw_config_weak_pins(const struct cw_config_product *p, const char *word);
/* Whether profiles need a signature: profile_signature, but a test token without keys takes unsigned ones. */
bool cw_config_profiles_signed(const struct cw_config *c);
const struct cw_config_station *cw_config_station(const struct cw_config *c, const char *name);
const struct cw_config_key *cw_config_key(const struct cw_config *c, const char *label);

#define CW_CONFIG_PATH_CAP 4096
/*
 * The folder of hsmd's registers into ret: hsm.state_dir, else the first of systemd's STATE_DIRECTORY.
 * OPERATOR when there is neither: a register that a reboot forgets would let PIN blocks be replayed.
 */
CW_WARN_UNUSED cw_rc cw_config_hsm_state_dir(const struct cw_config *c, char ret[CW_CONFIG_PATH_CAP],
                                             struct cw_fault *f);

/*
 * The part of main() all daemons share: handles --config FILE, --check-config, --print-config, --version,
 * --help. Returns true when the process shall exit with *ret_exit; else *ret holds the loaded config. Other
 * options stay in extra: --NAME VALUE pairs the daemon declares (extra_names, values land in extra_values).
 * check (may be NULL) is what this daemon alone wants of its configuration and its surroundings; its fault
 * ends
 * --check-config and a start alike.
 */
typedef cw_rc (*cw_config_check_fn)(const struct cw_config *c, struct cw_fault *f);
bool cw_config_main(int argc, char **argv, const char *const *extra_names, const char **extra_values,
                    cw_config_check_fn check, struct cw_config **ret, int *ret_exit);
