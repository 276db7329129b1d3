/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One personalisation of the card in a reader, timed. "ours": through drivers/chip, drivers/reader and hsmd;
 * the bytes that went to the card are kept in a file. "raw": those bytes again, SCardTransmit after
 * SCardTransmit, to the same card put back to where it was. Prints wall and own CPU microseconds and the
 * number of APDUs.
 */
#include "base/clock.h"
#include "drivers/chip/card_file.h"
#include "drivers/chip/perso.h"
#include "drivers/reader/reader.h"
#include "measure.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <winscard.h>

#define FILE_BYTES (192 * 1024)
#define WAIT_MS 10000
#define CONNECT_TRIES 50 /* pcscd sees a card up to 0.4 s late */
#define CONNECT_PAUSE_US 100000

static void die(const char *what, const char *text) {
        (void)fprintf(stderr, "bench-perso: %s: %s\n", what, text);
        exit(1);
}

static int64_t cpu_us(void) {
        struct rusage u;
        (void)getrusage(RUSAGE_SELF, &u);
        return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * INT64_C(1000000) + u.ru_utime.tv_usec +
               u.ru_stime.tv_usec;
}

static void print_times(int64_t start_ns, int64_t start_cpu_us, unsigned apdus) {
        int64_t cpu = cpu_us() - start_cpu_us;
        (void)printf("%lld %lld %u\n", (long long)((measure_now_ns() - start_ns) / 1000), (long long)cpu,
                     apdus);
}

static size_t read_whole(const char *path, uint8_t *ret) {
        FILE *in = fopen(path, "rbe");
        size_t n = in ? fread(ret, 1, FILE_BYTES, in) : 0;
        if (in)
                (void)fclose(in);
        if (n == 0)
                die("cannot read", path);
        return n;
}

/* ---- a channel that keeps what goes through it ---- */

struct recorder {
        struct cw_card_channel channel;
        struct cw_card_channel *inner;
        FILE *out;
        unsigned apdus;
};

static struct recorder *recorder_of(struct cw_card_channel *c) {
        void *p = (char *)c - offsetof(struct recorder, channel);
        return p;
}

static cw_rc record_transmit(struct cw_card_channel *c, struct cw_span command, int64_t timeout_ms,
                             uint8_t *ret, size_t cap, size_t *ret_len, struct cw_fault *f) {
        struct recorder *r = recorder_of(c);
        char hex[2 * CW_APDU_COMMAND_MAX + 1] = "";
        r->apdus++;
        (void)cw_hex_encode(command.ptr, command.len, hex, sizeof hex);
        (void)fputs(hex, r->out);
        (void)fputc('\n', r->out);
        cw_card_meanwhile(r->inner, c->meanwhile, c->meanwhile_ctx);
        c->meanwhile = NULL;
        return r->inner->ops->transmit(r->inner, command, timeout_ms, ret, cap, ret_len, f);
}

static void record_behind(struct cw_card_channel *c, struct cw_span command) {
        recorder_of(c)->inner->ops->behind(recorder_of(c)->inner, command);
}

static cw_rc record_reset(struct cw_card_channel *c, int64_t timeout_ms, struct cw_fault *f) {
        return recorder_of(c)->inner->ops->reset(recorder_of(c)->inner, timeout_ms, f);
}

static void record_close(struct cw_card_channel *c) {
        (void)c;
}

static const struct cw_card_channel_ops record_ops = {
    .transmit = record_transmit, .behind = record_behind, .reset = record_reset, .close = record_close};

/* ---- ours ---- */

static struct cw_hsm_session *open_session(const char *socket) {
        struct cw_fault f = {0};
        struct cw_hsm_opened opened = {0};
        struct cw_hsm_session *session = NULL;
        char job[32];
        (void)snprintf(job, sizeof job, "bench-%ld", (long)getpid());
        const struct cw_hsm_bench bench = {.job = job,
                                           .key_label = "",
                                           .diversify = "none",
                                           .profile = "generic-debit.json",
                                           .product = "",
                                           .any_product = true,
                                           .scp = 3};
        struct cw_msg *request = cw_hsm_msg_open_bench(&bench), *reply = NULL;
        int fd = -1;
        if (!request || cw_ipc_connect(socket, &fd, &f) != CW_OK ||
            cw_ipc_call(fd, request, cw_deadline_ns(WAIT_MS), &reply, &f) != CW_OK ||
            cw_hsm_reply_opened(reply, &opened, &f) != CW_OK ||
            cw_hsm_session_open(opened.fd, WAIT_MS, &session) != CW_OK)
                die("hsmd", f.text);
        cw_msg_free(request);
        cw_msg_free(reply);
        (void)close(fd);
        return session;
}

struct job {
        struct cw_profile *profile;
        struct cw_card_file *file;
        struct cw_perso_data *data;
};

