/* SPDX-License-Identifier: Apache-2.0 */
#include "vector_token.h"

#include "opencryptoki.h"

#include "base/ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TOKEN_PIN "test1234" /* openCryptoki takes 4 to 8 characters */
#define START_TRIES 2000

struct kind {
        const char *name, *module, *style;
        bool (*make)(struct vector_token *t, char *init, size_t cap);
};

static bool complain(const char *what, const char *detail) {
        (void)fprintf(stderr, "hsm-vectors: %s: %s\n", what, detail);
        return false;
}

/* A file of the folder, readable by its owner alone. */
__attribute__((format(printf, 3, 4))) static bool write_file(const struct vector_token *t, const char *name,
                                                             const char *format, ...) {
        char path[256];
        va_list args;
        (void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
        if (f == NULL)
                return complain(path, strerror(errno));
        va_start(args, format);
        (void)vfprintf(f, format, args);
        va_end(args);
        return fclose(f) == 0 || complain(path, strerror(errno));
}

/* Output goes to the folder's log; nothing outlives this program. */
static pid_t spawn(const struct vector_token *t, char *const argv[]) {
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/log", t->dir);
        pid_t pid = fork();
        if (pid != 0)
                return pid;
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
                _exit(126);
        (void)execvp(argv[0], argv);
        _exit(127);
}

static bool run(const struct vector_token *t, char *const argv[]) {
        int status = 0;
        pid_t pid = spawn(t, argv);
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                return complain(argv[0], strerror(errno));
        if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
                return complain(argv[0], "is not installed");
        return status == 0 || complain(argv[0], "failed");
}

static bool make_softhsm(struct vector_token *t, char *init, size_t cap) {
        char conf[256], dir[256];
        char tool[] = "softhsm2-util", verb[] = "--init-token", slot[] = "--free", label_option[] = "--label",
             label[] = "vectors", so[] = "--so-pin", so_pin[] = "12345678", pin[] = "--pin",
             user_pin[] = TOKEN_PIN;
        (void)snprintf(conf, sizeof(conf), "%s/softhsm2.conf", t->dir);
        (void)snprintf(dir, sizeof(dir), "%s/tokens", t->dir);
        (void)snprintf(init, cap, "%s", "");
        return mkdir(dir, 0700) == 0 &&
               write_file(t, "softhsm2.conf",
                          "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n"
                          "slots.mechanisms = ALL\nlibrary.reset_on_fork = false\n",
                          dir) &&
               setenv("SOFTHSM2_CONF", conf, 1) == 0 &&
               run(t, (char *[]){tool, verb, slot, label_option, label, so, so_pin, pin, user_pin, NULL});
}

static bool make_nss(struct vector_token *t, char *init, size_t cap) {
        char db[256], pin_file[256], dir[256];
        char tool[] = "certutil", verb[] = "-N", db_option[] = "-d", file_option[] = "-f";
        (void)snprintf(dir, sizeof(dir), "%s/nssdb", t->dir);
        (void)snprintf(db, sizeof(db), "sql:%s", dir);
        (void)snprintf(pin_file, sizeof(pin_file), "%s/pin", t->dir);
        (void)snprintf(init, cap,
                       "configdir='%s' certPrefix='' keyPrefix='' secmod='secmod.db' flags= "
                       "cryptoTokenDescription='crypto' dbTokenDescription='vectors'",
                       db);
        return mkdir(dir, 0700) == 0 &&
               run(t, (char *[]){tool, verb, db_option, db, file_option, pin_file, NULL});
}

static void pause_10ms(void) {
        const struct timespec time = {0, 10000000};
        (void)nanosleep(&time, NULL);
}

static bool make_opencryptoki(struct vector_token *t, char *init, size_t cap) {
        (void)snprintf(init, cap, "%s", "");
        const char *missing = opencryptoki_missing(CW_OPENCRYPTOKI_MODULE);
        if (missing != NULL)
                return complain("openCryptoki", missing);
        return opencryptoki_start(t->dir, "vectors", TOKEN_PIN, &t->slot_daemon);
}

static const struct kind kinds[] = {
    {"softhsm", "/usr/lib/softhsm/libsofthsm2.so", "none", make_softhsm},
    {"nss", CW_NSS_MODULE, "nss", make_nss},
    {"opencryptoki", CW_OPENCRYPTOKI_MODULE, "none", make_opencryptoki},
};

/* The daemon wants a whole configuration; of its keys none is on the token, and none is needed. */
static bool write_config(const struct vector_token *t, const char *module, const char *style,
                         const char *init, const struct vector_options *o) {
        return write_file(
            t, "config.json",
            "{\"profile_dir\":\"%s\",\"face_dir\":\"%s\",\"pan_transport_key\":\"pan\",\"pan_hash_key\":"
            "\"hash\","
            "\"agent\":{\"branch_id\":\"B1\",\"runtime_dir\":\"%s/run\",\"credential_dir\":\"%s\"},"
            "\"server\":{\"url\":\"https://localhost/dcms\",\"tenant\":\"T\",\"username\":\"u\","
            "\"ca_file\":\"%s/ca.pem\"},"
            "\"hsm\":{\"state_dir\":\"%s/"
            "state\",\"module\":\"%s\",\"module_init\":\"%s\",\"module_init_style\":\"%s\","
            "\"token_label\":\"vectors\",\"pin_credential\":\"pin\",\"test_token\":true,"
            "\"allow_host_memory\":%s,\"call_timeout_ms\":%d,\"allow_key_loading\":true,"
            "\"keys\":[{\"label\":\"pan\",\"purpose\":\"pan-transport\",\"algorithm\":\"aes256\","
            "\"kcv\":\"000000\"},{\"label\":\"hash\",\"purpose\":\"pan-hash\",\"algorithm\":\"generic\"}]},"
            "\"products\":[],\"stations\":[]}\n",
            t->dir, t->dir, t->dir, t->dir, t->dir, t->dir, module, init, style,
            o->host_memory ? "true" : "false", o->call_timeout_ms > 0 ? o->call_timeout_ms : 5000);
}

const char *vector_token_missing(const char *name) {
        return strcmp(name, "opencryptoki") == 0 ? opencryptoki_missing(CW_OPENCRYPTOKI_MODULE) : NULL;
}

bool vector_token_wait(struct vector_token *t) {
        char path[256], why[256] = "the daemon does not listen";
        (void)snprintf(path, sizeof(path), "%s/run/hsmd/admin.sock", t->dir);
        for (int i = 0; i < START_TRIES; i++) {
                CW_AUTO(cw_msg_free) struct cw_msg *hello = cw_msg_request("hello"), *reply = NULL;
                struct cw_fault f = {0};
                if (waitpid(t->hsmd, NULL, WNOHANG) != 0) {
                        t->hsmd = 0;
                        return complain("cardwright-hsmd", "ended; see its log with CW_KEEP=1");
                }
                if (t->admin < 0 && cw_ipc_connect(path, &t->admin, &f) != CW_OK)
                        t->admin = -1;
                if (t->admin >= 0 && hello != NULL &&
                    cw_ipc_call(t->admin, hello, cw_deadline_ns(20000), &reply, &f) == CW_OK) {
                        const char *model = json_string_value(
                            json_object_get(json_object_get(reply->json, "token"), "model"));
                        if (model != NULL && *model != '\0')
                                return true;
                        (void)snprintf(why, sizeof(why), "%s", cw_msg_str(reply, "text", ""));
                }
                pause_10ms();
        }
        return complain("cardwright-hsmd", why);
}

bool vector_token_serve(struct vector_token *t) {
        char socket[200], name[] = "--name", tool[] = "p11-kit", verb[] = "server", foreground[] = "-f",
                          provider[] = "--provider", uri[] = "pkcs11:token=vectors",
                          module[] = CW_HOSTILE_MODULE;
        (void)snprintf(socket, sizeof(socket), "%s/p11.sock", t->dir);
        (void)unlink(socket);
        t->server = spawn(t, (char *[]){tool, verb, foreground, provider, module, name, socket, uri, NULL});
        for (int i = 0; i < START_TRIES && access(socket, F_OK) != 0; i++)
                pause_10ms();
        return access(socket, F_OK) == 0 || complain("p11-kit server", "does not listen");
}

/* p11-kit loads a module without arguments: ours brings those of NSS along. */
static bool start_server(struct vector_token *t, const struct kind *k, const char *init) {
        char address[256];
        (void)snprintf(address, sizeof(address), "unix:path=%s/p11.sock", t->dir);
        return setenv("CW_REAL_MODULE", k->module, 1) == 0 && setenv("CW_REAL_INIT", init, 1) == 0 &&
               setenv("P11_KIT_SERVER_ADDRESS", address, 1) == 0 && vector_token_serve(t);
}

bool vector_token_start(struct vector_token *t, const char *name, const struct vector_options *o) {
        const char *tmp = getenv("TMPDIR");
        char init[640], config[256], daemon[] = CW_HSMD, option[] = "--config";
        const struct kind *k = NULL;
        *t = (struct vector_token){.admin = -1};
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
                k = strcmp(kinds[i].name, name) == 0 ? &kinds[i] : k;
        if (k == NULL)
                return complain(name,
                                "is no token that can be set up here; use softhsm, nss or opencryptoki");
        if (access(k->module, R_OK) != 0)
                return complain(k->module, "is not installed");
        (void)snprintf(t->dir, sizeof(t->dir), "%s/hsm-vectors-XXXXXX", tmp ? tmp : "/tmp");
        if (mkdtemp(t->dir) == NULL)
                return complain(t->dir, strerror(errno));
        if (!write_file(t, "pin", "%s", TOKEN_PIN) || !k->make(t, init, sizeof(init)))
                return false;
        if (o->behind_server ? !start_server(t, k, init) || !write_config(t, CW_P11KIT_CLIENT, "none", "", o)
                             : !write_config(t, k->module, k->style, init, o))
                return false;
        (void)snprintf(config, sizeof(config), "%s/config.json", t->dir);
        t->hsmd = spawn(t, (char *[]){daemon, option, config, NULL});
        return t->hsmd > 0 ? vector_token_wait(t) : complain(daemon, strerror(errno));
}

static void end(pid_t pid) {
        if (pid <= 0)
                return;
        (void)kill(pid, SIGTERM);
        for (int i = 0; i < START_TRIES; i++) {
                if (waitpid(pid, NULL, WNOHANG) != 0)
                        return;
                pause_10ms();
        }
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
}

void vector_token_stop(struct vector_token *t) {
        char tool[] = "rm", option[] = "-rf";
        if (t->admin >= 0)
                (void)close(t->admin);
        end(t->hsmd);
        end(t->server);
        opencryptoki_stop(t->slot_daemon);
        if (t->dir[0] != '\0' && getenv("CW_KEEP") == NULL)
                (void)run(t, (char *[]){tool, option, t->dir, NULL});
        *t = (struct vector_token){.admin = -1};
}
