/* SPDX-License-Identifier: Apache-2.0 */
#include "config/keys.h"

#define TEXT(s, m, fallback_, flags_, help_)                                                                 \
        {                                                                                                    \
                .name = #m, .type = CW_KEY_TEXT, .offset = offsetof(struct s, m), .fallback = (fallback_),   \
                .max = 1024, .flags = (flags_), .help = (help_)                                              \
        }
#define TEXT_LEN(s, m, fallback_, min_, max_, flags_, help_)                                                 \
        {                                                                                                    \
                .name = #m, .type = CW_KEY_TEXT, .offset = offsetof(struct s, m), .fallback = (fallback_),   \
                .min = (min_), .max = (max_), .flags = (flags_), .help = (help_)                             \
        }
#define ONE_OF(s, m, fallback_, words_, flags_, help_)                                                       \
        {                                                                                                    \
                .name = #m, .type = CW_KEY_TEXT, .offset = offsetof(struct s, m), .fallback = (fallback_),   \
                .max = 1024, .words = (words_), .flags = (flags_), .help = (help_)                           \
        }
#define INT(s, m, fallback_, min_, max_, help_)                                                              \
        {                                                                                                    \
                .name = #m, .type = CW_KEY_INT, .offset = offsetof(struct s, m), .fallback = (fallback_),    \
                .min = (min_), .max = (max_), .help = (help_)                                                \
        }
#define BOOL(s, m, fallback_, help_)                                                                         \
        {                                                                                                    \
                .name = #m, .type = CW_KEY_BOOL, .offset = offsetof(struct s, m), .fallback = (fallback_),   \
                .help = (help_)                                                                              \
        }
#define WORD(s, m, fallback_, words_, help_)                                                                 \
        {                                                                                                    \
                .name = #m, .type = CW_KEY_WORD, .offset = offsetof(struct s, m), .fallback = (fallback_),   \
                .max = 1024, .words = (words_), .help = (help_)                                              \
        }

static const char *const gateway_words[] = {"none",
                                            "static-ecdh-sha256",
                                            "static-ecdh-hkdf",
                                            "static-ecdh-sha256-opaque",
                                            "static-ecdh-hkdf-opaque",
                                            "jwe-ecdh-es",
                                            "field-gcm",
                                            NULL};
static const char *const account_words[] = {"pan12", "kit16", NULL};
static const char *const form_words[] = {"ascii_hex", "raw8", NULL};
static const char *const visual_words[] = {"automatic", "operator", NULL};
static const char *const call_words[] = {"v2", "v1-ecb-hex16", "v1-cbc-iv16-raw8", "v1-cbc0-hex16", NULL};
static const char *const pin_source_words[] = {"kiosk", "mailer", NULL};
static const char *const spoiled_words[] = {"return", "block", "replace", NULL};
static const char *const address_words[] = {"PERMANENT", "COMMUNICATION", NULL};
static const char *const kind_words[] = {"issue", "kiosk", NULL};
static const char *const purpose_words[] = {
    "cvk",           "imk-ac",        "imk-smi",  "imk-smc",    "kmc-enc", "kmc-mac", "kmc-dek", "bdk",
    "pin-transport", "pan-transport", "pan-hash", "kbpk",       "pvk",     "zpk-in",  "zpk-out", "mac",
    "cavk",          "imk-dcvv",      "imk-cvc3", "issuer-rsa", "d1-sign", NULL};
static const char *const algorithm_words[] = {"tdes2",   "tdes3", "aes128", "aes192", "aes256",
                                              "generic", "rsa",   "p256",   NULL};
static const char *const pad_words[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8",
                                        "9", "A", "B", "C", "D", "E", "F", NULL};