static struct job read_job(const char *profile, const char *data) {
        static uint8_t text[FILE_BYTES];
        struct cw_fault f = {0};
        struct job j = {0};
        size_t n = read_whole(profile, text);
        if (cw_profile_parse("bench", (const char *)text, n, stderr, &j.profile, &f) != CW_OK)
                die("profile", f.text);
        n = read_whole(data, text);
        if (cw_card_file_parse(CW_SPAN(text, n), &j.file, &f) != CW_OK)
                die("data", f.text);
        const struct cw_given given = {j.file->given, j.file->given_count, &j.file->told};
        if (cw_perso_data_prepare_given(j.profile, &j.file->values, &given, &j.data, &f) != CW_OK)
                die("data", f.text);
        return j;
}

/* The connection is there before the clock starts, for both. */
static void ours(const char *reader_name, const char *socket, const char *profile, const char *data,
                 const char *record) {
        struct cw_fault f = {0};
        struct cw_card_reader *reader = NULL;
        struct recorder r = {.channel = {.ops = &record_ops}};
        struct cw_perso_result result;
        char masked[CW_HSM_MASKED_PAN];
        struct job j = read_job(profile, data);
        struct cw_hsm_session *session = open_session(socket);
        r.out = fopen(record, "we");
        if (!r.out || cw_card_reader_open(reader_name, NULL, NULL, &reader, &f) != CW_OK ||
            cw_card_reader_wait(reader, true, NULL, WAIT_MS, NULL, &f) != CW_OK ||
            cw_card_reader_connect(reader, WAIT_MS, &r.inner, &f) != CW_OK ||
            cw_hsm_session_bench_pan(session, j.file->values.pan.ptr, j.file->values.pan.len, "01", masked,
                                     &f) != CW_OK)
                die("reader", f.text);
        r.channel.t0 = r.inner->t0;
        const struct cw_perso_plan plan = {
            .data = j.data, .scp = 3, .level = 0x33, .apdu_timeout_ms = WAIT_MS};
        int64_t start_cpu = cpu_us(), start = measure_now_ns();
        if (cw_perso_run(&r.channel, session, &plan, &result, &f) != CW_OK)
                die("personalisation", f.text);
        print_times(start, start_cpu, r.apdus);
        (void)fclose(r.out);
        cw_card_close(r.inner);
        cw_card_reader_close(reader);
        cw_hsm_session_close(session);
        cw_perso_data_free(j.data);
        cw_card_file_free(j.file);
        cw_profile_free(j.profile);
}

/* ---- raw ---- */

static size_t read_apdus(const char *path, uint8_t (*ret)[CW_APDU_COMMAND_MAX], size_t *lengths, size_t cap) {
        char line[2 * CW_APDU_COMMAND_MAX + 2];
        size_t count = 0;
        FILE *in = fopen(path, "re");
        while (in && count < cap && fgets(line, sizeof line, in)) {
                if (!cw_hex_decode(line, strcspn(line, "\n"), ret[count], CW_APDU_COMMAND_MAX,
                                   &lengths[count]))
                        die("not hex", path);
                count++;
        }
        if (in)
                (void)fclose(in);
        return count;
}

static void raw(const char *reader_name, const char *record) {
        static uint8_t apdus[256][CW_APDU_COMMAND_MAX];
        size_t lengths[256];
        size_t count = read_apdus(record, apdus, lengths, 256);
        SCARDCONTEXT context;
        SCARDHANDLE card;
        DWORD protocol = 0;
        if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) != SCARD_S_SUCCESS)
                die("no pcscd", reader_name);
        LONG connected = SCARD_E_NO_SMARTCARD;
        for (int i = 0; connected != SCARD_S_SUCCESS; i++) {
                if (i == CONNECT_TRIES)
                        die("no card", reader_name);
                connected = SCardConnect(context, reader_name, SCARD_SHARE_EXCLUSIVE,
                                         SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card, &protocol);
                (void)usleep(CONNECT_PAUSE_US);
        }
        SCARD_IO_REQUEST send = {protocol, sizeof(SCARD_IO_REQUEST)};
        int64_t start_cpu = cpu_us(), start = measure_now_ns();
        for (size_t i = 0; i < count; i++) {
                uint8_t answer[258];
                DWORD len = sizeof answer;
                LONG rv = SCardTransmit(card, &send, apdus[i], lengths[i], NULL, answer, &len);
                if (rv != SCARD_S_SUCCESS || len < 2 || answer[len - 2] != 0x90) {
                        (void)fprintf(stderr, "bench-perso: command %zu: rv %lX, SW %02X%02X\n", i + 1,
                                      (unsigned long)rv, len < 2 ? 0u : (unsigned)answer[len - 2],
                                      len < 2 ? 0u : (unsigned)answer[len - 1]);
                        die("the card refuses the bytes it took before", reader_name);
                }
        }
        print_times(start, start_cpu, (unsigned)count);
        (void)SCardDisconnect(card, SCARD_UNPOWER_CARD);
        (void)SCardReleaseContext(context);
}

int main(int argc, char **argv) {
        if (argc == 7 && strcmp(argv[1], "ours") == 0)
                ours(argv[2], argv[3], argv[4], argv[5], argv[6]);
        else if (argc == 4 && strcmp(argv[1], "raw") == 0)
                raw(argv[2], argv[3]);
        else
                die("usage", "ours READER HSMD_ADMIN PROFILE DATA RECORD | raw READER RECORD");
        return 0;
}
