/* SPDX-License-Identifier: Apache-2.0 */
/* dcms-sim: a card management server for tests, over TLS. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "crypto.h"
#include "branch.h"
#include "customers.h"
#include "dsim.h"
#include "faults.h"
#include "gate.h"
#include "http.h"
#include "traffic.h"

#define PEM_MAX ((size_t)1 << 20)

enum { EXIT_USAGE = 2 };

struct options {
        const char *listen, *port, *port_file, *cert, *key, *client_ca, *db, *config, *seed;
};

static const char USAGE[] = "usage: dcms-sim --listen IPV4 --port N --port-file FILE --cert PEM --key PEM\n"
                            "                [--client-ca PEM] --db FILE --config FILE [--seed N]\n";

static bool parse_options(int argc, char **argv, struct options *o) {
        static const struct option longs[] = {
            {"listen", required_argument, NULL, 'l'},    {"port", required_argument, NULL, 'p'},
            {"port-file", required_argument, NULL, 'f'}, {"cert", required_argument, NULL, 'c'},
            {"key", required_argument, NULL, 'k'},       {"client-ca", required_argument, NULL, 'a'},
            {"db", required_argument, NULL, 'd'},        {"config", required_argument, NULL, 'g'},
            {"seed", required_argument, NULL, 's'},      {NULL, 0, NULL, 0}};
        int c = 0;
        while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
                const char **slot = c == 'l'   ? &o->listen
                                    : c == 'p' ? &o->port
                                    : c == 'f' ? &o->port_file
                                    : c == 'c' ? &o->cert
                                    : c == 'k' ? &o->key
                                    : c == 'a' ? &o->client_ca
                                    : c == 'd' ? &o->db
                                    : c == 'g' ? &o->config
                                    : c == 's' ? &o->seed
                                               : NULL;
                if (!slot)
                        return false;
                *slot = optarg;
        }
        return optind == argc && o->listen && o->port && o->port_file && o->cert && o->key && o->db &&
               o->config;
}

/* Takes the place of the configuration's seed. */
static bool parse_seed(const char *text, uint64_t *seed) {
        char *end = NULL;
        errno = 0;
        unsigned long long n = text ? strtoull(text, &end, 10) : 0;
        if (!text)
                return true;
        if (errno != 0 || end == text || *end || *text == '-' || n > INT64_MAX)
                return false;
        *seed = n;
        return true;
}

static bool parse_port(const char *text, uint16_t *ret_port) {
        char *end = NULL;
        errno = 0;
        unsigned long n = strtoul(text, &end, 10);
        if (errno != 0 || end == text || *end || *text == '-' || n > 65535)
                return false;
        *ret_port = (uint16_t)n;
        return true;
}

/* A whole PEM file as text; NULL with a message. */
static char *read_pem(const char *path) {
        CW_AUTO_FILE FILE *file = fopen(path, "re");
        CW_AUTO_MEM char *text = file ? calloc(1, PEM_MAX) : NULL;
        size_t n = text ? fread(text, 1, PEM_MAX - 1, file) : 0;
        if (n == 0) {
                (void)fprintf(stderr, "dcms-sim: cannot read %s: %s\n", path,
                              file ? "it is empty" : strerror(errno));
                return NULL;
        }
        return CW_STEAL(text);
}

/* The port appears under its final name only when it is whole, so a reader that sees the file can use it. */
static bool write_port_file(const char *path, uint16_t port) {
        char temporary[4096];
        int n = snprintf(temporary, sizeof temporary, "%s.tmp", path);
        if (n < 0 || (size_t)n >= sizeof temporary)
                return false;
        CW_AUTO_FILE FILE *file = fopen(temporary, "we");
        bool ok = file && fprintf(file, "%u\n", (unsigned)port) > 0 && fflush(file) == 0 &&
                  rename(temporary, path) == 0;
        if (!ok)
                (void)fprintf(stderr, "dcms-sim: cannot write %s: %s\n", path, strerror(errno));
        return ok;
}