static const char *const expiry_words[] = {"yymm", "mmyy", NULL};
static const char *const dukpt_words[] = {"as-bdk", "aes128", NULL};
static const char *const pin_method_words[] = {"none", "visa-pvv", "ibm3624", NULL};
static const char *const cvn_words[] = {"cvn10", "cvn18", "cvn22", "mchip16", "mchip20", "ccd", NULL};
static const char *const script_template_words[] = {"71", "72", NULL};
static const char *const init_words[] = {"none", "reserved", "nss", NULL};
static const char *const driver_words[] = {"", "evolis", "magicard", "matica", "zebra", "probe", NULL};
static const char *const proof_words[] = {"none", "reader", NULL};
static const char *const faces_words[] = {"auto", "one", "both", NULL};
static const char *const flip_words[] = {"auto", "short", "long", NULL};
static const char *const matica_model_words[] = {"auto", "XID580", "XID8300", "XID8600", NULL};
static const char *const matica_sentinel_words[] = {"printer", "host", "host-lrc", NULL};
static const char *const matica_jam_words[] = {"between", "told", NULL};
static const char *const matica_counter_words[] = {"evidence", "shown", NULL};
static const char *const matica_rfid_words[] = {"04-05", "05-04", "move", NULL};
static const char *const chip_at_words[] = {"contact", "contactless", NULL};
static const char *const diversification_words[] = {"none", "visa2", "emv", "kdf3", NULL};

static const char *const central_words[] = {"none", "d1", "dcms", NULL};
static const char *const issuance_words[] = {"CREATION", "RENEWAL", "REPLACEMENT", NULL};
static const char *const channel_words[] = {"THALES", "INSTANT", "CENTRAL", NULL};
static const char *const tracks_words[] = {"computed", "pattern", "verbatim", NULL};
static const char *const exp_order_words[] = {"yymm", "mmyy", NULL};

static const char *const signature_words[] = {"required", "optional", NULL};
static const struct cw_key top_keys[] = {
    TEXT(cw_config, profile_dir, "/usr/share/cardwright/profiles", CW_KEY_REQUIRED,
         "folder of the EMV product profiles"),
    TEXT(cw_config, profile_keys, "", 0,
         "public keys (PEM, Ed25519 or EC P-256) that may sign product profiles: files, with commas between"),
    WORD(cw_config, profile_signature, "required", signature_words,
         "whether a profile needs the signature of one of profile_keys; without keys \"required\" refuses "
         "every "
         "profile, unless hsm.test_token is set; a signature that is there must hold in any case"),
    TEXT(cw_config, face_dir, "/usr/share/cardwright/faces", CW_KEY_REQUIRED,
         "folder of the card face templates"),
    TEXT(cw_config, pan_transport_key, "", CW_KEY_REQUIRED | CW_KEY_NAME,
         "label of the key that opens encryptedCardNumber"),
    TEXT(cw_config, pan_hash_key, "", CW_KEY_REQUIRED | CW_KEY_NAME,
         "label of the key for the keyed hash of a PAN"),
};

static const struct cw_key agent_keys[] = {
    TEXT_LEN(cw_config_agent, runtime_dir, "/run/cardwright", 1, 70, CW_KEY_REQUIRED,
             "folder of the sockets"),
    TEXT(cw_config_agent, state_dir, "/var/lib/cardwright", CW_KEY_REQUIRED, "folder of the journal"),
    TEXT(cw_config_agent, credential_dir, "", 0,
         "folder of credentials (files readable by their owner alone) when systemd passes none"),
    TEXT_LEN(cw_config_agent, branch_id, "", 1, 50, CW_KEY_REQUIRED, "branch as the server knows it"),
    INT(cw_config_agent, poll_min_ms, "2000", 100, 3600000, "shortest pause between two polls of the server"),
    INT(cw_config_agent, poll_max_ms, "60000", 100, 3600000, "longest pause between two polls of the server"),
    INT(cw_config_agent, stock_look_s, "3600", 1, 86400, "pause between two looks for kits that expire"),
    INT(cw_config_agent, kit_expiry_warn_months, "2", 0, 60,
        "kits of the stock are told of when fewer months are left; 0 = when they expired"),
    INT(cw_config_agent, disk_free_min_mib, "64", 1, 1048576, "no new job below this free space"),
    INT(cw_config_agent, release_ttl_s, "600", 10, 86400, "how long a teller's hand-over release is good"),
    TEXT(cw_config_agent, make_delivery_status, "IN_TRANSIT", CW_KEY_NAME,
         "a kit is made only while the server has it in this deliveryStatus; empty = any; a made card is "
         "BANK, so with \"BANK\" or empty those kits are made from it that cardwright kit receive named"),
    TEXT(cw_config_agent, operate_group, "", 0, "local group whose members may operate"),
    TEXT(cw_config_agent, admin_group, "", 0, "local group whose members may administer"),
};

