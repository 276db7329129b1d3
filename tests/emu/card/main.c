/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "emu.h"

#include "../control/jsonline.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void usage(FILE *to) {
        (void)fputs("emu-card: a virtual dual-standard chip card behind vpcd\n"
                    "  --vpcd-host ADDRESS   (127.0.0.1)\n"
                    "  --vpcd-port PORT      reader slot to be the card of\n"
                    "  --control SOCKET      newline JSON: present, remove, state, fault\n"
                    "  --keys FILE           card manager keys, JSON\n"
                    "  --default-scp 02|03   what key version 00 means (03)\n"
                    "  --i02 15|35|55|75     SCP02 implementation option (55)\n"
                    "  --i03 00|10|20|60|70  SCP03 implementation option (70); 01 11 21 61 71: S16\n"
                    "  --shy LIST            empty-select,cplc,data,kdd,fci: what the card does not do\n"
                    "  --isd old             the issuer domain is A000000003000000\n"
                    "  --key-tries N         wrong host cryptograms before the keys lock (5)\n"
                    "  --protocol t0|t1      answer to reset and Le rules (t1)\n"
                    "  --get-response own     T=0: only in the class of the command\n"
                    "  --format 77|80        template of GPO and GENERATE AC answers (77)\n"
                    "  --arpc 1|2            method of issuer authentication (2)\n"
                    "  --cvn 10|18|22|m16|m20|ccd  cryptogram version, M/Chip or CCD (18)\n"
                    "  --log FILE            events without data\n"
                    "  --wire FILE           every command as it came, and each power-up\n",
                    to);
}

struct options {
        const char *control, *keys, *log, *wire;
        struct emuc_config cfg;
        const char *host;
        unsigned long port;
};

static bool one_of(const char *text, const char *list) {
        size_t n = strlen(text);
        const char *at = strstr(list, text);

        return n == 2 && at && (at - list) % 3 == 0;
}

/* Words separated by commas. */
static bool set_shy(struct options *o, const char *arg) {
        static const struct {
                const char *word;
                unsigned bit;
        } words[] = {{"empty-select", EMUC_SHY_EMPTY_SELECT},
                     {"cplc", EMUC_SHY_CPLC},
                     {"data", EMUC_SHY_DATA},
                     {"kdd", EMUC_SHY_KDD},
                     {"fci", EMUC_SHY_FCI}};

        while (*arg) {
                size_t n = strcspn(arg, ","), i = 0;
                while (i < sizeof words / sizeof *words &&
                       (strlen(words[i].word) != n || strncmp(words[i].word, arg, n) != 0))
                        i++;
                if (i == sizeof words / sizeof *words)
                        return false;
                o->cfg.shy |= words[i].bit;
                arg += n + (arg[n] == ',');
        }
        return true;
}

static bool set_cvn(struct options *o, const char *arg) {
        static const char *const words[] = {
            [EMUC_CVN18] = "18",    [EMUC_CVN10] = "10",    [EMUC_CVN22] = "22",
            [EMUC_MCHIP16] = "m16", [EMUC_MCHIP20] = "m20", [EMUC_CCD] = "ccd"};

        for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
                o->cfg.cvn = (enum emuc_cvn)i;
                if (strcmp(arg, words[i]) == 0)
                        return true;
        }
        return false;
}

static bool set_option(struct options *o, int opt, const char *arg) {
        char *end = NULL;

        switch (opt) {
        case 'v':
                return set_cvn(o, arg);
        case 'h':
                o->host = arg;
                return true;
        case 'p':
                o->port = strtoul(arg, &end, 10);
                return *arg && !*end && o->port >= 1 && o->port <= 65535;
        case 'c':
                o->control = arg;
                return true;
        case 'k':
                o->keys = arg;
                return true;
        case 'l':
                o->log = arg;
                return true;
        case 'w':
                o->wire = arg;
                return true;
        case 'd':
                o->cfg.default_scp = arg[1] == '2' ? 2 : 3;
                return one_of(arg, "02 03");
        case '2':
                o->cfg.i02 = (uint8_t)strtoul(arg, NULL, 16);
                return one_of(arg, "15 35 55 75");
        case '3':
                o->cfg.i03 = (uint8_t)strtoul(arg, NULL, 16);
                return one_of(arg, "00 10 20 60 70 01 11 21 61 71");
        case 't':
                o->cfg.key_tries = (unsigned)strtoul(arg, &end, 10);
                return *arg && !*end && o->cfg.key_tries >= 1 && o->cfg.key_tries <= 255;
        case 's':
                return set_shy(o, arg);
        case 'A':
                return cw_hex_decode(arg, strlen(arg), o->cfg.aid, sizeof o->cfg.aid, &o->cfg.aid_len) &&
                       o->cfg.aid_len >= 5;
        case 'D':
                o->cfg.directories = true;
                return strcmp(arg, "pse,ppse") == 0;
        case 'I':
                o->cfg.contactless = strcmp(arg, "contactless") == 0;
                return o->cfg.contactless || strcmp(arg, "contact") == 0;
        case 'i':
                o->cfg.old_isd = strcmp(arg, "old") == 0;
                return o->cfg.old_isd;
        case 'T':
                o->cfg.t0 = arg[1] == '0';
                return one_of(arg, "t0 t1");
        case 'g':
                o->cfg.own_class = strcmp(arg, "own") == 0;
                return o->cfg.own_class;
        case 'f':
                o->cfg.format1 = strcmp(arg, "80") == 0;
                return one_of(arg, "77 80");
        case 'a':
                o->cfg.arpc = (unsigned)strtoul(arg, NULL, 10);
                return strcmp(arg, "1") == 0 || strcmp(arg, "2") == 0;
        case 'e':
                o->cfg.extended = true;
                return true;
        default:
                return false;
        }
}

