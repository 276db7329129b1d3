/* SPDX-License-Identifier: Apache-2.0 */
#include "d1sim.h"

#include <errno.h>
#include <getopt.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PEM_MAX 65536u

struct options {
        const char *listen, *port, *port_file, *cert, *key, *client_ca, *db, *config, *seed;
};

static const char USAGE[] =
    "usage: d1-sim --listen IPV4 --port N --port-file FILE --cert PEM --key PEM --client-ca PEM\n"
    "              --db FILE --config FILE [--seed N]\n";

static bool parse_options(int argc, char **argv, struct options *o) {
        static const struct option longs[] = {
            {"listen", required_argument, NULL, 0},    {"port", required_argument, NULL, 1},
            {"port-file", required_argument, NULL, 2}, {"cert", required_argument, NULL, 3},
            {"key", required_argument, NULL, 4},       {"client-ca", required_argument, NULL, 5},
            {"db", required_argument, NULL, 6},        {"config", required_argument, NULL, 7},
            {"seed", required_argument, NULL, 8},      {NULL, 0, NULL, 0}};
        const char **slots[] = {&o->listen,    &o->port, &o->port_file, &o->cert, &o->key,
                                &o->client_ca, &o->db,   &o->config,    &o->seed};
        int c = 0;
        while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
                if (c < 0 || c > 8)
                        return false;
                *slots[c] = optarg;
        }
        for (size_t i = 0; i < 8; i++)
                if (!*slots[i])
                        return false;
        return optind == argc;
}

static char *read_text(const char *path) {
        CW_AUTO_FILE FILE *file = fopen(path, "re");
        CW_AUTO_MEM char *text = file ? calloc(1, PEM_MAX) : NULL;
        if (text && fread(text, 1, PEM_MAX - 1, file) > 0)
                return CW_STEAL(text);
        (void)fprintf(stderr, "d1-sim: cannot read %s\n", path);
        return NULL;
}

/* The port appears under its final name only when it is whole. */
static bool write_port(const char *path, uint16_t port) {
        char temporary[4096];
        (void)snprintf(temporary, sizeof temporary, "%s.tmp", path);
        CW_AUTO_FILE FILE *file = fopen(temporary, "we");
        return file && fprintf(file, "%u\n", (unsigned)port) > 0 && fflush(file) == 0 &&
               rename(temporary, path) == 0;
}

static int serve(struct d1sim *s, const struct options *o) {
        CW_AUTO_MEM char *cert = read_text(o->cert);
        CW_AUTO_MEM char *key = read_text(o->key);
        CW_AUTO_MEM char *ca = read_text(o->client_ca);
        uint16_t port = 0;
        sigset_t signals;
        int sig = 0;
        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigaddset(&signals, SIGINT);
        (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        struct MHD_Daemon *d =
            cert && key && ca
                ? d1sim_http_start(s, o->listen, (uint16_t)strtoul(o->port, NULL, 10), cert, key, ca, &port)
                : NULL;
        bool ok = d && write_port(o->port_file, port);
        if (ok)
                (void)sigwait(&signals, &sig);
        else
                (void)fprintf(stderr, "d1-sim: cannot listen on %s port %s\n", o->listen, o->port);
        if (d)
                MHD_stop_daemon(d);
        return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
        struct options o = {0};
        static struct d1sim s = {.lock = PTHREAD_MUTEX_INITIALIZER};
        if (!parse_options(argc, argv, &o)) {
                (void)fputs(USAGE, stderr);
                return 2;
        }
        json_error_t error;
        s.config = json_load_file(o.config, 0, &error);
        const json_t *card_data = json_object_get(s.config, "card_data");
        s.card_key = d1sim_read_key(d1sim_text(card_data, "key_file"), true);
        /* xorshift has no state zero */
        s.random = (o.seed ? strtoull(o.seed, NULL, 10) : (unsigned long long)d1sim_now_ms()) | 1u << 31;
        if (!s.config || !s.card_key || !d1sim_store_open(&s, o.db)) {
                (void)fprintf(stderr, "d1-sim: cannot start: %s\n",
                              s.config ? "card_data.key_file or database" : error.text);
                return EXIT_FAILURE;
        }
        int rc = serve(&s, &o);
        (void)sqlite3_close(s.db);
        EVP_PKEY_free(s.card_key);
        json_decref(s.config);
        return rc;
}
