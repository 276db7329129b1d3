/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cable to a guest in QEMU: usbredir over a unix socket that QEMU connects to, so that the printer model
 * here hangs on a real kernel there. One thread; nothing to lock. A bulk packet that the printer does not
 * take or cannot answer yet stays queued, since the protocol has no NAK.
 */
#include "carrier.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <usbredirparser.h>

#define NEVER UINT64_MAX
enum { NS_PER_MS = 1000 * 1000, REPLY_CAP = 64 * 1024, CONTROL_CAP = 1024 };

struct packet {
        uint64_t id;
        struct usb_redir_bulk_packet_header header;
        uint8_t *data; /* of an OUT packet, owned by the parser */
        size_t len, taken;
};

struct emup_carrier {
        struct emup_carrier_config cfg;
        struct emup_model *model;
        struct usbredirparser *parser; /* NULL while QEMU is not there */
        int poll_fd, listen_fd, fd;
        bool hello, wanted; /* QEMU has said who it is; the plug is in */
        bool told;          /* the guest has been told so */
        bool leaving;       /* its answer to the unplugging is still due */
        bool halted_in, halted_out;
        GList *packets;
        uint64_t replug_at_ns, submits, answers, stalls, plugs;
};

int emup_carrier_prepare(char **argv) {
        (void)argv;
        return 0;
}