static const struct cw_key server_keys[] = {
    TEXT(cw_config_server, url, "", CW_KEY_REQUIRED, "base address of DCMS, https only"),
    TEXT(cw_config_server, tenant, "", CW_KEY_REQUIRED, "value of the TENANT header"),
    TEXT(cw_config_server, username, "", CW_KEY_REQUIRED, "user name for authenticate"),
    TEXT(cw_config_server, password_credential, "dcms-password", CW_KEY_REQUIRED | CW_KEY_NAME,
         "credential with the password as the server wants it sent"),
    TEXT(cw_config_server, ca_file, "", CW_KEY_REQUIRED, "the bank's CA (PEM); no other is trusted"),
    TEXT(cw_config_server, client_cert_file, "", 0, "client certificate (PEM) for mutual TLS"),
    TEXT(cw_config_server, client_key_credential, "", 0, "credential with the client's private key (PEM)"),
    WORD(cw_config_server, gateway, "none", gateway_words, "body encryption of the bank's gateway"),
    TEXT(cw_config_server, gateway_key_dir, "", 0,
         "directory of the gateway's private keys, for a change without a restart: systemd hands out "
         "credentials only when the service starts; \"\" = they are credentials"),
    TEXT(cw_config_server, gateway_key_credential, "", 0, "credential with our P-256 private key (PEM)"),
    TEXT(cw_config_server, gateway_peer_key_file, "", 0, "the gateway's P-256 public key (PEM)"),
    TEXT(cw_config_server, gateway_kid, "", 0, "key id sent with an enciphered body"),
    TEXT(cw_config_server, gateway_previous_key_credential, "", 0,
         "while keys change: credential with the private key before, still good for answers"),
    TEXT(cw_config_server, gateway_previous_peer_key_file, "", 0,
         "while keys change: the gateway's public key before (PEM)"),
    TEXT(cw_config_server, gateway_previous_kid, "", 0, "while keys change: the key id before"),
    TEXT(cw_config_server, gateway_fields, "cardNumber,cvv", 0,
         "members that gateway \"field-gcm\" encrypts, with commas between"),
    TEXT_LEN(
        cw_config_server, birth_date_field, "dob", 1, 64, CW_KEY_REQUIRED | CW_KEY_NAME,
        "member of viewCustomer's answer with the customer's date of birth, for products whose weak_pins "
        "say birth-date"),
    INT(cw_config_server, connect_timeout_ms, "5000", 100, 120000, "time to connect"),
    INT(cw_config_server, timeout_ms, "5000", 100, 120000, "time for a card status or details call"),
    INT(cw_config_server, cbs_timeout_ms, "15000", 100, 120000,
        "time for a call that touches the core bank system"),
};

