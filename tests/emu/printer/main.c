/* SPDX-License-Identifier: Apache-2.0 */
/* emu-printer: one process, one cable, one emulated card printer. README.md tells the command line and the
 * socket. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "carrier.h"
#include "chip_link.h"
#include "control.h"
#include "model.h"
#include "tests/emu/control/jsonline.h"

struct options {
        const char *ready_file, *plastics, *control, *transcript, *usb_serial, *card_inside, *usbredir,
            *testbed, *port;
        char *chip_control;
        char ribbon[16];
        unsigned bus, dev;
        bool exit_with_parent;
        struct emup_config model;
};

enum {
        OPT_READY = 256,
        OPT_PLASTICS,
        OPT_CONTROL,
        OPT_CHIP,
        OPT_SERIAL,
        OPT_USB_SERIAL,
        OPT_MODEL,
        OPT_FIRMWARE,
        OPT_HOPPER,
        OPT_RIBBON,
        OPT_SCALE,
        OPT_TRANSCRIPT,
        OPT_MAG,
        OPT_FLIP,
        OPT_CHIP_AT,
        OPT_BUS,
        OPT_DEV,
        OPT_POSITIONS,
        OPT_END,
        OPT_INSIDE,
        OPT_USBREDIR,
        OPT_TESTBED,
        OPT_PORT,
        OPT_PARENT,
        OPT_HELP
};

static const struct option long_options[] = {
    {"ready-file", required_argument, NULL, OPT_READY},
    {"plastics", required_argument, NULL, OPT_PLASTICS},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"chip-control", required_argument, NULL, OPT_CHIP},
    {"serial", required_argument, NULL, OPT_SERIAL},
    {"usb-serial", required_argument, NULL, OPT_USB_SERIAL},
    {"model", required_argument, NULL, OPT_MODEL},
    {"firmware", required_argument, NULL, OPT_FIRMWARE},
    {"hopper", required_argument, NULL, OPT_HOPPER},
    {"ribbon", required_argument, NULL, OPT_RIBBON},
    {"time-scale", required_argument, NULL, OPT_SCALE},
    {"transcript", required_argument, NULL, OPT_TRANSCRIPT},
    {"mag", required_argument, NULL, OPT_MAG},
    {"flip", required_argument, NULL, OPT_FLIP},
    {"chip-at", required_argument, NULL, OPT_CHIP_AT},
    {"bus", required_argument, NULL, OPT_BUS},
    {"dev", required_argument, NULL, OPT_DEV},
    {"positions", required_argument, NULL, OPT_POSITIONS},
    {"reply-end", required_argument, NULL, OPT_END},
    {"card-inside", required_argument, NULL, OPT_INSIDE},
    {"testbed", required_argument, NULL, OPT_TESTBED},
    {"port", required_argument, NULL, OPT_PORT},
    {"usbredir", required_argument, NULL, OPT_USBREDIR},
    {"exit-with-parent", no_argument, NULL, OPT_PARENT},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char usage_text[] =
    "--ready-file FILE --plastics DIR --control SOCKET [options]\n"
    "  --chip-control SOCKET     the chip emulator at the contact station\n"
    "  --chip-at PLACE           or at the other: contact, contactless\n"
    "  --serial TEXT             serial of the printer (default EMU0001)\n"
    "  --usb-serial TEXT         serial string of the USB device, \"\" for none (default: as --serial)\n"
    "  --model TEXT              Primacy; for a Magicard Enduro+, Rio Pro, Pronto, Rio 2e or Tango 2e\n"
    "  --firmware TEXT           what it says is its firmware\n"
    "  --hopper N                blank cards (default 50)\n"
    "  --ribbon KIND:SETS        ymcko:100\n"
    "  --time-scale X            1 = as slow as the real thing (default 0)\n"
    "  --transcript FILE         what was said and done, one line each\n"
    "  --mag hico|loco           stripe of the blanks (default hico)\n"
    "  --flip none|short|long    the station that turns cards over, and its axis\n"
    "  --bus N --dev N           where it is plugged in first (default 1 and 2)\n"
    "  --positions modern|old    words of Rlr;p (default modern; Evolis only)\n"
    "  --reply-end nul|cr|none   end of a reply (default nul; Evolis only)\n"
    "  --card-inside PLACE       a card is in the machine at the start: transport contact contactless mag "
    "print\n"
    "  --port PORT               where on the hub (default 1-1)\n"
    "  --testbed DIR             beside the printer of another emulator: what is in its ready file\n"
    "  --usbredir SOCKET         where QEMU finds the printer (only of the programs named ...-usbredir)\n"
    "  --exit-with-parent        end when the process that started it ends\n";

static void usage(FILE *out) {
        (void)fprintf(out, "usage: %s %s", emup_family.program, usage_text);
}

static int fail(const char *what, const char *detail) {
        (void)fprintf(stderr, "%s: %s: %s\n", emup_family.program, what, detail);
        return -1;
}

static int parse_unsigned(const char *text, unsigned long max, unsigned *ret) {
        char *end;
        errno = 0;
        unsigned long v = strtoul(text, &end, 10);
        if (errno || *text < '0' || *text > '9' || *end || v > max)
                return fail("not a number in range", text);
        *ret = (unsigned)v;
        return 0;
}

static int parse_ribbon(struct options *o, const char *text) {
        const char *colon = strchr(text, ':');
        size_t n = colon ? (size_t)(colon - text) : strlen(text);
        if (!n || n >= sizeof o->ribbon)
                return fail("not a ribbon", text);
        memcpy(o->ribbon, text, n);
        o->ribbon[n] = '\0';
        o->model.ribbon_kind = o->ribbon;
        return colon ? parse_unsigned(colon + 1, 100000, &o->model.ribbon_remaining) : 0;
}

static int parse_scale(struct options *o, const char *text) {
        char *end;
        o->model.time_scale = strtod(text, &end);
        if (end == text || *end || !(o->model.time_scale >= 0 && o->model.time_scale <= 10))
                return fail("not a time scale (0 to 10)", text);
        return 0;
}

/* Index of text in a NULL-terminated list; -1 with a message. */
static int choose(const char *text, const char *const *words, unsigned *ret) {
        for (unsigned i = 0; words[i]; i++)
                if (strcmp(words[i], text) == 0) {
                        *ret = i;
                        return 0;
                }
        return fail("not a choice", text);
}

