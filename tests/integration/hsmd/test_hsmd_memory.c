/* SPDX-License-Identifier: Apache-2.0 */
/* 1,000 PIN entries in host-memory mode: no clear PIN block stays in any process of the daemon once its
 * operation has ended. And how much memory the daemon takes. */
#include "card.h"
#include "hostile/tap.h"
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ENTRIES 18 /* what one session allows */
#define TRANSLATIONS 16
#define PVVS 4
#ifndef CW_SANITIZED
#define SESSIONS 56
#define TRANSLATE_SESSIONS 50
#define OPERATIONS 1000
#else /* ten times slower, and its copies of the stack are not the daemon's */
#define SESSIONS 8
#define TRANSLATE_SESSIONS 8
#define OPERATIONS 128
#endif
#define RESIDENT_MAX_KIB (16 * 1024)

/* Of every format 0 block with a PIN of 4 digits and RIG_PAN: FF.. XOR the account's last digits. */
static const uint8_t tail[5] = {0xdb, 0x97, 0xfb, 0xb9, 0x79};
static struct rig rig;
static uint32_t counter; /* of the PIN pad */

static uint32_t next_counter(void) {
        do
                counter++;
        while (__builtin_popcount(counter) > 10);
        return counter;
}

static void ready_for_pin(const char *ticket, struct cw_hsm_opened *o, struct cw_hsm_session **s) {
        static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
        char hash[CW_HSM_PAN_HASH_HEX], masked[CW_HSM_MASKED_PAN], text[160];
        struct cw_fault f = {0};
        struct cw_hsm_arqc result = {0};
        uint8_t mk[16], arqc[8];
        CW_AUTO(cw_secret_free) struct cw_secret *digits = NULL;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        assert_int_equal(rig_open_kiosk(&rig, ticket, o, s, &f), CW_OK);
        assert_int_equal(cw_secret_dup(RIG_PAN, strlen(RIG_PAN), &digits), CW_OK);
        assert_int_equal(cw_hsm_session_kiosk_pan(*s, digits, RIG_EXPIRY, "00", hash, masked, &f), CW_OK);
        rig_seal(RIG_PAN, text);
        assert_int_equal(rig_call(&rig, rig_kiosk_bind(o->session, RIG_EXPIRY, "", text), &reply, &f), CW_OK);
        card_emv_master(rig_imk_ac, RIG_PAN, "00", mk);
        card_emv_arqc(mk, 5, data, sizeof(data), arqc);
        assert_int_equal(cw_hsm_session_emv_arqc(*s, 5, arqc, "00", data, sizeof(data), &result, &f), CW_OK);
        assert_true(result.genuine);
}

/* A PIN that no policy minds, another each time. */
static void pin_of(unsigned n, char ret[5]) {
        static const char *const middle[] = {"07", "82", "49", "94", "70", "28", "03", "61"};
        (void)snprintf(ret, 5, "%u%s%u", n % 9 + 1, middle[n / 9 % 8], n / 72 % 10);
        if (ret[0] == ret[1] || ret[2] == ret[3])
                memcpy(ret, "4071", 5);
}

static void enter(struct cw_hsm_session *s, unsigned n) {
        char ksn[21], pin[5];
        uint8_t block[8];
        struct cw_fault f = {0};
        pin_of(n, pin);
        pad_entry(rig_bdk, next_counter(), pin, RIG_PAN, ksn, block);
        cw_rc rc = cw_hsm_session_pin_first(s, ksn, block, 8, &f);
        if (rc != CW_OK)
                fail_msg("entry %u: %s", n, f.text);
}

static void expect_clean(const struct rig *r, size_t count) {
        pid_t workers[8];
        rig_wait_workers(r, count); /* those of sessions before have ended */
        size_t n = rig_workers(r, workers, 8);
        assert_false(rig_memory_has(r->pid, tail, sizeof(tail)));
        for (size_t i = 0; i < n; i++)
                assert_false(rig_memory_has(workers[i], tail, sizeof(tail)));
}

static void the_search_finds(void **state) {
        (void)state;
        uint8_t *block = malloc(8); /* PIN 4071 */
        assert_non_null(block);
        memcpy(block, "\x04\x40\x15", 3);
        for (size_t i = 0; i < sizeof(tail); i++)
                block[3 + i] = tail[i];
        assert_true(rig_memory_has(getpid(), block, 8));
        free(block);
}

/* Opened at a limited rate: one waits. */
static int service(void) {
        struct cw_fault f = {0};
        int fd = -1;
        cw_rc rc;
        while ((rc = rig_open_service(&rig, RIG_PAN, RIG_SCP03, &fd, &f)) != CW_OK) {
                if (cw_rc_class(rc) != CW_C_RETRY)
                        fail_msg("%s", f.text);
                (void)usleep(100000);
        }
        return fd;
}