static const struct cw_key d1_keys[] = {
    TEXT(cw_config_d1, url, "", 0, "Banking API of Thales D1, https only; empty = D1 is not used"),
    TEXT(cw_config_d1, token_url, "", 0, "Token API of D1, https only"),
    TEXT_LEN(cw_config_d1, issuer_id, "", 10, 10, CW_KEY_NAME, "issuerId, 10 characters"),
    TEXT(cw_config_d1, ca_file, "", 0, "the CA of D1 (PEM); no other is trusted"),
    TEXT(cw_config_d1, client_cert_file, "", 0, "client certificate (PEM) for mutual TLS"),
    TEXT(cw_config_d1, client_key_credential, "", 0, "credential with the client's private key (PEM)"),
    TEXT_LEN(cw_config_d1, sign_kid, "", 1, 128, 0,
             "kid of the key that signs token requests; {version} in it is the version of sign_key in use"),
    TEXT(cw_config_d1, sign_key, "", CW_KEY_NAME,
         "its label in hsm.keys, purpose d1-sign; empty = a credential"),
    TEXT(cw_config_d1, sign_key_credential, "", CW_KEY_NAME,
         "credential of hsmd with that key (PEM), when it is not on the token"),
    TEXT(cw_config_d1, audience, "", 0, "aud of token requests; empty = none is sent"),
    TEXT_LEN(cw_config_d1, recipient_kid, "", 1, 128, CW_KEY_NAME, "kid of D1's key for card data"),
    TEXT(cw_config_d1, recipient_key_file, "", 0, "D1's P-256 public key for card data (PEM)"),
    TEXT_LEN(cw_config_d1, own_kid, "", 1, 128, CW_KEY_NAME, "kid of our key for card data sealed to us"),
    TEXT(cw_config_d1, own_key_credential, "", CW_KEY_NAME,
         "credential of hsmd with that key (PEM, P-256); empty = no such data is taken"),
    WORD(cw_config_d1, exp_order, "yymm", exp_order_words, "order of exp in card data"),
    TEXT(cw_config_d1, batch_path, "/issuers/{issuerId}/physicalCards/operations:production", 0,
         "path of the batch order below url"),
    INT(cw_config_d1, batch_max, "1", 1, 60,
        "jobs diverted at one time that are ordered together; 1 = each alone"),
    INT(cw_config_d1, batch_wait_ms, "2000", 1, 60000, "so long the first of them waits for others"),
    TEXT(cw_config_d1, csc_field, "", CW_KEY_NAME,
         "member of the card data with the CVV2; empty = D1 makes it"),
    TEXT(cw_config_d1, emv_data_field, "emvData", CW_KEY_NAME,
         "member of the card data with a prepared EMV data set"),
    TEXT(cw_config_d1, address_company, "", 0, "delivery address of a card D1 ships: company or branch"),
    TEXT(cw_config_d1, address_line1, "", 0, "its first line"),
    TEXT(cw_config_d1, address_zip, "", 0, "its postal code"),
    TEXT(cw_config_d1, address_city, "", 0, "its city"),
    TEXT_LEN(cw_config_d1, address_country, "", 2, 2, CW_KEY_NAME, "its country, ISO 3166 (two letters)"),
    INT(cw_config_d1, connect_timeout_ms, "5000", 100, 120000, "time to connect"),
    INT(cw_config_d1, timeout_ms, "15000", 100, 120000, "time for a call"),
    WORD(cw_config_d1, again_issuance, "REPLACEMENT", issuance_words,
         "services.issuance of an order that a person makes again after one that failed"),
    INT(cw_config_d1, poll_min_ms, "30000", 100, 86400000,
        "shortest pause between two questions for the status of an order"),
    INT(cw_config_d1, poll_max_ms, "3600000", 100, 86400000, "longest pause between two of them"),
};

static const struct cw_key hsm_keys[] = {
    TEXT(cw_config_hsm, module, "/usr/lib/softhsm/libsofthsm2.so", CW_KEY_REQUIRED, "PKCS#11 module"),
    TEXT_LEN(cw_config_hsm, token_label, "", 1, 32, CW_KEY_REQUIRED, "label of the token"),
    TEXT(cw_config_hsm, pin_credential, "hsm-pin", CW_KEY_REQUIRED | CW_KEY_NAME,
         "credential with the token's user PIN"),
    TEXT(cw_config_hsm, state_dir, "", 0,
         "folder of hsmd for the key serial numbers already used; empty = the StateDirectory= of its unit"),
    BOOL(cw_config_hsm, allow_host_memory, "false",
         "allow clear PINs in the memory of a hsmd worker where the token cannot do better"),
    BOOL(cw_config_hsm, test_token, "false",
         "the token has test keys only: hsmd computes known answers with clear keys for its admin socket"),
    TEXT(cw_config_hsm, module_init, "", 0, "text that the module wants when it is loaded"),
    WORD(cw_config_hsm, module_init_style, "none", init_words,
         "how the module takes it: reserved (pReserved of C_Initialize) or nss (LibraryParameters)"),
    INT(cw_config_hsm, call_timeout_ms, "5000", 100, 300000, "a token call past this kills its worker"),
    BOOL(cw_config_hsm, allow_key_loading, "false",
         "allow key blocks and key components, whose clear key passes through the memory of a hsmd worker"),
    TEXT_LEN(cw_config_hsm, keyblock_versions, "BD", 1, 4, CW_KEY_REQUIRED | CW_KEY_NAME,
             "versions of key blocks (TR-31, X9.143) that are taken and made: letters of ABCD"),
    INT(cw_config_hsm, ceremony_timeout_s, "900", 1, 1500,
        "an unfinished component entry, or a request nobody confirmed, is forgotten after this"),
};

