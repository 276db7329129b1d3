/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "base/buf.h"
#include "opencryptoki.h"
#include "ossl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define RANGE_MAX (1ul << 28)
#define K_STAR                                                                                               \
        { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10 }
const uint8_t rig_pan_key[32] = {"pan transport key for tests 0001"};
const uint8_t rig_pin_key[32] = {"pin transport key for tests 0001"};
const uint8_t rig_hash_key[32] = {"keyed hash of PANs for tests 001"};
const uint8_t rig_bdk[16] = K_STAR, rig_imk_ac[16] = K_STAR;
static const uint8_t cvk[16] = K_STAR;
const uint8_t rig_imk_smi[16] = {0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
                                 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
const uint8_t rig_imk_smc[16] = {0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67,
                                 0x76, 0x54, 0x32, 0x10, 0xfe, 0xdc, 0xba, 0x98};
const uint8_t rig_zone_in[16] = {"zone key, inward"}, rig_zone_out[16] = {"zone key outward"};
const uint8_t rig_zone4_in[16] = {"AES zone inward "}, rig_zone4_out[16] = {"AES zone outward"};
const uint8_t rig_mac_tdes[16] = {"AAAAAAAABBBBBBBB"}; /* of psec's tests */
/* TR-31:2018, A.7.3.2 */
static const uint8_t rig_kbpk[16] = {0x1d, 0x22, 0xbf, 0x32, 0x38, 0x7c, 0x60, 0x0a,
                                     0xd9, 0x7f, 0x9b, 0x97, 0xa5, 0x13, 0x11, 0xac};
const uint8_t rig_next_imk[16] = {0xe8, 0xbc, 0x63, 0xe5, 0x47, 0x94, 0x55, 0xe2,
                                  0x65, 0x77, 0xf7, 0x15, 0xd5, 0x87, 0xfe, 0x68};
/* X9.24-3:2017, supplement */
const uint8_t rig_bdk4[16] = {0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
                              0xf1, 0xf1, 0xf1, 0xf1, 0xf1, 0xf1, 0xf1, 0xf1};
const uint8_t rig_enc03[16] = {"0123456789abcdef"};
const uint8_t rig_mac03[16] = {"MAC key for test"};
const uint8_t rig_dek03[16] = {"DEK key for test"};
const uint8_t rig_kmc02[16] = {0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
                               0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f};

static const struct {
        const char *label, *purpose, *algorithm;
        const uint8_t *value;
        size_t len;
} keys[] = {
    {"pan", "pan-transport", "aes256", rig_pan_key, 32},
    {"pin", "pin-transport", "aes256", rig_pin_key, 32},
    {"hash", "pan-hash", "generic", rig_hash_key, 32},
    {"bdk", "bdk", "tdes2", rig_bdk, 16},
    {"cvk", "cvk", "tdes2", cvk, 16},
    {"ac", "imk-ac", "tdes2", rig_imk_ac, 16},
    {"smi", "imk-smi", "tdes2", rig_imk_smi, 16},
    {"smc", "imk-smc", "tdes2", rig_imk_smc, 16},
    {"enc3", "kmc-enc", "aes128", rig_enc03, 16},
    {"mac3", "kmc-mac", "aes128", rig_mac03, 16},
    {"dek3", "kmc-dek", "aes128", rig_dek03, 16},
    {"enc2", "kmc-enc", "tdes2", rig_kmc02, 16},
    {"mac2", "kmc-mac", "tdes2", rig_kmc02, 16},
    {"dek2", "kmc-dek", "tdes2", rig_kmc02, 16},
    {"zone-in", "zpk-in", "tdes2", rig_zone_in, 16},
    {"zone-out", "zpk-out", "tdes2", rig_zone_out, 16},
    {"zone4-in", "zpk-in", "aes128", rig_zone4_in, 16},
    {"zone4-out", "zpk-out", "aes128", rig_zone4_out, 16},
    {"pvk", "pvk", "tdes2", cvk, 16},
    {"mac-tdes", "mac", "tdes2", rig_mac_tdes, 16},
    {"mac-aes", "mac", "aes128", rig_zone4_in, 16},
    {"cavk", "cavk", "tdes2", rig_imk_smi, 16},
    {"bdk4", "bdk", "aes128", rig_bdk4, 16},
    {"kbpk", "kbpk", "tdes2", rig_kbpk, 16},
};
static bool sealed_by_v1; /* for a token without GCM */
#define KEYS_ALWAYS 14u
#define KEYS (sizeof(keys) / sizeof(keys[0]))
_Static_assert(KEYS == KEYS_ALWAYS + 10, "the last ones are for service sessions and for rotation");

void rig_path(const struct rig *r, const char *name, char *ret, size_t cap) {
        assert_true(snprintf(ret, cap, "%s/%s", r->dir, name) < (int)cap);
}

static FILE *create(const struct rig *r, const char *name) {
        char path[256];
        rig_path(r, name, path, sizeof(path));
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        assert_int_equal(fchmod(fileno(f), 0600), 0);
        return f;
}

/* The module may be reading: it sees the old file or the new one. */
static void control(const struct rig *r, const char *name, const char *lines) {
        char path[256], next[256];
        rig_path(r, name, path, sizeof(path));
        if (lines == NULL) {
                (void)unlink(path);
                return;
        }
        rig_path(r, "control.new", next, sizeof(next));
        FILE *f = create(r, "control.new");
        (void)fprintf(f, "%s\n", lines);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(rename(next, path), 0);
}

void rig_control(const struct rig *r, const char *lines) {
        control(r, "control", lines);
}

void rig_control_worker(const struct rig *r, pid_t worker, const char *lines) {
        char name[32];
        (void)snprintf(name, sizeof(name), "control.%d", (int)worker);
        control(r, name, lines);
}

size_t rig_file_size(const struct rig *r, const char *name) {
        char path[256];
        struct stat st;
        rig_path(r, name, path, sizeof(path));
        return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

static void kcv(size_t i, char text[7]) {
        static const uint8_t zero[16];
        uint8_t out[16];
        bool tdes = strcmp(keys[i].algorithm, "tdes2") == 0;
        const char *cipher = tdes ? "DES-EDE-ECB" : keys[i].len == 32 ? "AES-256-ECB" : "AES-128-ECB";
        ossl_cipher(cipher, true, keys[i].value, NULL, zero, tdes ? 8 : 16, out);
        assert_true(cw_hex_encode(out, 3, text, 7));
}

static void write_keys(const struct rig *r) {
        char hex[65];
        FILE *f = create(r, "keys.json");
        for (size_t i = 0; i < KEYS; i++) {
                assert_true(cw_hex_encode(keys[i].value, keys[i].len, hex, sizeof(hex)));
                (void)fprintf(f, "%s\"%s\": \"%s\"", i == 0 ? "{" : ",\n", keys[i].label, hex);
        }
        if (r->issuer != NULL)
                (void)fprintf(f, ",\n\"issuer\": \"%s\"", r->issuer->der_hex);
        (void)fprintf(f, "}\n");
        assert_int_equal(fclose(f), 0);
}

static void write_issuer(struct rig *r, unsigned bits) {
        r->issuer = calloc(1, sizeof(*r->issuer));
        assert_non_null(r->issuer);
        issuer_make(r->issuer, bits ? bits : 1024, bits ? bits : 1152, "426642", "1233");
        FILE *f = create(r, "issuer.json");
        assert_true(fputs(r->issuer->json, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static bool configured(size_t i, const struct rig_options *o) {
        return i < KEYS_ALWAYS || (i + 1 < KEYS ? o->service : o->rotation);
}

static void write_config_keys(FILE *f, bool wrong_kcv, const struct rig_options *o) {
        for (size_t i = 0; i < KEYS; i++) {
                bool imk = strncmp(keys[i].purpose, "imk-", 4) == 0;
                char text[7] = "";
                if (!configured(i, o))
                        continue;
                if (strcmp(keys[i].algorithm, "generic") != 0)
                        kcv(i, text);
                if (wrong_kcv && strcmp(keys[i].label, "cvk") == 0)
                        memcpy(text, "ABCDEF", 7);
                (void)fprintf(f,
                              "%s{\"label\":\"%s\",\"purpose\":\"%s\",\"algorithm\":\"%s\",\"kcv\":\"%s\"%s}",
                              i == 0 ? "" : ",\n", keys[i].label, keys[i].purpose, keys[i].algorithm, text,
                              imk && o->rotation ? ",\"block_usage\":\"B0\"" : "");
        }
}

static const char *more_of_product(int scp, bool issuer, bool service) {
        static const char pvv[] = ",\"pin_method\":\"visa-pvv\",\"pvk\":\"pvk\",\"pvki\":1,\"cavk\":\"cavk\","
                                  "\"weak_pins\":\"repeated,sequential,birth-date\","
                                  "\"chip_pin_script\":true";
        static const char ibm[] = ",\"pin_method\":\"ibm3624\",\"pvk\":\"pvk\",\"cvn\":\"cvn10\","
                                  "\"decimalisation\":\"1234567890123456\",\"cvv2_expiry\":\"mmyy\"";
        if (issuer)
                return ",\"issuer_key\":\"issuer\",\"issuer_certificate\":\"issuer.json\"";
        return !service ? "" : scp == 3 ? pvv : ibm;
}

static void write_product(FILE *f, const char *code, int scp, int level, bool issuer, bool service) {
        (void)fprintf(
            f,
            "{\"plastic_code\":\"%s\",\"profile\":\"p.json\",\"face\":\"f.json\",\"service_code\":\"101\","
            "\"cvk\":\"cvk\",\"imk_ac\":\"ac\",\"imk_smi\":\"smi\",\"imk_smc\":\"smc\",\"kmc_enc\":\"enc%d\","
            "\"kmc_mac\":\"mac%d\",\"kmc_dek\":\"dek%d\",\"diversification\":\"%s\",\"scp\":%d,"
            "\"security_level\":%d%s}",
            code, scp, scp, scp, "none", scp, level, more_of_product(scp, issuer, service));
}

static const char *module_of(const struct rig_options *o) {
        return o->nss            ? CW_NSS_MODULE
               : o->opencryptoki ? CW_OPENCRYPTOKI_MODULE
                                 : "/usr/lib/softhsm/libsofthsm2.so";
}

static const char *nss_init(const struct rig *r, char text[400]) {
        (void)snprintf(text, 400,
                       "configdir='sql:%s/nssdb' certPrefix='' keyPrefix='' secmod='secmod.db' flags= "
                       "cryptoTokenDescription='crypto' dbTokenDescription='test'",
                       r->dir);
        return text;
}

/* What the module that misbehaves is put around; of the last rig that was started. */
static void put_around(const struct rig *r, const struct rig_options *o) {
        char text[400] = "";
        assert_int_equal(setenv("CW_SHIM_DIR", r->dir, 1), 0);
        assert_int_equal(setenv("CW_REAL_MODULE", module_of(o), 1), 0);
        assert_int_equal(setenv("CW_REAL_INIT", o->nss ? nss_init(r, text) : "", 1), 0);
}

static void write_config(const struct rig *r, const struct rig_options *o, const char *name, bool wrong_kcv,
                         const char *pin_credential) {
        FILE *f = create(r, name);
        (void)fprintf(f, "{\"profile_dir\":\"%s\",\"face_dir\":\"%s\",\"pan_transport_key\":\"pan\",", r->dir,
                      r->dir);
        (void)fprintf(f,
                      "\"pan_hash_key\":\"hash\",\"agent\":{\"branch_id\":\"B1\",\"runtime_dir\":\"%s/run\",",
                      r->dir);
        (void)fprintf(f, "\"credential_dir\":\"%s\"},", r->dir);
        (void)fprintf(f,
                      "\"server\":{\"url\":\"https://localhost/dcms\",\"tenant\":\"T\",\"username\":\"u\","
                      "\"ca_file\":\"%s/ca.pem\"},",
                      r->dir);
        (void)fprintf(f,
                      "\"hsm\":{\"state_dir\":\"%s/"
                      "state\",\"module\":\"%s\",\"token_label\":\"test\",\"pin_credential\":\"%s\",",
                      r->dir, o->shim ? CW_SHIM_MODULE : module_of(o), pin_credential);
        if (o->nss && !o->shim)
                (void)fprintf(f, "\"module_init_style\":\"nss\",\"module_init\":\"%s\",",
                              nss_init(r, (char[400]){""}));
        (void)fprintf(f,
                      "\"call_timeout_ms\":%d,\"allow_host_memory\":%s,\"allow_key_loading\":%s,\"keys\":[",
                      o->call_timeout_ms ? o->call_timeout_ms : 5000, o->no_host_memory ? "false" : "true",
                      o->rotation ? "true" : "false");
        write_config_keys(f, wrong_kcv, o);
        if (r->issuer != NULL)
                (void)fprintf(f,
                              ",{\"label\":\"issuer\",\"purpose\":\"issuer-rsa\",\"algorithm\":\"rsa\","
                              "\"kcv\":\"%s\"}",
                              r->issuer->kcv);
        (void)fprintf(f, "]},\"pin\":{\"key\":\"pin\",\"bdk\":\"%s\",\"attempts\":3},\"products\":[",
                      o->aes_pad ? "bdk4" : "bdk");
        write_product(f, RIG_SCP03, 3, 0x33, r->issuer != NULL, o->service);
        (void)fprintf(f, ",");
        write_product(f, RIG_SCP02, 2, 0x03, false, o->service);
        (void)fprintf(f, "],\"stations\":[{\"name\":\"k1\",\"kind\":\"kiosk\",\"reader\":\"r\",\"pinpad_"
                         "tty\":\"/dev/null\"}]}\n");
        assert_int_equal(fclose(f), 0);
}

static pid_t spawn(const struct rig *r, const char *log, char *const argv[]) {
        char path[256];
        rig_path(r, log, path, sizeof(path));
        pid_t pid = fork();
        if (pid != 0)
                return pid;
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* nothing outlives a test that crashes */
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
                _exit(126);
        (void)execvp(argv[0], argv);
        _exit(127);
}

static void run(const struct rig *r, char *const argv[]) {
        int status = 0;
        pid_t pid = spawn(r, "setup.log", argv);
        assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
        if (status != 0)
                fail_msg("%s failed, see %s/setup.log", argv[0], r->dir);
}

/* NSS hardens the PIN anew for each key it reads, with 10,000 rounds, which are nothing to these tests. */
static void make_nss(const struct rig *r) {
        char dir[256], db[300], pin[256];
        char tool[] = "certutil", verb[] = "-N", db_option[] = "-d", file_option[] = "-f";
        rig_path(r, "nssdb", dir, sizeof(dir));
        rig_path(r, "good-pin", pin, sizeof(pin));
        (void)snprintf(db, sizeof(db), "sql:%s", dir);
        assert_int_equal(setenv("NSS_MAX_MP_PBE_ITERATION_COUNT", "1", 1), 0);
        assert_int_equal(mkdir(dir, 0700), 0);
        run(r, (char *[]){tool, verb, db_option, db, file_option, pin, NULL});
}

static void provision(const struct rig *r) {
        char config[256], key_file[256];
        char tool[] = CW_PROVISION, config_option[] = "--config", keys_option[] = "--keys";
        rig_path(r, "provision.json", config, sizeof(config));
        rig_path(r, "keys.json", key_file, sizeof(key_file));
        /* What openCryptoki leaves behind in the tool is not ours to free. */
        if (r->opencryptoki)
                assert_int_equal(setenv("LSAN_OPTIONS", "detect_leaks=0", 1), 0);
        run(r, (char *[]){tool, config_option, config, keys_option, key_file, NULL});
        if (r->opencryptoki)
                assert_int_equal(unsetenv("LSAN_OPTIONS"), 0);
}

static void copy_token(const struct rig *r, const struct rig *from) {
        char source[256], target[256], tool[] = "cp", option[] = "-R";
        rig_path(from, "tokens", source, sizeof(source));
        rig_path(r, "tokens", target, sizeof(target));
        run(r, (char *[]){tool, option, source, target, NULL});
}

static void make_token(const struct rig *r, const struct rig *like) {
        char path[256];
        char tool[] = "softhsm2-util", init[] = "--init-token", free_slot[] = "--free", label[] = "--label",
             test[] = "test", so[] = "--so-pin", so_pin[] = "12345678", pin[] = "--pin", user_pin[] = "1234";
        rig_path(r, "tokens", path, sizeof(path));
        if (like != NULL)
                copy_token(r, like);
        else
                assert_int_equal(mkdir(path, 0700), 0);
        FILE *f = create(r, "softhsm2.conf");
        (void)fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", path);
        (void)fprintf(f, "slots.mechanisms = ALL\nlibrary.reset_on_fork = false\n");
        assert_int_equal(fclose(f), 0);
        rig_path(r, "softhsm2.conf", path, sizeof(path));
        assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
        if (like == NULL)
                run(r, (char *[]){tool, init, free_slot, label, test, so, so_pin, pin, user_pin, NULL});
}

static void pause_ms(long ms) {
        const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
        (void)nanosleep(&t, NULL);
}

/* The socket is there as soon as the daemon listens; hello tells when the token was tried. */
static void connect_agent(struct rig *r) {
        char path[256];
        struct cw_fault f = {0};
        rig_path(r, "run/hsmd/agent.sock", path, sizeof(path));
        r->agent = -1;
        for (int i = 0; i < 500 && cw_ipc_connect(path, &r->agent, &f) != CW_OK; i++)
                pause_ms(10);
        assert_true(r->agent >= 0);
        for (int i = 0; i < 500; i++) {
                CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
                /* A machine that stalls costs the worker that opens the token its life: the next one does. */
                if (rig_call(r, cw_hsm_msg_hello(1), &reply, &f) == CW_OK &&
                    strcmp(cw_msg_str(reply, "text", ""), "the token is being opened") != 0)
                        return;
                pause_ms(10);
        }
        fail_msg("the daemon does not get its token: %s", f.text);
}

static void start_daemon(struct rig *r) {
        char daemon[] = CW_HSMD, option[] = "--config", config[256];
        rig_path(r, "daemon.json", config, sizeof(config));
        r->pid = spawn(r, "log", (char *[]){daemon, option, config, NULL});
        assert_true(r->pid > 0);
        connect_agent(r);
}

const char *rig_opencryptoki_missing(void) {
        const char *why = opencryptoki_missing(CW_OPENCRYPTOKI_MODULE);
        if (why != NULL)
                (void)printf("[  SKIPPED ] openCryptoki %s\n", why);
        return why;
}

const char *rig_pin_form(const struct rig *r) {
        return r->opencryptoki ? "v1-ecb-hex16" : "";
}

void rig_skip_opencryptoki(const struct rig *r, const char *why) {
        if (!r->opencryptoki)
                return;
        (void)printf("[  SKIPPED ] openCryptoki: %s\n", why);
        skip();
}

void rig_start(struct rig *r, const struct rig_options *o) {
        const char *tmp = getenv("TMPDIR");
        *r = (struct rig){.agent = -1, .opencryptoki = o->opencryptoki};
        sealed_by_v1 = o->opencryptoki;
        (void)snprintf(r->dir, sizeof(r->dir), "%s/hsmd-test-XXXXXX", tmp ? tmp : "/tmp");
        assert_non_null(mkdtemp(r->dir));
        FILE *f = create(r, "good-pin");
        (void)fprintf(f, "1234");
        assert_int_equal(fclose(f), 0);
        f = create(r, "bad-pin");
        (void)fprintf(f, "9999");
        assert_int_equal(fclose(f), 0);
        if (o->issuer)
                write_issuer(r, o->issuer_bits);
        if (o->tap)
                assert_int_equal(fclose(create(r, "tap")), 0);
        write_keys(r);
        const struct rig_options plain = {.issuer = o->issuer,
                                          .service = o->service,
                                          .rotation = o->rotation,
                                          .nss = o->nss,
                                          .opencryptoki = o->opencryptoki,
                                          .no_host_memory = o->service && o->no_host_memory};
        write_config(r, &plain, "provision.json", false, "good-pin");
        write_config(r, o, "daemon.json", o->wrong_kcv, o->wrong_pin ? "bad-pin" : "good-pin");
        put_around(r, o);
        if (o->nss)
                make_nss(r);
        else if (o->opencryptoki)
                assert_true(opencryptoki_start(r->dir, "test", "1234", &r->slot_daemon));
        else
                make_token(r, o->like);
        if (o->like == NULL)
                provision(r);
        start_daemon(r);
}

static void stop_daemon(struct rig *r) {
        int status = 0;
        if (r->agent >= 0)
                (void)close(r->agent);
        r->agent = -1;
        if (r->pid <= 0)
                return;
        (void)kill(r->pid, SIGTERM);
        assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
        r->pid = 0;
}

void rig_restart(struct rig *r) {
        stop_daemon(r);
        start_daemon(r);
}

void rig_stop(struct rig *r) {
        char tool[] = "rm", option[] = "-rf";
        stop_daemon(r);
        opencryptoki_stop(r->slot_daemon);
        r->slot_daemon = 0;
        free(r->issuer);
        r->issuer = NULL;
        if (getenv("CW_KEEP") == NULL)
                run(r, (char *[]){tool, option, r->dir, NULL});
}

size_t rig_workers(const struct rig *r, pid_t *ret, size_t cap) {
        char path[64];
        size_t n = 0;
        int pid = 0;
        (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)r->pid, (int)r->pid);
        FILE *f = fopen(path, "re");
        if (f == NULL)
                return 0;
        while (n < cap && fscanf(f, "%d", &pid) == 1)
                ret[n++] = pid;
        (void)fclose(f);
        return n;
}

void rig_wait_workers(const struct rig *r, size_t count) {
        pid_t pids[40];
        for (int i = 0; i < 500; i++) {
                if (rig_workers(r, pids, 40) == count)
                        return;
                pause_ms(10);
        }
        fail_msg("expected %zu workers, there are %zu", count, rig_workers(r, pids, 40));
}

/* In windows that overlap, so that nothing hides on a border. */
static bool range_has(int mem, unsigned long from, unsigned long to, const void *bytes, size_t len) {
        static uint8_t window[(1u << 20) + 64];
        for (unsigned long at = from; at < to; at += 1u << 20) {
                size_t want = to - at < sizeof(window) ? to - at : sizeof(window);
                ssize_t n = pread(mem, window, want, (off_t)at);
                if (n > 0 && memmem(window, (size_t)n, bytes, len) != NULL)
                        return true;
        }
        return false;
}

bool rig_memory_has(pid_t pid, const void *bytes, size_t len) {
        char path[64], line[512];
        bool found = false;
        size_t ranges = 0;
        (void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
        int mem = open(path, O_RDONLY | O_CLOEXEC);
        (void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
        FILE *maps = fopen(path, "re");
        assert_true(mem >= 0 && maps != NULL);
        while (fgets(line, sizeof(line), maps) != NULL) {
                unsigned long from = 0, to = 0;
                char rights[5] = "";
                if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3 || rights[0] != 'r' ||
                    rights[1] != 'w')
                        continue;
                if (to - from < RANGE_MAX) { /* more is the shadow of a sanitizer */
                        found |= range_has(mem, from, to, bytes, len);
                        ranges++;
                }
        }
        assert_true(ranges > 3);
        (void)fclose(maps);
        (void)close(mem);
        return found;
}

cw_rc rig_call(struct rig *r, struct cw_msg *m, struct cw_msg **ret, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *request = m;
        assert_non_null(request);
        return cw_ipc_call(r->agent, request, cw_deadline_ns(20000), ret, f);
}

cw_rc rig_administer(const struct rig *r, struct cw_msg *m, struct cw_msg **ret, struct cw_fault *f) {
        char path[256];
        struct rig admin = *r;
        rig_path(r, "run/hsmd/admin.sock", path, sizeof(path));
        assert_int_equal(cw_ipc_connect(path, &admin.agent, f), CW_OK);
        cw_rc rc = rig_call(&admin, m, ret, f);
        (void)close(admin.agent);
        return rc;
}

void rig_seal(const char *pan, char ret[160]) {
        static uint8_t serial;
        uint8_t iv[16] = {0}, sealed[64], padded[32];
        if (sealed_by_v1) { /* AES-ECB, PKCS#7 */
                memset(padded, 16, sizeof(padded));
                memcpy(padded, pan, 16);
                ossl_cipher("AES-256-ECB", true, rig_pan_key, NULL, padded, 32, sealed);
                (void)ossl_base64(sealed, 32, ret);
                return;
        }
        iv[0] = ++serial;
        ossl_gcm_seal(rig_pan_key, iv, pan, strlen(pan), sealed);
        (void)ossl_base64(sealed, strlen(pan) + 32, ret);
}

static cw_rc opened(struct rig *r, struct cw_msg *m, struct cw_hsm_opened *ret,
                    struct cw_hsm_session **ret_session, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        cw_rc rc = rig_call(r, m, &reply, f);
        if (rc == CW_OK)
                rc = cw_hsm_reply_opened(reply, ret, f);
        return rc != CW_OK ? rc : cw_hsm_session_open(ret->fd, 20000, ret_session);
}

cw_rc rig_open_issue(struct rig *r, const char *job, const char *plastic, struct cw_hsm_opened *ret,
                     struct cw_hsm_session **ret_session, struct cw_fault *f) {
        char text[160];
        rig_seal(RIG_PAN, text);
        const struct cw_hsm_issue issue = {job, "10729390", plastic, RIG_EXPIRY, "Asha Rao", text};
        return opened(r, cw_hsm_msg_open_issue(&issue), ret, ret_session, f);
}

cw_rc rig_open_kiosk(struct rig *r, const char *ticket, struct cw_hsm_opened *ret,
                     struct cw_hsm_session **ret_session, struct cw_fault *f) {
        return opened(r, cw_hsm_msg_open_kiosk(ticket), ret, ret_session, f);
}

cw_rc rig_open_service(struct rig *r, const char *pan, const char *plastic, int *ret_fd, struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        static unsigned serial;
        char text[160], job[16];
        struct cw_hsm_opened o;
        rig_seal(pan, text);
        (void)snprintf(job, sizeof(job), "S%u", ++serial);
        const struct cw_hsm_service service = {.job = job,
                                               .plastic_code = plastic,
                                               .expiry = RIG_EXPIRY,
                                               .birth_date = "19870621",
                                               .encrypted_card_number = text};
        cw_rc rc = rig_call(r, cw_hsm_msg_open_service(&service), &reply, f);
        if (rc == CW_OK)
                rc = cw_hsm_reply_opened(reply, &o, f);
        if (rc == CW_OK)
                *ret_fd = o.fd;
        return rc;
}

struct cw_msg *rig_kiosk_bind(int64_t session, const char *expiry, const char *issuer_keys,
                              const char *sealed) {
        const struct cw_hsm_kiosk_kit kit = {.kit = "10729390",
                                             .plastic_code = RIG_SCP03,
                                             .expiry = expiry,
                                             .birth_date = "",
                                             .issuer_keys = issuer_keys,
                                             .encrypted_card_number = sealed};
        return cw_hsm_msg_kiosk_bind(session, &kit);
}