/* A format 0 block for the session's card goes in, as the first zone's key enciphers it. */
static struct cw_msg *ask_about_pin(int fd, unsigned n, json_t *take_members) {
        uint8_t block[8] = {0x04};
        char pin[5];
        struct cw_fault f = {0};
        CW_AUTO_JSON json_t *members = take_members;
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_new(CW_MSG_REQUEST);
        struct cw_msg *reply = NULL;
        pin_of(n, pin);
        block[1] = (uint8_t)((pin[0] - '0') << 4 | (pin[1] - '0'));
        block[2] = (uint8_t)(((pin[2] - '0') << 4 | (pin[3] - '0')) ^ 0x64); /* account 642468044686 */
        memcpy(block + 3, tail, sizeof(tail));
        ossl_cipher("DES-EDE-ECB", true, rig_zone_in, NULL, block, 8, block);
        assert_int_equal(json_object_update(m->json, members), 0);
        assert_int_equal(cw_msg_attach_copy(m, block, 8), CW_OK);
        cw_rc rc = cw_ipc_call(fd, m, cw_deadline_ns(20000), &reply, &f);
        if (rc != CW_OK)
                fail_msg("operation %u: %s", n, f.text);
        assert_int_equal(reply->att_count, 1);
        return reply;
}

static void translate(int fd, unsigned n) {
        uint8_t block[8];
        CW_AUTO(cw_msg_free)
        struct cw_msg *reply =
            ask_about_pin(fd, n,
                          json_pack("{s:s, s:s, s:i, s:s, s:i}", "call", "pin.translate", "source", "zone-in",
                                    "source_format", 0, "target", "zone-out", "target_format", 0));
        ossl_cipher("DES-EDE-ECB", false, rig_zone_out, NULL, reply->att[0]->ptr, 8, block);
        assert_memory_equal(block + 3, tail, sizeof(tail)); /* it was translated */
}

static void pvv(int fd, unsigned n) {
        CW_AUTO(cw_msg_free)
        struct cw_msg *reply = ask_about_pin(
            fd, n, json_pack("{s:s, s:s, s:i}", "call", "pin.pvv", "source", "zone-in", "source_format", 0));
        assert_int_equal(reply->att[0]->len, 4);
}

/* A clear format 0 block or PIN field, or the digits (BCD on their own, or text) of the PIN. */
static bool tells_pin(const uint8_t *value, size_t len, const char *pin) {
        uint8_t field[8] = {4, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff};
        field[1] = (uint8_t)((pin[0] - '0') << 4 | (pin[1] - '0'));
        field[2] = (uint8_t)((pin[2] - '0') << 4 | (pin[3] - '0'));
        return memmem(value, len, tail, sizeof(tail)) != NULL || memmem(value, len, field, 8) != NULL ||
               memmem(value, len, pin, 4) != NULL || (len == 2 && memcmp(value, field + 1, 2) == 0);
}

struct crossings {
        unsigned clear, ciphered; /* values that tell a PIN; blocks under a key, in and out */
        unsigned silent;          /* operations in which no value told one */
};

/* What was handed to the module and what it handed back since the last time. */
static void crossed(FILE *tap, const char *pin, struct crossings *sum) {
        static uint8_t value[1u << 16];
        struct cw_tap_head head;
        while (fread(&head, sizeof(head), 1, tap) == 1) {
                assert_true(head.len <= sizeof(value));
                assert_int_equal(fread(value, 1, head.len, tap), head.len);
                sum->clear += tells_pin(value, head.len, pin) ? 1 : 0;
                sum->ciphered += head.len == 8 && (strcmp(head.function, "C_UnwrapKey") == 0 ||
                                                   strcmp(head.function, "C_WrapKey") == 0);
        }
        clearerr(tap);
}

static FILE *open_tap(void) {
        char path[256];
        rig_path(&rig, "tap", path, sizeof(path));
        FILE *tap = fopen(path, "re");
        assert_non_null(tap);
        return tap;
}

/* One session; what the operations make cross is summed, what opening it does is not. */
static void tapped_session(int fd, unsigned *done, FILE *tap, struct crossings *sum) {
        char pin[5];
        assert_int_equal(fseek(tap, 0, SEEK_END), 0);
        for (unsigned k = 0; k < TRANSLATIONS + PVVS; k++) {
                pin_of(*done, pin);
                if (k < TRANSLATIONS)
                        translate(fd, (*done)++);
                else
                        pvv(fd, (*done)++);
                const unsigned before = sum->clear;
                crossed(tap, pin, sum);
                sum->silent += sum->clear == before;
        }
}

/* Where clear blocks are in host memory they cross: the tap must see one at least for each operation. */
static void the_tap_sees(void **state) {
        (void)state;
        unsigned done = 0;
        struct crossings sum = {0};
        FILE *tap = open_tap();
        int fd = service();
        tapped_session(fd, &done, tap, &sum);
        (void)close(fd);
        (void)fclose(tap);
        assert_true(sum.clear >= done);
        assert_int_equal(sum.silent, 0);
}