static const struct cw_key hsm_key_keys[] = {
    TEXT_LEN(cw_config_key, label, "", 1, 64, CW_KEY_REQUIRED | CW_KEY_NAME, "CKA_LABEL in the token"),
    ONE_OF(cw_config_key, purpose, "", purpose_words, CW_KEY_REQUIRED, "the one thing the key is for"),
    ONE_OF(cw_config_key, algorithm, "", algorithm_words, CW_KEY_REQUIRED, "kind and length of the key"),
    TEXT_LEN(cw_config_key, kcv, "", 0, 10, CW_KEY_HEX,
             "key check value: 6 hex digits (zero block) or 10 (CMAC); empty for pan-hash only"),
    BOOL(cw_config_key, exportable, "false",
         "the key may leave the token in a key block, when two persons say so"),
    TEXT(cw_config_key, block_usage, "", 0,
         "key usages (X9.143, 6.3.2) its key block may have, such as \"C0\"; empty = those of the purpose"),
    TEXT_LEN(
        cw_config_key, iksns, "", 1, 5376, 0,
        "bdk: initial key serial numbers (AES: initial key ids) of the PIN pads that may use it, with blanks "
        "between; empty = every pad, registered at first sight"),
};

static const struct cw_key custodian_keys[] = {
    TEXT_LEN(cw_config_custodian, user, "", 1, 32, CW_KEY_REQUIRED | CW_KEY_NAME,
             "local user who may enter key components"),
    INT(cw_config_custodian, component, "0", 0, 3, "number of the component this person holds; 0 = any"),
};

static const struct cw_key pin_keys[] = {
    TEXT(cw_config_pin, key, "", CW_KEY_NAME, "label of the set-PIN transport key"),
    TEXT(cw_config_pin, bdk, "", CW_KEY_NAME, "label of the PIN pad's base derivation key"),
    WORD(cw_config_pin, dukpt_key, "as-bdk", dukpt_words,
         "working keys of a PIN pad with an AES key: as long as the bdk, or aes128"),
    WORD(cw_config_pin, account, "pan12", account_words, "account part of the block for setPin"),
    WORD(cw_config_pin, form, "ascii_hex", form_words, "how the block is written before it is enciphered"),
    WORD(cw_config_pin, call, "v2", call_words,
         "setPin and validatePin of the server's second version, or of its first in this form"),
    BOOL(cw_config_pin, validate_in_doubt, "true",
         "when the answer to setPin was lost, ask with validatePin while the customer waits"),
    INT(cw_config_pin, attempts, "3", 1, 9, "pairs of entries a customer may make"),
    INT(cw_config_pin, entry_timeout_ms, "30000", 1000, 300000, "time for one PIN entry"),
    INT(cw_config_pin, length_min, "4", 4, 12, "shortest PIN"),
    INT(cw_config_pin, length_max, "6", 4, 12, "longest PIN"),
};

