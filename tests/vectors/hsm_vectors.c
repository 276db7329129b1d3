/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hsm-vectors [--host-memory] [--server] --token softhsm|nss|opencryptoki FILE: each entry of a file of
 * published vectors through a running cardwright-hsmd on a private token. A line for each mismatch and for
 * each skipped entry with its reason, a last line with the counts whatever the file is. --host-memory: with
 * hsm.allow_host_memory, so that what the token does not derive is derived by hsmd. --server: the token is
 * behind `p11-kit server`. Exit status 0: nothing failed; 1: something did; 2: it could not be tried.
 */
#include "base/cleanup.h"
#include "base/ipc.h"
#include "vector_token.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define BUSY_TRIES 100
#define ANSWER_MAX 4096u

enum verdict { PASSED, FAILED, SKIPPED };

static const char *text(const json_t *e, const char *key) {
        const char *s = json_string_value(json_object_get(e, key));
        return s ? s : "";
}

/* The daemon's answer to the entry, or its fault. */
static cw_rc ask(int fd, const json_t *entry, char ret[ANSWER_MAX], struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *request = cw_msg_request("algorithm.known_answer"), *reply = NULL;
        CW_AUTO_MEM char *json = json_dumps(entry, JSON_COMPACT);
        if (request == NULL || json == NULL || cw_msg_attach_copy(request, json, strlen(json)) != CW_OK)
                return cw_fail(f, CW_RC(CW_L_BASE, CW_C_FATAL, CW_E_TOO_BIG), 0, "vectors", "",
                               "the entry does not fit a request");
        cw_rc rc = cw_ipc_call(fd, request, cw_deadline_ns(20000), &reply, f);
        if (rc != CW_OK)
                return rc;
        if (reply->att_count != 1 || reply->att[0]->len >= ANSWER_MAX)
                return cw_fail(f, CW_RC(CW_L_BASE, CW_C_FATAL, CW_E_SYNTAX), 0, "vectors", "", "bad reply");
        memcpy(ret, reply->att[0]->ptr, reply->att[0]->len);
        ret[reply->att[0]->len] = '\0';
        return CW_OK;
}

/* After a token failure the daemon opens the token anew: that entry has failed, the next one waits. */
static cw_rc ask_patiently(int fd, const json_t *entry, char ret[ANSWER_MAX], struct cw_fault *f) {
        const struct timespec pause = {0, 100000000};
        cw_rc rc = ask(fd, entry, ret, f);
        for (int i = 0; i < BUSY_TRIES && rc == CW_RC(CW_L_HSM, CW_C_RETRY, CW_E_BUSY); i++) {
                (void)nanosleep(&pause, NULL);
                rc = ask(fd, entry, ret, f);
        }
        return rc;
}

/* What is published may be the beginning of the value; a PIN is compared whole, Base64 letter by letter. */
static bool equal(const json_t *e, const char *got) {
        static const char *const whole[] = {"pin_block_decode", "iso4_decipher", "ibm3624_pin"};
        const char *want = text(e, "expect");
        bool base64 = strcmp(text(e, "alg"), "set_pin") == 0;
        if ((base64 ? strncmp(got, want, strlen(want)) : strncasecmp(got, want, strlen(want))) != 0)
                return false;
        for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
                if (strcmp(text(e, "alg"), whole[i]) == 0)
                        return strlen(got) == strlen(want);
        }
        return true;
}

/* An entry that says nothing to be asked or compared has failed; NULL when it is one. */
static const char *malformed(const json_t *e) {
        if (!json_is_object(e))
                return "is not an object";
        return *text(e, "expect") == '\0' ? "has no text as \"expect\"" : NULL;
}

static enum verdict judge(int fd, size_t index, const json_t *e) {
        char got[ANSWER_MAX] = "";
        struct cw_fault f = {0};
        if (malformed(e) != NULL) {
                (void)printf("entry %zu %.40s (%.80s): the entry %s\n", index, text(e, "alg"),
                             text(e, "source"), malformed(e));
                return FAILED;
        }
        cw_rc rc = ask_patiently(fd, e, got, &f);
        bool refused = cw_rc_class(rc) == CW_C_REJECT;
        if (refused && (rc & 0xffffu) == CW_E_UNSUPPORTED) {
                (void)printf("skipped entry %zu %.40s (%.80s): %s\n", index, text(e, "alg"),
                             text(e, "source"), f.text);
                return SKIPPED;
        }
        if (strcmp(text(e, "expect"), "REJECT") == 0 ? refused : rc == CW_OK && equal(e, got))
                return PASSED;
        (void)printf("entry %zu %.40s (%.80s): got %s%s, expected %s\n", index, text(e, "alg"),
                     text(e, "source"), refused ? "REJECT: " : "", rc == CW_OK ? got : f.text,
                     text(e, "expect"));
        return FAILED;
}

/* The last line, whatever was before: a file that could not be read or tried counts as one failure. */
static int counts(const unsigned count[3], bool tried) {
        (void)printf("%u passed, %u failed, %u skipped\n", count[PASSED], count[FAILED] + !tried,
                     count[SKIPPED]);
        return !tried ? 2 : count[FAILED] == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
        json_error_t error;
        struct vector_token token;
        unsigned count[3] = {0, 0, 0};
        struct vector_options options = {0};
        for (; argc > 4; argv++, argc--) {
                if (strcmp(argv[1], "--host-memory") == 0)
                        options.host_memory = true;
                else if (strcmp(argv[1], "--server") == 0)
                        options.behind_server = true;
                else
                        break;
        }
        if (argc != 4 || strcmp(argv[1], "--token") != 0) {
                (void)fprintf(stderr, "usage: hsm-vectors [--host-memory] [--server] "
                                      "--token softhsm|nss|opencryptoki FILE\n");
                return 2;
        }
        CW_AUTO_JSON json_t *file = json_load_file(argv[3], JSON_REJECT_DUPLICATES, &error);
        if (!json_is_array(file)) {
                (void)fprintf(stderr, "hsm-vectors: %s: %s\n", argv[3],
                              file ? "it is not an array of entries" : error.text);
                return counts(count, false);
        }
        bool started = vector_token_start(&token, argv[2], &options);
        if (json_array_size(file) == 0)
                (void)fprintf(stderr, "hsm-vectors: %s: there are no entries in it\n", argv[3]);
        size_t i;
        json_t *e;
        json_array_foreach(file, i, e) {
                if (started)
                        count[judge(token.admin, i, e)]++;
        }
        vector_token_stop(&token);
        return counts(count, started);
}