static int parse_choice(struct options *o, int opt, const char *text) {
        static const char *const mags[] = {"loco", "hico", NULL}, *const dialects[] = {"modern", "old", NULL};
        static const char *const ends[] = {"nul", "cr", "none", NULL};
        static const char *const flips[] = {"none", "short", "long", NULL};
        unsigned at = 0;
        if (opt == OPT_FLIP) {
                int wrong = choose(text, flips, &at);
                o->model.flip = (enum emup_flip)at;
                return wrong;
        }
        if (opt == OPT_CHIP_AT) {
                static const char *const places[] = {"contact", "contactless", NULL};
                int wrong = choose(text, places, &at);
                o->model.chip_at_antenna = at == 1;
                return wrong;
        }
        if (opt != OPT_MAG && !emup_family.text_replies)
                return fail("this family has no such option", text);
        int rc = choose(text, opt == OPT_MAG ? mags : opt == OPT_POSITIONS ? dialects : ends, &at);
        if (opt == OPT_MAG)
                o->model.hico_stripe = at == 1;
        else if (opt == OPT_POSITIONS)
                o->model.old_positions = at == 1;
        else
                o->model.terminator = (enum emup_terminator)at;
        return rc;
}

static int parse_number(struct options *o, int opt, const char *text) {
        if (opt == OPT_HOPPER)
                return parse_unsigned(text, 500, &o->model.hopper);
        return parse_unsigned(text, 99, opt == OPT_BUS ? &o->bus : &o->dev);
}

static const char **text_option(struct options *o, int opt) {
        switch (opt) {
        case OPT_READY:
                return &o->ready_file;
        case OPT_PLASTICS:
                return &o->plastics;
        case OPT_CONTROL:
                return &o->control;
        case OPT_SERIAL:
                return &o->model.serial;
        case OPT_USB_SERIAL:
                return &o->usb_serial;
        case OPT_MODEL:
                return &o->model.model;
        case OPT_FIRMWARE:
                return &o->model.firmware;
        case OPT_TRANSCRIPT:
                return &o->transcript;
        case OPT_INSIDE:
                return &o->card_inside;
        case OPT_TESTBED:
                return &o->testbed;
        case OPT_PORT:
                return &o->port;
        case OPT_USBREDIR:
                return &o->usbredir;
        default:
                return NULL;
        }
}

static int parse_one(struct options *o, int opt, char *text) {
        const char **plain = text_option(o, opt);
        if (plain) {
                *plain = text;
                return 0;
        }
        switch (opt) {
        case OPT_CHIP:
                o->chip_control = text;
                return 0;
        case OPT_PARENT:
                o->exit_with_parent = true;
                return 0;
        case OPT_HOPPER:
        case OPT_BUS:
        case OPT_DEV:
                return parse_number(o, opt, text);
        case OPT_RIBBON:
                return parse_ribbon(o, text);
        case OPT_SCALE:
                return parse_scale(o, text);
        case OPT_MAG:
        case OPT_FLIP:
        case OPT_CHIP_AT:
        case OPT_POSITIONS:
        case OPT_END:
                return parse_choice(o, opt, text);
        default:
                return -1;
        }
}

/* 0 = go on, 1 = help was given, -1 = wrong. */
static int parse_options(int argc, char **argv, struct options *o) {
        int opt;
        while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
                if (opt == OPT_HELP) {
                        usage(stdout);
                        return 1;
                }
                if (parse_one(o, opt, optarg) != 0) {
                        usage(stderr);
                        return -1;
                }
        }
        if (optind != argc || !o->ready_file || !o->plastics || !o->control) {
                usage(stderr);
                return -1;
        }
        if (!o->usb_serial)
                o->usb_serial = o->model.serial;
        o->model.plastics_dir = o->plastics;
        return 0;
}

