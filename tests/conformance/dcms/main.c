/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays the exchanges that the documents of the bank's server print (samples.json) through the real client
 * against the simulator, then those of Thales D1, and prints how many came out as printed.
 */
#include "tests/conformance/d1/samples.h"
#include "tests/integration/upstream/rig.h"

#include <stdio.h>
#include <string.h>

#define SECRETS_MAX 4u

static const char *text(const json_t *object, const char *name) {
        const char *value = json_string_value(json_object_get(object, name));
        return value ? value : "";
}

/* A star in want stands for one or more characters. */
static bool text_fits(const char *want, const char *have) {
        const char *star = strchr(want, '*');
        if (!star)
                return strcmp(want, have) == 0;
        return strncmp(want, have, (size_t)(star - want)) == 0 && strlen(have) > (size_t)(star - want);
}

/* Every member of want is in have; rows of arrays pair up one to one. */
static bool covers(const json_t *have, json_t *want) {
        if (json_is_string(want))
                return json_is_string(have) && text_fits(json_string_value(want), json_string_value(have));
        if (json_is_array(want)) {
                bool same = json_is_array(have) && json_array_size(have) == json_array_size(want);
                for (size_t i = 0; same && i < json_array_size(want); i++)
                        same = covers(json_array_get(have, i), json_array_get(want, i));
                return same;
        }
        if (!json_is_object(want))
                return json_equal(have, want);
        const char *name = NULL;
        json_t *value = NULL;
        json_object_foreach(want, name, value) {
                if (!covers(json_object_get(have, name), value))
                        return false;
        }
        return true;
}

static size_t take_secrets(json_t *given, struct cw_dcms_secret_field fields[SECRETS_MAX],
                           struct cw_secret *own[SECRETS_MAX]) {
        const char *name = NULL;
        json_t *value = NULL;
        size_t count = 0;
        json_object_foreach(given, name, value) {
                if (count == SECRETS_MAX ||
                    cw_secret_dup(json_string_value(value), json_string_length(value), &own[count]) != CW_OK)
                        break;
                fields[count] = (struct cw_dcms_secret_field){name, own[count]};
                count++;
        }
        return count;
}

/* False when the client refused the request itself; o->fault says why. */
static bool make(struct rig *rig, const json_t *sample, struct outcome *o) {
        struct cw_dcms_secret_field secrets[SECRETS_MAX];
        struct cw_secret *own[SECRETS_MAX] = {NULL};
        size_t count = take_secrets(json_object_get(sample, "secrets"), secrets, own);
        const json_t *request = json_object_get(sample, "request");
        const struct cw_dcms_named call = {.name = text(sample, "call"),
                                           .fields = json_is_null(request) ? NULL : request,
                                           .secrets = secrets,
                                           .secret_count = count};
        bool sent = cw_dcms_call_named(rig->d, &call, outcome_take, o, &o->fault) == CW_OK;
        if (sent)
                rig_wait(rig, o, 20000);
        for (size_t i = 0; i < count; i++)
                cw_secret_free(own[i]);
        return sent;
}

static bool says_all(const char *have, const json_t *list) {
        for (size_t i = 0; i < json_array_size(list); i++)
                if (!strstr(have, json_string_value(json_array_get(list, i))))
                        return false;
        return true;
}

static bool as_printed(const json_t *sample, const struct outcome *o, bool sent) {
        const json_t *exception = json_object_get(sample, "exception");
        json_t *result = json_object_get(sample, "result");
        const char *not_sent = text(sample, "not_sent");
        if (*not_sent || !sent)
                return !sent && *not_sent && strstr(o->fault.text, not_sent);
        if (!exception)
                return o->rc == CW_OK && covers(o->result, result);
        return cw_rc_class(o->rc) == CW_C_REJECT && strcmp(o->fault.code, text(exception, "code")) == 0 &&
               says_all(o->fault.text, json_object_get(exception, "says")) &&
               (!result || covers(o->result, result));
}

static bool replay(struct rig *rig, const json_t *sample) {
        struct outcome o = {0};
        bool sent = make(rig, sample, &o);
        bool good = as_printed(sample, &o, sent);
        if (!good) {
                char *have = o.result ? json_dumps(o.result, JSON_ENCODE_ANY) : NULL;
                (void)printf("FAIL %s (%s)\n  got %s %s\n  %s\n", text(sample, "call"),
                             text(sample, "source"), o.fault.code, o.fault.text, have ? have : "");
                free(have);
        }
        outcome_done(&o);
        return good;
}

/* What a sample takes for granted. */
static bool prepare(struct rig *rig, const json_t *sample) {
        const json_t *wait = json_object_get(sample, "wait");
        struct outcome o = {0};
        if (!wait) {
                bool good = make(rig, sample, &o) && o.rc == CW_OK;
                outcome_done(&o);
                return good;
        }
        for (int i = 0; i < 100; i++) {
                cw_dcms_order_status(rig->d, text(wait, "order"), outcome_take, &o);
                rig_wait(rig, &o, 20000);
                bool there =
                    o.reply.order_count == 1 && strcmp(o.orders[0].status, text(wait, "status")) == 0;
                outcome_done(&o);
                if (there)
                        return true;
                rig_run(rig, 100);
        }
        return false;
}

static void run_all(struct rig *rig, const json_t *samples, unsigned *passed, unsigned *failed) {
        for (size_t i = 0; i < json_array_size(samples); i++) {
                const json_t *sample = json_array_get(samples, i);
                bool counted = !json_object_get(sample, "prepare");
                bool good = counted ? replay(rig, sample) : prepare(rig, sample);
                if (!good && !counted)
                        (void)printf("FAIL preparation %zu\n", i);
                *passed += good && counted;
                *failed += !good;
        }
}

int main(int argc, char **argv) {
        json_error_t error;
        struct rig rig;
        unsigned passed = 0, failed = 0;
        json_t *all = json_load_file(argc > 1 ? argv[1] : SAMPLES, JSON_REJECT_DUPLICATES, &error);
        if (!all) {
                (void)fprintf(stderr, "%s:%d: %s\n", error.source, error.line, error.text);
                return 2;
        }
        rig_make(&rig);
        (void)json_object_update(rig.sim_config, json_object_get(all, "server"));
        rig_start_sim(&rig);
        rig_start_client(&rig);
        run_all(&rig, json_object_get(all, "samples"), &passed, &failed);
        rig_stop(&rig);
        json_decref(all);
        d1_samples(&passed, &failed);
        (void)printf("%u passed, %u failed\n", passed, failed);
        return failed || !passed ? 1 : 0;
}