static uint64_t now_ns(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void emup_carrier_lock(struct emup_carrier *c) {
        (void)c;
}

void emup_carrier_unlock(struct emup_carrier *c) {
        (void)c;
}

/* ---- plugging ---- */

static void describe_endpoints(struct usbredirparser *p) {
        struct usb_redir_ep_info_header e = {0};
        const uint8_t ends[] = {EMUP_EP_OUT, EMUP_EP_IN};
        memset(e.type, usb_redir_type_invalid, sizeof e.type);
        e.type[0] = e.type[16] = usb_redir_type_control;
        e.max_packet_size[0] = e.max_packet_size[16] = 64;
        for (size_t i = 0; i < sizeof ends; i++) {
                unsigned at = (ends[i] & 15u) + (ends[i] & 0x80 ? 16 : 0);
                e.type[at] = usb_redir_type_bulk;
                e.max_packet_size[at] = 512;
        }
        usbredirparser_send_ep_info(p, &e);
}

static void describe_interface(struct usbredirparser *p) {
        struct usb_redir_interface_info_header i = {.interface_count = 1};
        i.interface_class[0] = emup_family.other_class ? 0xff : 7;
        i.interface_subclass[0] = emup_family.other_class ? 0 : 1;
        i.interface_protocol[0] = emup_family.other_class ? 0 : 2;
        usbredirparser_send_interface_info(p, &i);
}

/* Tells the guest of the plug, once both are there and the last unplugging is over. */
static void tell_plug(struct emup_carrier *c) {
        if (!c->wanted || c->told || !c->hello || c->leaving)
                return;
        const struct usb_redir_device_connect_header device = {.speed = usb_redir_speed_high,
                                                               .vendor_id = emup_family.vid,
                                                               .product_id = emup_family.pid,
                                                               .device_version_bcd = 0x0100};
        struct usb_redir_device_connect_header copy = device;
        describe_endpoints(c->parser);
        describe_interface(c->parser);
        usbredirparser_send_device_connect(c->parser, &copy);
        c->told = true;
        c->plugs++;
}

static void free_packet(struct emup_carrier *c, struct packet *p) {
        c->packets = g_list_remove(c->packets, p);
        if (p->data)
                usbredirparser_free_packet_data(c->parser, p->data);
        g_free(p);
}

static void drop_packets(struct emup_carrier *c) {
        while (c->packets)
                free_packet(c, c->packets->data);
}

static bool pull(struct emup_carrier *c, uint32_t replug_ms) {
        bool was = c->wanted;
        c->wanted = false;
        if (!was)
                return false;
        drop_packets(c);
        if (c->told && c->parser) {
                usbredirparser_send_device_disconnect(c->parser);
                c->leaving = usbredirparser_peer_has_cap(c->parser, usb_redir_cap_device_disconnect_ack) != 0;
        }
        c->told = c->halted_in = c->halted_out = false;
        c->replug_at_ns = replug_ms ? now_ns() + (uint64_t)replug_ms * NS_PER_MS : NEVER;
        emup_model_bus_reset(c->model);
        return true;
}

bool emup_carrier_plug(struct emup_carrier *c, const char *port) {
        if (c->wanted || port)
                return false;
        c->wanted = true;
        c->replug_at_ns = NEVER;
        tell_plug(c);
        return true;
}

bool emup_carrier_unplug(struct emup_carrier *c, uint32_t replug_ms) {
        return pull(c, replug_ms);
}

void emup_carrier_power_cycle(struct emup_carrier *c, uint32_t off_ms) {
        const uint32_t off = off_ms ? off_ms : 200;
        if (!pull(c, off))
                c->replug_at_ns = now_ns() + (uint64_t)off * NS_PER_MS;
        emup_model_power_cycle(c->model);
}

/* ---- transfers ---- */

static void answer(struct emup_carrier *c, struct packet *p, uint8_t status, uint8_t *in, size_t moved) {
        p->header.status = status;
        p->header.length = (uint16_t)(moved & 0xffff);
        p->header.length_high = (uint16_t)(moved >> 16);
        usbredirparser_send_bulk_packet(c->parser, p->id, &p->header, in, in ? (int)moved : 0);
        c->answers++;
        free_packet(c, p);
}

static struct packet *first(struct emup_carrier *c, bool in) {
        for (GList *l = c->packets; l; l = l->next) {
                struct packet *p = l->data;
                if (((p->header.endpoint & 0x80) != 0) == in)
                        return p;
        }
        return NULL;
}

static void pump_out(struct emup_carrier *c) {
        struct packet *p;
        while ((p = first(c, false))) {
                if (p->len > p->taken)
                        p->taken += emup_model_write(c->model, p->data + p->taken, p->len - p->taken);
                if (p->taken < p->len)
                        return;
                answer(c, p, usb_redir_success, NULL, p->len);
        }
}

static void pump_in(struct emup_carrier *c) {
        static uint8_t reply[REPLY_CAP];
        struct packet *p;
        while ((p = first(c, true))) {
                size_t want = (size_t)p->header.length | (size_t)p->header.length_high << 16;
                size_t n = emup_model_read(c->model, reply, want < sizeof reply ? want : sizeof reply);
                if (n == 0)
                        return;
                answer(c, p, usb_redir_success, reply, n);
        }
}

static void pump(struct emup_carrier *c) {
        uint32_t replug_ms = 0;
        emup_model_tick(c->model);
        if (c->told) {
                pump_out(c);
                pump_in(c);
                pump_out(c); /* a reply that was read may have been what the printer waited for */
        }
        enum emup_action action = emup_model_take_action(c->model, &replug_ms);
        if (action == EMUP_ACT_NONE || !c->wanted)
                return;
        bool cycle = action == EMUP_ACT_POWER_CYCLE;
        (void)pull(c, replug_ms ? replug_ms : cycle ? 200 : 0);
        if (cycle)
                emup_model_power_cycle(c->model);
}

static void on_bulk(void *ctx, uint64_t id, struct usb_redir_bulk_packet_header *h, uint8_t *data, int len) {
        struct emup_carrier *c = ctx;
        const bool in = (h->endpoint & 0x80) != 0;
        bool *halted = in ? &c->halted_in : &c->halted_out;
        struct packet *p = g_new0(struct packet, 1);
        *p = (struct packet){.id = id, .header = *h, .data = data, .len = (size_t)len};
        c->packets = g_list_append(c->packets, p);
        c->submits++;
        if (!*halted && emup_model_transfer_stalls(c->model, in)) {
                *halted = true;
                c->stalls++;
        }
        if (*halted)
                answer(c, p, usb_redir_stall, NULL, 0);
}

static void on_cancel(void *ctx, uint64_t id) {
        struct emup_carrier *c = ctx;
        for (GList *l = c->packets; l; l = l->next) {
                struct packet *p = l->data;
                if (p->id != id)
                        continue;
                answer(c, p, usb_redir_cancelled, NULL, p->taken);
                return;
        }
}

/* CLEAR_FEATURE(ENDPOINT_HALT), which the other carrier gets as an ioctl. */
static bool clears_halt(struct emup_carrier *c, const uint8_t *setup) {
        if (setup[0] != 0x02 || setup[1] != 1 || setup[2] != 0)
                return false;
        if (setup[4] == EMUP_EP_IN)
                c->halted_in = false;
        else if (setup[4] == EMUP_EP_OUT)
                c->halted_out = false;
        return setup[4] == EMUP_EP_IN || setup[4] == EMUP_EP_OUT;
}

static void on_control(void *ctx, uint64_t id, struct usb_redir_control_packet_header *h, uint8_t *data,
                       int len) {
        struct emup_carrier *c = ctx;
        uint8_t bytes[CONTROL_CAP] = {0};
        const uint16_t want = h->length < sizeof bytes ? h->length : (uint16_t)sizeof bytes;
        const uint8_t setup[8] = {h->requesttype,
                                  h->request,
                                  (uint8_t)(h->value & 0xff),
                                  (uint8_t)(h->value >> 8),
                                  (uint8_t)(h->index & 0xff),
                                  (uint8_t)(h->index >> 8),
                                  (uint8_t)(want & 0xff),
                                  (uint8_t)(want >> 8)};
        const bool in = (h->requesttype & 0x80) != 0;
        (void)len;
        int n = clears_halt(c, setup) ? 0 : emup_usb_control(c->model, &c->cfg.strings, setup, bytes);
        h->status = n < 0 ? usb_redir_stall : usb_redir_success;
        h->length = (uint16_t)(n < 0 ? 0 : n);
        usbredirparser_send_control_packet(c->parser, id, h, in && n > 0 ? bytes : NULL, in && n > 0 ? n : 0);
        if (data)
                usbredirparser_free_packet_data(c->parser, data);
}

/* ---- what the guest asks of the port ---- */

static void on_hello(void *ctx, struct usb_redir_hello_header *h) {
        struct emup_carrier *c = ctx;
        (void)h;
        c->hello = true;
        tell_plug(c);
}

static void on_reset(void *ctx) {
        struct emup_carrier *c = ctx;
        drop_packets(c);
        c->halted_in = c->halted_out = false;
        emup_model_bus_reset(c->model);
}

static void on_left(void *ctx) {
        struct emup_carrier *c = ctx;
        c->leaving = false;
        tell_plug(c);
}

static void on_set_configuration(void *ctx, uint64_t id, struct usb_redir_set_configuration_header *h) {
        struct emup_carrier *c = ctx;
        struct usb_redir_configuration_status_header s = {usb_redir_success, h->configuration};
        usbredirparser_send_configuration_status(c->parser, id, &s);
}

static void on_get_configuration(void *ctx, uint64_t id) {
        struct emup_carrier *c = ctx;
        struct usb_redir_configuration_status_header s = {usb_redir_success, 1};
        usbredirparser_send_configuration_status(c->parser, id, &s);
}

static void on_set_alt(void *ctx, uint64_t id, struct usb_redir_set_alt_setting_header *h) {
        struct emup_carrier *c = ctx;
        struct usb_redir_alt_setting_status_header s = {
            h->interface == 0 && h->alt == 0 ? usb_redir_success : usb_redir_stall, h->interface, 0};
        usbredirparser_send_alt_setting_status(c->parser, id, &s);
}

static void on_get_alt(void *ctx, uint64_t id, struct usb_redir_get_alt_setting_header *h) {
        struct emup_carrier *c = ctx;
        struct usb_redir_alt_setting_status_header s = {usb_redir_success, h->interface, 0};
        usbredirparser_send_alt_setting_status(c->parser, id, &s);
}

static void on_filter_reject(void *ctx) {
        (void)ctx;
        (void)fprintf(stderr, "%s: QEMU refuses the device by its filter\n", emup_family.program);
}

static void on_log(void *ctx, int level, const char *text) {
        (void)ctx;
        if (level <= usbredirparser_warning)
                (void)fprintf(stderr, "%s: usbredir: %s\n", emup_family.program, text);
}

/* ---- the socket ---- */

static int on_read(void *ctx, uint8_t *data, int count) {
        const struct emup_carrier *c = ctx;
        ssize_t n = read(c->fd, data, (size_t)count);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -1;
        return n == 0 ? -1 : (int)n;
}

static int on_write(void *ctx, uint8_t *data, int count) {
        const struct emup_carrier *c = ctx;
        ssize_t n = send(c->fd, data, (size_t)count, MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -1;
        return (int)n;
}

static void start_parser(struct emup_carrier *c) {
        static const int wanted[] = {usb_redir_cap_connect_device_version,
                                     usb_redir_cap_device_disconnect_ack,
                                     usb_redir_cap_ep_info_max_packet_size, usb_redir_cap_64bits_ids,
                                     usb_redir_cap_32bits_bulk_length};
        uint32_t caps[USB_REDIR_CAPS_SIZE] = {0};
        struct usbredirparser *p = usbredirparser_create();
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
                usbredirparser_caps_set_cap(caps, wanted[i]);
        p->priv = c;
        p->log_func = on_log;
        p->read_func = on_read;
        p->write_func = on_write;
        p->hello_func = on_hello;
        p->reset_func = on_reset;
        p->set_configuration_func = on_set_configuration;
        p->get_configuration_func = on_get_configuration;
        p->set_alt_setting_func = on_set_alt;
        p->get_alt_setting_func = on_get_alt;
        p->control_packet_func = on_control;
        p->bulk_packet_func = on_bulk;
        p->cancel_data_packet_func = on_cancel;
        p->device_disconnect_ack_func = on_left;
        p->filter_reject_func = on_filter_reject;
        c->parser = p;
        usbredirparser_init(p, "cardwright emulator", caps, USB_REDIR_CAPS_SIZE, usbredirparser_fl_usb_host);
}

static void watch(const struct emup_carrier *c, int op, int fd, uint32_t events) {
        struct epoll_event e = {.events = events, .data.fd = fd};
        (void)epoll_ctl(c->poll_fd, op, fd, &e);
}

static void hang_up(struct emup_carrier *c) {
        if (!c->parser)
                return;
        drop_packets(c);
        usbredirparser_destroy(c->parser);
        c->parser = NULL;
        (void)close(c->fd);
        c->fd = -1;
        c->hello = c->told = c->leaving = false;
        emup_model_bus_reset(c->model);
}

static void take_call(struct emup_carrier *c) {
        int fd = accept4(c->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
                return;
        if (c->parser) {
                (void)fprintf(stderr, "%s: a second guest wants the printer\n", emup_family.program);
                (void)close(fd);
                return;
        }
        c->fd = fd;
        start_parser(c);
        watch(c, EPOLL_CTL_ADD, fd, EPOLLIN);
}

static void flush(struct emup_carrier *c) {
        if (!c->parser)
                return;
        if (usbredirparser_has_data_to_write(c->parser) && usbredirparser_do_write(c->parser) != 0) {
                hang_up(c);
                return;
        }
        bool more = usbredirparser_has_data_to_write(c->parser) != 0;
        watch(c, EPOLL_CTL_MOD, c->fd, EPOLLIN | (more ? EPOLLOUT : 0));
}

static void serve(struct emup_carrier *c) {
        struct epoll_event events[2];
        int n = epoll_wait(c->poll_fd, events, 2, 0);
        for (int i = 0; i < n; i++) {
                if (events[i].data.fd == c->listen_fd)
                        take_call(c);
                else if (c->parser && (events[i].events & ~(uint32_t)EPOLLOUT) &&
                         usbredirparser_do_read(c->parser) == usbredirparser_read_io_error)
                        hang_up(c);
        }
}

int emup_carrier_fd(const struct emup_carrier *c) {
        return c->poll_fd;
}

uint64_t emup_carrier_deadline_ns(struct emup_carrier *c) {
        const uint64_t model = emup_model_deadline_ms(c->model);
        const uint64_t at = model == NEVER ? NEVER : model * NS_PER_MS;
        return at < c->replug_at_ns ? at : c->replug_at_ns;
}

void emup_carrier_run(struct emup_carrier *c) {
        serve(c);
        pump(c);
        if (!c->wanted && now_ns() >= c->replug_at_ns)
                (void)emup_carrier_plug(c, NULL);
        flush(c);
}

static int listen_on(const char *path) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        if (!path || strlen(path) >= sizeof a.sun_path) {
                (void)fprintf(stderr, "%s: --usbredir names the socket QEMU connects to\n",
                              emup_family.program);
                return -1;
        }
        memcpy(a.sun_path, path, strlen(path));
        (void)unlink(path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 1) == 0)
                return fd;
        (void)fprintf(stderr, "%s: %s: %s\n", emup_family.program, path, strerror(errno));
        if (fd >= 0)
                (void)close(fd);
        return -1;
}

int emup_carrier_new(const struct emup_carrier_config *config, struct emup_model *m,
                     struct emup_carrier **ret) {
        struct emup_carrier *c = g_new0(struct emup_carrier, 1);
        c->cfg = *config;
        c->model = m;
        c->fd = -1;
        c->wanted = true;
        c->replug_at_ns = NEVER;
        c->poll_fd = epoll_create1(EPOLL_CLOEXEC);
        c->listen_fd = listen_on(config->socket);
        if (c->poll_fd < 0 || c->listen_fd < 0) {
                emup_carrier_free(c);
                return -1;
        }
        watch(c, EPOLL_CTL_ADD, c->listen_fd, EPOLLIN);
        *ret = c;
        return 0;
}

void emup_carrier_free(struct emup_carrier *c) {
        if (!c)
                return;
        hang_up(c);
        if (c->listen_fd >= 0) {
                (void)close(c->listen_fd);
                (void)unlink(c->cfg.socket);
        }
        if (c->poll_fd >= 0)
                (void)close(c->poll_fd);
        g_free(c);
}

const char *emup_carrier_root(const struct emup_carrier *c) {
        return c->cfg.socket;
}

json_t *emup_carrier_state(struct emup_carrier *c) {
        return json_pack("{s:b, s:b, s:i, s:I, s:I, s:I, s:I}", "plugged", c->wanted, "guest", c->told,
                         "in_flight", (int)g_list_length(c->packets), "submits", (json_int_t)c->submits,
                         "reaps", (json_int_t)c->answers, "stalls", (json_int_t)c->stalls, "plugs",
                         (json_int_t)c->plugs);
}