/*
 * The same in the token (NSS, without host memory): nothing that tells a PIN crosses the boundary of the
 * module, in or out, so none can be in the worker by our doing. What the module, which computes in the
 * worker's process, leaves there itself is counted apart. The supervisor is searched.
 */
static void thousand_operations_in_token(void **state) {
        (void)state;
        unsigned done = 0, residues = 0;
        struct crossings sum = {0};
        FILE *tap = open_tap();
        for (unsigned i = 0; i < TRANSLATE_SESSIONS; i++) {
                int fd = service();
                pid_t workers[8];
                tapped_session(fd, &done, tap, &sum);
                rig_wait_workers(&rig, 2);
                size_t n = rig_workers(&rig, workers, 8);
                for (size_t w = 0; w < n && i % 8 == 7; w++)
                        residues += rig_memory_has(workers[w], tail, sizeof(tail)) ? 1 : 0;
                (void)close(fd);
                rig_wait_workers(&rig, 1);
        }
        (void)fclose(tap);
        assert_true(done >= OPERATIONS);
        assert_int_equal(sum.clear, 0);
        assert_true(sum.ciphered >= 2 * done); /* in and out: the tap was there */
        assert_false(rig_memory_has(rig.pid, tail, sizeof(tail)));
        (void)printf("in-token: %u translations and PVVs, %u searches found residues of the module\n", done,
                     residues);
}

static void thousand_entries(void **state) {
        (void)state;
        unsigned done = 0;
        for (unsigned i = 0; i < SESSIONS; i++) {
                char ticket[16];
                struct cw_hsm_opened o = {0};
                CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
                (void)snprintf(ticket, sizeof(ticket), "M%u", i);
                ready_for_pin(ticket, &o, &s);
                for (unsigned k = 0; k < ENTRIES; k++)
                        enter(s, done++);
                if (i % 8 == 7)
                        expect_clean(&rig, 2);
        }
        assert_true(done >= OPERATIONS);
        expect_clean(&rig, 1);
}

/* Resident memory that belongs to the process alone or to it and its kin: PSS would hide half of it. */
static long resident_kib(pid_t pid) {
        char path[64], line[256];
        long kib = -1;
        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        FILE *f = fopen(path, "re");
        assert_non_null(f);
        while (fgets(line, sizeof(line), f) != NULL) {
                if (sscanf(line, "VmRSS: %ld", &kib) == 1)
                        break;
        }
        (void)fclose(f);
        return kib;
}

static void memory_of_the_daemon(void **state) {
        (void)state;
        struct cw_hsm_opened o = {0};
        CW_AUTO(cw_hsm_session_close) struct cw_hsm_session *s = NULL;
        pid_t workers[8];
        ready_for_pin("R", &o, &s);
        enter(s, 0);
        size_t n = rig_workers(&rig, workers, 8);
        assert_int_equal(n, 2);
        (void)printf("resident: supervisor %ld KiB", resident_kib(rig.pid));
        for (size_t i = 0; i < n; i++)
                (void)printf(", worker %ld KiB", resident_kib(workers[i]));
        (void)printf("\n");
#ifndef CW_SANITIZED /* its shadow memory is not the daemon's */
        assert_true(resident_kib(rig.pid) <= RESIDENT_MAX_KIB);
        for (size_t i = 0; i < n; i++)
                assert_true(resident_kib(workers[i]) <= RESIDENT_MAX_KIB);
#endif
}

static int setup(void **state) {
        (void)state;
        /* Each entry is noted in a register that is synchronised: a thousand times, if it is a disk. */
        if (access("/dev/shm", W_OK) == 0)
                assert_int_equal(setenv("TMPDIR", "/dev/shm", 1), 0);
        rig_start(&rig, &(struct rig_options){0});
        return 0;
}

static int start_nss(bool no_host_memory) {
        if (access("/dev/shm", W_OK) == 0)
                assert_int_equal(setenv("TMPDIR", "/dev/shm", 1), 0);
        rig_start(
            &rig,
            &(struct rig_options){
                .service = true, .nss = true, .shim = true, .tap = true, .no_host_memory = no_host_memory});
        return 0;
}

static int setup_in_token(void **state) {
        (void)state;
        return start_nss(true);
}

static int setup_host_memory(void **state) {
        (void)state;
        return start_nss(false);
}

static int teardown(void **state) {
        (void)state;
        rig_stop(&rig);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_search_finds),
            cmocka_unit_test(memory_of_the_daemon),
            cmocka_unit_test(thousand_entries),
        };
        const struct CMUnitTest in_token[] = {cmocka_unit_test(thousand_operations_in_token)};
        int failed = cmocka_run_group_tests(tests, setup, teardown);
        const struct CMUnitTest host_memory[] = {cmocka_unit_test(the_tap_sees)};
        failed += cmocka_run_group_tests(host_memory, setup_host_memory, teardown);
        return failed + cmocka_run_group_tests(in_token, setup_in_token, teardown);
}
