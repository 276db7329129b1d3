/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include "../control/jsonline.h"
#include "base/buf.h"

#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct options {
        const char *link, *control, *bdk_file, *iksn;
        struct emud_config cfg;
};

static void usage(void) {
        (void)fputs("emu-pinpad: a VeriFone PINpad 1000SE with a DUKPT key on a pseudo-terminal\n"
                    "  --pty-link PATH             symbolic link to the serial port\n"
                    "  --control SOCKET            newline JSON: customer, state, fault, plug, unplug\n"
                    "  --bdk-file FILE             32 hex digits, a test key\n"
                    "  --iksn HEX                  20 hex digits, counter 0\n"
                    "  --ksn-state FILE            keeps the counter\n"
                    "  --z62-key none|zeros|words  key field of Z62 (none)\n"
                    "  --final-eot on|off          EOT after the ACK of 71 (on)\n"
                    "  --ack-timeout-ms N          (15000)\n"
                    "  --serial TEXT               answer to packet 06\n",
                    stderr);
}

static bool set_key_field(struct options *o, const char *arg) {
        static const char *const names[] = {"none", "zeros", "words"};

        for (int i = 0; i < 3; i++) {
                if (strcmp(arg, names[i]) == 0) {
                        o->cfg.key_field = (enum emud_key_field)i;
                        return true;
                }
        }
        return false;
}

static bool set_option(struct options *o, int opt, const char *arg) {
        char *end = NULL;

        switch (opt) {
        case 'p':
                o->link = arg;
                return true;
        case 'c':
                o->control = arg;
                return true;
        case 'b':
                o->bdk_file = arg;
                return true;
        case 'i':
                o->iksn = arg;
                return true;
        case 'k':
                o->cfg.ksn_path = arg;
                return true;
        case 'z':
                return set_key_field(o, arg);
        case 'e':
                o->cfg.final_eot = strcmp(arg, "on") == 0;
                return o->cfg.final_eot || strcmp(arg, "off") == 0;
        case 'a':
                o->cfg.ack_timeout_ms = (unsigned)strtoul(arg, &end, 10);
                return *arg && !*end && o->cfg.ack_timeout_ms > 0;
        case 's':
                o->cfg.serial = arg;
                return strlen(arg) <= 16;
        default:
                return false;
        }
}

static bool read_options(int argc, char **argv, struct options *o) {
        static const struct option longs[] = {
            {"pty-link", 1, NULL, 'p'},  {"control", 1, NULL, 'c'},   {"bdk-file", 1, NULL, 'b'},
            {"iksn", 1, NULL, 'i'},      {"ksn-state", 1, NULL, 'k'}, {"z62-key", 1, NULL, 'z'},
            {"final-eot", 1, NULL, 'e'}, {"serial", 1, NULL, 's'},    {"ack-timeout-ms", 1, NULL, 'a'},
            {NULL, 0, NULL, 0},
        };
        int opt;

        while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1)
                if (!set_option(o, opt, optarg ? optarg : ""))
                        return false;
        return optind == argc && o->link && o->control && o->bdk_file && o->iksn;
}

static bool read_bdk(const char *path, uint8_t ret[16]) {
        char text[40] = {0};
        size_t n = 0;
        FILE *f = fopen(path, "re");

        if (!f)
                return false;
        (void)!fgets(text, sizeof text, f);
        (void)fclose(f);
        text[strcspn(text, "\r\n")] = '\0';
        bool ok = cw_hex_decode(text, strlen(text), ret, 16, &n) && n == 16;
        OPENSSL_cleanse(text, sizeof text);
        return ok;
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

static void send_bytes(void *ctx, const uint8_t *p, size_t len) {
        struct emud_emu *e = ctx;

        while (len && e->port.master >= 0) {
                ssize_t n = write(e->port.master, p, len);
                if (n <= 0)
                        return;
                p += n;
                len -= (size_t)n;
        }
}

static void pull_plug(void *ctx) {
        struct emud_emu *e = ctx;

        emud_port_close(&e->port);
}

static void port_readable(struct emud_emu *e) {
        uint8_t buf[256];
        ssize_t n = read(e->port.master, buf, sizeof buf);

        if (n > 0)
                emud_pad_bytes(&e->pad, emud_now_ms(), buf, (size_t)n);
        OPENSSL_cleanse(buf, sizeof buf);
}

static int serve(struct emud_emu *e, struct emu_jsonline *control, int stop_fd) {
        for (;;) {
                struct pollfd fds[EMU_JSONLINE_POLLFDS + 2];
                size_t n = emu_jsonline_pollfds(control, fds);

                fds[n] = (struct pollfd){.fd = e->port.master, .events = POLLIN};
                fds[n + 1] = (struct pollfd){.fd = stop_fd, .events = POLLIN};
                if (poll(fds, n + 2, emud_pad_timeout_ms(&e->pad, emud_now_ms())) < 0 && errno != EINTR)
                        return 1;
                if (fds[n + 1].revents)
                        return 0;
                if (fds[n].revents && e->port.master == fds[n].fd)
                        port_readable(e);
                emu_jsonline_dispatch(control, fds);
                emud_pad_tick(&e->pad, emud_now_ms());
        }
}

static bool set_up(struct emud_emu *e, const struct options *o) {
        uint8_t iksn[10];
        size_t n = 0;
        char err[160];

        e->cfg = o->cfg;
        e->link = o->link;
        e->port = (struct emud_port){.master = -1, .slave = -1};
        if (!read_bdk(o->bdk_file, e->cfg.bdk)) {
                (void)fprintf(stderr, "emu-pinpad: the BDK file needs 32 hex digits\n");
                return false;
        }
        if (!cw_hex_decode(o->iksn, strlen(o->iksn), iksn, sizeof iksn, &n) || n != 10) {
                (void)fprintf(stderr, "emu-pinpad: --iksn needs 20 hex digits\n");
                return false;
        }
        if (!emud_pad_init(&e->pad, &e->cfg, iksn, err, sizeof err)) {
                (void)fprintf(stderr, "emu-pinpad: %s\n", err);
                return false;
        }
        e->pad.send = send_bytes;
        e->pad.unplug = pull_plug;
        e->pad.ctx = e;
        if (emud_port_open(&e->port, o->link) < 0) {
                (void)fprintf(stderr, "emu-pinpad: pseudo-terminal: %s\n", strerror(errno));
                return false;
        }
        return true;
}

static int run(struct emud_emu *e, const struct options *o) {
        struct emu_jsonline *control = NULL;
        int stop_fd = stop_signals(), rc = 1;

        if (stop_fd < 0 || !set_up(e, o))
                return 1;
        if (emu_jsonline_new(o->control, emud_control, e, &control) == 0) {
                rc = serve(e, control, stop_fd);
                emu_jsonline_free(control);
        } else {
                (void)fprintf(stderr, "emu-pinpad: control socket: %s\n", strerror(errno));
        }
        emud_port_close(&e->port);
        (void)close(stop_fd);
        return rc;
}

int main(int argc, char **argv) {
        struct options o = {
            .cfg = {.final_eot = true, .ack_timeout_ms = 15000, .serial = "2468804010012345"}};
        struct emud_emu *e;
        int rc;

        if (!read_options(argc, argv, &o)) {
                usage();
                return 2;
        }
        e = calloc(1, sizeof *e);
        if (!e)
                return 1;
        rc = run(e, &o);
        emud_pad_done(&e->pad);
        OPENSSL_cleanse(e, sizeof *e);
        free(e);
        return rc;
}