static const struct cw_key product_keys[] = {
    TEXT_LEN(cw_config_product, plastic_code, "", 1, 32, CW_KEY_REQUIRED | CW_KEY_NAME,
             "plasticCode of the server's kits"),
    TEXT(cw_config_product, name, "", 0, "name for people"),
    TEXT(cw_config_product, profile, "", CW_KEY_REQUIRED | CW_KEY_NAME, "EMV profile, a file in profile_dir"),
    TEXT(cw_config_product, face, "", CW_KEY_REQUIRED | CW_KEY_NAME, "card face, a file in face_dir"),
    TEXT_LEN(cw_config_product, service_code, "", 3, 3, CW_KEY_REQUIRED | CW_KEY_DIGITS,
             "service code of the stripe"),
    TEXT_LEN(cw_config_product, psn, "00", 2, 2, CW_KEY_DIGITS, "PAN sequence number"),
    TEXT_LEN(cw_config_product, discretionary, "00000{cvv}00", 0, 24, 0, "discretionary data of the tracks"),
    TEXT(cw_config_product, cvk, "", CW_KEY_REQUIRED | CW_KEY_NAME, "label of the CVK"),
    TEXT(cw_config_product, imk_ac, "", CW_KEY_REQUIRED | CW_KEY_NAME,
         "label of the IMK for application cryptograms"),
    TEXT(cw_config_product, imk_smi, "", CW_KEY_REQUIRED | CW_KEY_NAME, "label of the IMK for script MACs"),
    TEXT(cw_config_product, imk_smc, "", CW_KEY_REQUIRED | CW_KEY_NAME,
         "label of the IMK for script confidentiality"),
    TEXT(cw_config_product, kmc_enc, "", CW_KEY_REQUIRED | CW_KEY_NAME,
         "label of the card key or master, ENC"),
    TEXT(cw_config_product, kmc_mac, "", CW_KEY_REQUIRED | CW_KEY_NAME,
         "label of the card key or master, MAC"),
    TEXT(cw_config_product, kmc_dek, "", CW_KEY_REQUIRED | CW_KEY_NAME,
         "label of the card key or master, DEK"),
    TEXT(cw_config_product, new_kmc_enc, "", CW_KEY_NAME,
         "label of the master of the keys that the profile's put_key gives the card, ENC; empty = none"),
    TEXT(cw_config_product, new_kmc_mac, "", CW_KEY_NAME, "label of the master of these keys, MAC"),
    TEXT(cw_config_product, new_kmc_dek, "", CW_KEY_NAME, "label of the master of these keys, DEK"),
    ONE_OF(cw_config_product, new_diversification, "none", diversification_words, 0,
           "how these keys come from their masters; \"none\" cannot be, since no key leaves the token"),
    ONE_OF(cw_config_product, diversification, "none", diversification_words, 0,
           "how card keys come from the masters"),
    WORD(cw_config_product, cvv2_expiry, "yymm", expiry_words, "order of the expiry date a CVV2 is made of"),
    WORD(cw_config_product, cvn, "cvn18", cvn_words,
         "cryptogram version: session keys, issuer authentication and script messages of the chip"),
    TEXT(cw_config_product, imk_dcvv, "", CW_KEY_NAME, "label of the IMK for dCVV; empty = imk_ac"),
    TEXT(cw_config_product, imk_cvc3, "", CW_KEY_NAME, "label of the IMK for CVC3; empty = imk_ac"),
    TEXT(cw_config_product, cavk, "", CW_KEY_NAME, "label of the key for CAVV; empty = none"),
    WORD(cw_config_product, pin_method, "none", pin_method_words, "how the issuer verifies a PIN"),
    TEXT(cw_config_product, pvk, "", CW_KEY_NAME, "label of the PIN verification key"),
    INT(cw_config_product, pvki, "1", 0, 9, "index of the PIN verification key, part of a PVV"),
    TEXT_LEN(cw_config_product, decimalisation, "0123456789012345", 16, 16, CW_KEY_DIGITS,
             "decimalisation table of IBM 3624"),
    INT(cw_config_product, validation_start, "0", 0, 18,
        "first PAN digit of the validation data of IBM 3624"),
    INT(cw_config_product, validation_length, "16", 1, 16, "count of these digits"),
    ONE_OF(cw_config_product, validation_pad, "F", pad_words, 0, "hex digit that fills them up to 16"),
    TEXT(cw_config_product, weak_pins, "repeated,sequential", 0,
         "PINs a customer may not choose: repeated, sequential, birth-date, pan-digits, with commas between"),
    BOOL(cw_config_product, chip_pin_script, "false",
         "offline PIN: after setPin the kiosk puts the chosen PIN into the chip by an issuer script"),
    WORD(cw_config_product, chip_pin_template, "72", script_template_words,
         "where that script goes: 71 before the second GENERATE AC, 72 after it"),
    TEXT(cw_config_product, issuer_key, "", CW_KEY_NAME,
         "label of the issuer's RSA key that signs chip certificates; empty = none"),
    TEXT(cw_config_product, issuer_certificate, "", CW_KEY_NAME,
         "certificate of that key by the scheme's CA, a file in profile_dir"),
    INT(cw_config_product, kvn, "0", 0, 255, "key version for INITIALIZE UPDATE, 0 = the card decides"),
    INT(cw_config_product, scp, "0", 0, 3, "2 or 3, 0 = whatever the card answers"),
    INT(cw_config_product, security_level, "3", 0, 51, "P1 of EXTERNAL AUTHENTICATE (51 = hex 33)"),
    WORD(cw_config_product, visual_check, "automatic", visual_words,
         "a finished card may be handed over at once (automatic), or after an operator's \"cardwright job "
         "visual "
         "KIT good\" (operator)"),
    WORD(cw_config_product, pin_source, "kiosk", pin_source_words,
         "the customer chooses the PIN at the kiosk, or the bank mails it (\"cardwright mailer KIT\")"),
    WORD(cw_config_product, spoiled_kit, "return", spoiled_words,
         "kit whose card was spoiled for good: reported RETURNED, blocked too (manageKit), or blocked and "
         "replaced by a new kit"),
    ONE_OF(cw_config_product, address_type, "PERMANENT", address_words, 0,
           "address for a PIN mailer and for a replacement: PERMANENT or COMMUNICATION"),
    TEXT_LEN(cw_config_product, mailer_currency, "", 0, 3, CW_KEY_NAME, "homeCurrencyCode for a PIN mailer"),
    WORD(cw_config_product, central, "none", central_words,
         "what makes the card when the branch cannot: d1, or dcms (registerCard)"),
    INT(cw_config_product, central_after_s, "0", 0, 2592000,
        "a job that waits longer for a station or supplies is diverted; 0 = only by a person"),
    WORD(cw_config_product, d1_channel, "THALES", channel_words, "d1: distributionChannel"),
    TEXT_LEN(cw_config_product, d1_product, "", 0, 48, CW_KEY_NAME, "d1: cardProductId"),
    TEXT(cw_config_product, d1_emv_config, "", CW_KEY_NAME, "d1: paymentApplication.config"),
    TEXT_LEN(cw_config_product, d1_perso_station, "", 0, 64, CW_KEY_NAME, "d1: persoStation of INSTANT"),
    TEXT(cw_config_product, d1_delivery, "", CW_KEY_NAME, "d1: services.delivery; empty = D1's default"),
    INT(cw_config_product, d1_oda_key_index, "-1", -1, 255, "d1: odaKeyIndex, -1 = not sent"),
    INT(cw_config_product, d1_derivation_key_index, "-1", -1, 255, "d1: derivationKeyIndex, -1 = not sent"),
    INT(cw_config_product, d1_cv_key_index, "-1", -1, 255, "d1: cvKeyIndex, -1 = not sent"),
    INT(cw_config_product, d1_pv_key_index, "-1", -1, 255, "d1: pvKeyIndex, -1 = not sent"),
    WORD(cw_config_product, d1_tracks, "computed", tracks_words,
         "d1: tracks computed by D1, or sent: made by d1_track_pattern, or verbatim as for this branch"),
    TEXT_LEN(cw_config_product, d1_track_pattern, "00000|cvv|00000", 0, 60, 0,
             "d1: discretionary data of the tracks, parts with | between, cvv and pvv replaced"),
    TEXT(cw_config_product, d1_emv_data, "", CW_KEY_NAME,
         "d1: prepared EMV data (hex TLV), a file in profile_dir; empty = D1 makes it"),
};