static bool read_options(int argc, char **argv, struct options *o) {
        static const struct option longs[] = {
            {"aid", 1, NULL, 'A'},       {"apps", 1, NULL, 'D'},        {"interface", 1, NULL, 'I'},
            {"shy", 1, NULL, 's'},       {"isd", 1, NULL, 'i'},         {"vpcd-host", 1, NULL, 'h'},
            {"vpcd-port", 1, NULL, 'p'}, {"control", 1, NULL, 'c'},     {"keys", 1, NULL, 'k'},
            {"log", 1, NULL, 'l'},       {"default-scp", 1, NULL, 'd'}, {"i02", 1, NULL, '2'},
            {"i03", 1, NULL, '3'},       {"key-tries", 1, NULL, 't'},   {"protocol", 1, NULL, 'T'},
            {"format", 1, NULL, 'f'},    {"arpc", 1, NULL, 'a'},        {"cvn", 1, NULL, 'v'},
            {"wire", 1, NULL, 'w'},      {"extended", 0, NULL, 'e'},    {"get-response", 1, NULL, 'g'},
            {NULL, 0, NULL, 0},
        };
        int opt;

        while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
                if (!set_option(o, opt, optarg ? optarg : "")) {
                        (void)fprintf(stderr, "emu-card: bad option\n");
                        return false;
                }
        }
        return optind == argc && o->control && o->keys && o->port;
}

static int stop_signals(void) {
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGINT);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -1;
        return signalfd(-1, &set, SFD_CLOEXEC);
}

static int serve(struct emuc_emu *e, struct emu_jsonline *control, int stop_fd) {
        for (;;) {
                struct pollfd fds[EMU_JSONLINE_POLLFDS + 2];
                size_t n = emu_jsonline_pollfds(control, fds);

                fds[n] = (struct pollfd){.fd = e->vpcd.fd, .events = POLLIN};
                fds[n + 1] = (struct pollfd){.fd = stop_fd, .events = POLLIN};
                if (poll(fds, n + 2, emuc_emu_timeout_ms(e)) < 0 && errno != EINTR)
                        return 1;
                if (fds[n + 1].revents)
                        return 0;
                if (fds[n].revents && e->vpcd.fd == fds[n].fd)
                        emuc_emu_readable(e);
                emu_jsonline_dispatch(control, fds);
                emuc_emu_tick(e);
        }
}

static bool set_up(struct emuc_emu *e, const struct options *o) {
        char err[256];

        e->cfg = o->cfg;
        e->vpcd.fd = -1;
        e->port = (uint16_t)o->port;
        (void)snprintf(e->host, sizeof e->host, "%s", o->host);
        e->violations = json_array();
        if (emuc_keys_load(o->keys, &e->keys, err, sizeof err) < 0) {
                (void)fprintf(stderr, "emu-card: %s\n", err);
                return false;
        }
        if ((o->log && !(e->log = fopen(o->log, "ae"))) || (o->wire && !(e->wire = fopen(o->wire, "ae")))) {
                (void)fprintf(stderr, "emu-card: cannot write the log: %s\n", strerror(errno));
                return false;
        }
        return e->violations != NULL;
}

int main(int argc, char **argv) {
        struct options o = {.host = "127.0.0.1",
                            .cfg = {.default_scp = 3, .i02 = 0x55, .i03 = 0x70, .key_tries = 5}};
        struct emuc_emu *e = calloc(1, sizeof *e);
        struct emu_jsonline *control = NULL;
        int stop_fd, rc = 1;

        if (!read_options(argc, argv, &o)) {
                usage(stderr);
                free(e);
                return 2;
        }
        stop_fd = stop_signals();
        if (e && stop_fd >= 0 && set_up(e, &o)) {
                if (emu_jsonline_new(o.control, emuc_emu_control, e, &control) == 0) {
                        rc = serve(e, control, stop_fd);
                        emu_jsonline_free(control);
                        emuc_emu_remove(e);
                } else {
                        (void)fprintf(stderr, "emu-card: control socket: %s\n", strerror(errno));
                }
        }
        if (e) {
                json_decref(e->violations);
                if (e->log)
                        (void)fclose(e->log);
                if (e->wire)
                        (void)fclose(e->wire);
        }
        free(e);
        if (stop_fd >= 0)
                (void)close(stop_fd);
        return rc;
}