static uint64_t now_ms(void *ctx) {
        struct timespec t;
        (void)ctx;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int write_ready(const char *path, const char *root) {
        char tmp[1024];
        (void)snprintf(tmp, sizeof tmp, "%s.tmp", path);
        CW_AUTO_FILE FILE *f = fopen(tmp, "we");
        if (!f || fprintf(f, "%s\n", root) < 0 || fflush(f) != 0 || rename(tmp, path) != 0)
                return fail(path, strerror(errno));
        return 0;
}

static int block_signals(void) {
        sigset_t set;
        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGHUP);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static struct timespec until(uint64_t deadline_ns) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        uint64_t now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
        uint64_t left = deadline_ns > now ? deadline_ns - now : 0, hour = 3600ull * 1000000000u;
        if (left > hour)
                left = hour;
        return (struct timespec){.tv_sec = (time_t)(left / 1000000000u),
                                 .tv_nsec = (long)(left % 1000000000u)};
}

static void main_loop(struct emup_control *control, struct emu_jsonline *line, int signal_fd) {
        struct pollfd fds[EMU_JSONLINE_POLLFDS + 2];
        while (!control->quit) {
                size_t n = emu_jsonline_pollfds(line, fds);
                fds[n] = (struct pollfd){.fd = emup_carrier_fd(control->carrier), .events = POLLIN};
                fds[n + 1] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
                struct timespec wait = until(emup_carrier_deadline_ns(control->carrier));
                if (ppoll(fds, n + 2, &wait, NULL) < 0 && errno != EINTR)
                        break;
                if (fds[n + 1].revents)
                        break;
                emu_jsonline_dispatch(line, fds);
                emup_carrier_run(control->carrier);
        }
}

static int serve(const struct options *o, struct emup_model *m, int signal_fd) {
        struct emup_control control = {.model = m};
        struct emu_jsonline *line = NULL;
        const struct emup_carrier_config config = {
            .bus = o->bus,
            .dev = o->dev,
            .testbed = o->testbed,
            .port = o->port,
            .socket = o->usbredir,
            .strings = {.manufacturer = emup_family.manufacturer,
                        .product = o->model.model,
                        .serial = o->usb_serial},
        };
        if (emup_carrier_new(&config, m, &control.carrier) != 0)
                return -1;
        int rc = emu_jsonline_new(o->control, emup_control_answer, &control, &line);
        if (rc != 0)
                rc = fail(o->control, strerror(errno));
        else
                rc = write_ready(o->ready_file, emup_carrier_root(control.carrier));
        if (rc == 0)
                main_loop(&control, line, signal_fd);
        emu_jsonline_free(line);
        emup_carrier_free(control.carrier);
        (void)unlink(o->ready_file);
        return rc;
}

static const char *place_card(struct emup_model *m, const char *where) {
        CW_AUTO_JSON json_t *fault = json_pack("{s:s, s:s}", "name", "card_inside", "text", where);
        return emup_fault_arm(m, fault);
}

static int run(struct options *o, int signal_fd) {
        CW_AUTO_FILE FILE *transcript = o->transcript ? fopen(o->transcript, "ae") : NULL;
        if (o->transcript && !transcript)
                return fail(o->transcript, strerror(errno));
        if (mkdir(o->plastics, 0755) != 0 && errno != EEXIST)
                return fail(o->plastics, strerror(errno));
        const struct emup_chip chip = {emup_chip_present, emup_chip_remove, o->chip_control};
        struct emup_model *m;
        o->model.transcript = transcript;
        if (emup_model_new(&o->model, o->chip_control ? &chip : NULL, &m) != 0)
                return fail("cannot make the printer", "unknown ribbon, or out of memory");
        const char *wrong = o->card_inside ? place_card(m, o->card_inside) : NULL;
        int rc = wrong ? fail(o->card_inside, wrong) : serve(o, m, signal_fd);
        emup_model_free(m);
        return rc;
}

int main(int argc, char **argv) {
        struct options o = {
            .bus = 1,
            .dev = 2,
            .port = "1-1",
            .model = {.serial = "EMU0001",
                      .model = emup_family.model,
                      .firmware = emup_family.firmware,
                      .ribbon_kind = "ymcko",
                      .ribbon_remaining = 100,
                      .hopper = 50,
                      .flip = emup_family.flip,
                      .hico_stripe = true,
                      .now_ms = now_ms},
        };
        int rc = parse_options(argc, argv, &o);
        if (rc != 0)
                return rc < 0 ? 2 : 0;
        if (emup_carrier_prepare(argv) != 0)
                return 1;
        int signal_fd = block_signals();
        if (signal_fd < 0)
                return 1;
        if (o.exit_with_parent)
                (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        rc = run(&o, signal_fd);
        (void)close(signal_fd);
        return rc == 0 ? 0 : 1;
}