/* The file's card numbers open only under the key they were stored with. */
static bool check_database_key(struct cw_dsim *sim) {
        static const char label[] = "dcms-sim database key check";
        uint8_t tag[32];
        cw_dsim_hmac(sim->cfg.card_number_key, 32, label, sizeof label - 1, tag);
        (void)cw_dsim_store_run(sim->db, "INSERT OR IGNORE INTO secret_check VALUES(1, ?1)", "b", tag,
                                sizeof tag);
        if (cw_dsim_store_int(sim->db, "SELECT count(*) FROM secret_check WHERE tag = ?1", "b", tag,
                              sizeof tag) == 1)
                return true;
        (void)fprintf(stderr,
                      "dcms-sim: the database was made with another card_number_key; use that key or a new "
                      "database file\n");
        return false;
}

/* Database and first content. */
static bool open_state(struct cw_dsim *sim, const char *path) {
        sim->db = cw_dsim_store_open(path);
        sim->faults = cw_dsim_faults_new();
        sim->traffic = cw_dsim_traffic_new();
        if (!sim->db || !sim->faults || !sim->traffic || !check_database_key(sim))
                return false;
        cw_dsim_branches_load(sim);
        if (cw_dsim_store_get(sim->db, "seeded") != 0)
                return true;
        cw_dsim_store_exec(sim->db, "BEGIN IMMEDIATE");
        bool ok = cw_dsim_customers_seed(sim);
        (void)cw_dsim_store_add(sim->db, "seeded", 1);
        cw_dsim_store_exec(sim->db, ok ? "COMMIT" : "ROLLBACK");
        return ok;
}

static void close_state(struct cw_dsim *sim) {
        cw_dsim_faults_free(sim->faults);
        cw_dsim_traffic_free(sim->traffic);
        (void)sqlite3_close(sim->db);
        cw_dsim_config_done(&sim->cfg);
}

/* SIGTERM or SIGINT end it; SIGUSR1 ends a down time early. */
static void wait_for_end(struct cw_dsim *sim, const sigset_t *signals) {
        int sig = 0;
        while (sigwait(signals, &sig) == 0 && sig == SIGUSR1)
                cw_dsim_gate_down(sim, 0, false);
}

static int run(struct cw_dsim *sim, const struct options *o, struct cw_dsim_listen *listen) {
        uint16_t port = 0;
        sigset_t signals;
        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigaddset(&signals, SIGINT);
        (void)sigaddset(&signals, SIGUSR1);
        (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        struct cw_dsim_http *http = cw_dsim_http_start(sim, listen, &port);
        if (!http)
                return EXIT_FAILURE;
        bool ok = write_port_file(o->port_file, port);
        if (ok) {
                (void)fprintf(stderr, "dcms-sim: listening on %s port %u\n", listen->address, (unsigned)port);
                wait_for_end(sim, &signals);
        }
        cw_dsim_gate_stop(sim);
        cw_dsim_http_stop(http);
        return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* As many connections as the system lets one process have. */
static void raise_files(void) {
        struct rlimit files;
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
                files.rlim_cur = files.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &files);
        }
}

static int load_and_run(const struct options *o, uint16_t port) {
        CW_AUTO_MEM char *cert = read_pem(o->cert);
        CW_AUTO_MEM char *key = read_pem(o->key);
        CW_AUTO_MEM char *ca = o->client_ca ? read_pem(o->client_ca) : NULL;
        CW_AUTO_MEM struct cw_dsim *sim = calloc(1, sizeof *sim);
        struct cw_dsim_listen listen = {o->listen, port, cert, key, ca};
        if (!sim || !cert || !key || (o->client_ca && !ca) || !cw_dsim_config_load(o->config, &sim->cfg))
                return EXIT_FAILURE;
        if (!parse_seed(o->seed, &sim->cfg.seed)) {
                (void)fprintf(stderr, "dcms-sim: --seed must be a number\n");
                return EXIT_USAGE;
        }
        if (!cw_dsim_gate_init(sim))
                return EXIT_FAILURE;
        int rc = open_state(sim, o->db) ? run(sim, o, &listen) : EXIT_FAILURE;
        close_state(sim);
        cw_dsim_gate_done(sim);
        OPENSSL_cleanse(key, strlen(key));
        return rc;
}

int main(int argc, char **argv) {
        struct options options = {0};
        uint16_t port = 0;
        if (!parse_options(argc, argv, &options) || !parse_port(options.port, &port)) {
                (void)fputs(USAGE, stderr);
                return EXIT_USAGE;
        }
        raise_files();
        return load_and_run(&options, port);
}