static const struct cw_key station_keys[] = {
    TEXT_LEN(cw_config_station, name, "", 1, 32, CW_KEY_REQUIRED | CW_KEY_NAME, "name of the station"),
    WORD(cw_config_station, kind, "issue", kind_words,
         "issue: printer and chip reader; kiosk: reader and PIN pad"),
    ONE_OF(cw_config_station, printer_driver, "", driver_words, 0, "printer family"),
    TEXT(cw_config_station, printer_serial, "", 0,
         "serial number of the printer, or port:PATH (port:1-1.4) where serials are equal, empty = the only "
         "one of its family; no other station has the same, and what is at a port that another one names is "
         "never taken by serial number"),
    WORD(cw_config_station, printer_faces, "auto", faces_words,
         "faces the printer prints: one, both (it turns cards over), auto = as its driver knows the model"),
    WORD(cw_config_station, printer_flip, "auto", flip_words,
         "edge of the card parallel to the axis it is turned over about, auto = as its driver knows the "
         "model"),
    WORD(cw_config_station, matica_model, "auto", matica_model_words,
         "model that a Matica printer behaves as, auto = the one it tells; only with the panel size of the "
         "XID printers"),
    WORD(cw_config_station, matica_sentinels, "printer", matica_sentinel_words,
         "who puts the sentinels on the stripe: printer (and the LRC), host (the LRC by the printer), "
         "host-lrc"),
    WORD(cw_config_station, matica_jam, "between", matica_jam_words,
         "where a card is after a jam: between two places, or where the printer told"),
    WORD(
        cw_config_station, matica_counters, "evidence", matica_counter_words,
        "whether the counters of cards and prints are evidence that a step in doubt was done, or only shown"),
    WORD(cw_config_station, matica_rfid, "04-05", matica_rfid_words,
         "what a Matica printer is sent at its contactless station: 32 04 at arrival and 32 05 before "
         "leaving, "
         "the other way round, or nothing but the move"),
    INT(cw_config_station, matica_shift_right_px, "0", -10, 10,
        "picture of a Matica printer from the middle of its raster to the right, pixels of 300 dpi"),
    INT(cw_config_station, matica_shift_down_px, "0", -8, 8, "the same, down"),
    BOOL(cw_config_station, printer_experimental, "false",
         "cards may be made with a printer driver whose language is public in part only (zebra)"),
    TEXT_LEN(cw_config_station, printer_ribbon, "", 0, 15, CW_KEY_NAME,
             "kind of ribbon that is loaded, for a printer that does not tell it (zebra): ymcko, k"),
    TEXT_LEN(
        cw_config_station, printer_heat, "", 0, 60, 0,
        "heat of the panels, y=12,m=12,c=12,k=10: evolis 0..20, magicard 0..100 (y m c the same), zebra k "
        "only 0..10; a panel not named is left to the printer"),
    TEXT_LEN(cw_config_station, printer_curve, "", 0, 250, 0,
             "heat curve of the dyes, ymc=64:50 128:110 or y=..., m=..., c=...: light to be removed and dye "
             "for it, 0 to 255, straight lines between"),
    TEXT_LEN(cw_config_station, printer_quirks, "", 0, 200, 0,
             "what is inferred of the printer and is otherwise here: words of its driver, commas between"),
    TEXT(cw_config_station, reader, "", CW_KEY_REQUIRED,
         "PC/SC reader name or its beginning, usb:PORT (1-1.2) or serial:NUMBER"),
    WORD(cw_config_station, chip_at, "contact", chip_at_words,
         "station of the printer that the reader sits at and the card is moved to for its chip: contact, or "
         "contactless (dual-interface chips, by their antenna; evolis, matica)"),
    BOOL(cw_config_station, extended_apdu, "false",
         "what may be long is read with extended APDUs where reader (PC/SC part 10) and card (ATR, T=1) both "
         "say "
         "that they take them; not for readers that say so and then truncate"),
    TEXT(cw_config_station, pinpad_tty, "", 0, "serial device of the PIN pad"),
    WORD(cw_config_station, pin_proof, "none", proof_words,
         "kiosk, products with chip_pin_script: after the script the customer types the PIN once more at the "
         "chip "
         "reader's own keypad (PC/SC part 10, reader), so that the chip itself says it is right; or none"),
    INT(cw_config_station, pinpad_baud, "9600", 1200, 115200, "speed of the PIN pad's line"),
    TEXT(cw_config_station, plastic_codes, "", 0, "plastic code of what is in the hopper; one only"),
    INT(cw_config_station, hopper, "0", 0, 500, "plastics in the hopper at the first start"),
    INT(cw_config_station, card_timeout_ms, "10000", 500, 600000,
        "wait for the chip after the card is in place"),
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define OBJECT(path_, keys_, member, help_)                                                                  \
        {                                                                                                    \
                .path = (path_), .keys = (keys_), .key_count = COUNT(keys_),                                 \
                .offset = offsetof(struct cw_config, member), .help = (help_)                                \
        }
#define ARRAY(path_, keys_, member, count_, help_)                                                           \
        {                                                                                                    \
                .path = (path_), .keys = (keys_), .key_count = COUNT(keys_),                                 \
                .offset = offsetof(struct cw_config, member),                                                \
                .stride = sizeof(((struct cw_config *)0)->member[0]),                                        \
                .count_offset = offsetof(struct cw_config, count_),                                          \
                .count_max = COUNT(((struct cw_config *)0)->member), .help = (help_)                         \
        }

const struct cw_section cw_sections[] = {
    {.path = "", .keys = top_keys, .key_count = COUNT(top_keys), .help = "cardwright configuration"},
    OBJECT("agent", agent_keys, agent, "the agent and its journal"),
    OBJECT("server", server_keys, server, "the card management server"),
    OBJECT("d1", d1_keys, d1, "Thales D1, for cards made centrally"),
    OBJECT("hsm", hsm_keys, hsm, "the PKCS#11 token"),
    ARRAY("hsm.keys", hsm_key_keys, hsm.keys, hsm.key_count, "the keys the token must hold"),
    ARRAY("hsm.custodians", custodian_keys, hsm.custodians, hsm.custodian_count, "the key custodians"),
    OBJECT("pin", pin_keys, pin, "PIN entry and the set-PIN form"),
    ARRAY("products", product_keys, products, product_count, "card products by plastic code"),
    ARRAY("stations", station_keys, stations, station_count, "the branch's stations"),
};
const size_t cw_section_count = COUNT(cw_sections);
