/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over the control socket, by libcurl. */
#include "agent/cli/cli.h"

#include <curl/curl.h>
#include <string.h>

#define ANSWER_MAX ((size_t)8 * 1024 * 1024)
#define CONNECT_MS 5000L
#define ANSWER_MS 60000L
#define LONG_ANSWER_MS (6L * 60 * 1000) /* a test card is printed */
#define PATH_CAP 256

struct answer {
        char *text;
        size_t len;
};

static size_t on_data(char *data, size_t size, size_t count, void *ctx) {
        struct answer *a = ctx;
        size_t len = size * count;
        if (a->len + len > ANSWER_MAX)
                return 0;
        char *text = realloc(a->text, a->len + len + 1);
        if (!text)
                return 0;
        memcpy(text + a->len, data, len);
        a->text = text;
        a->len += len;
        a->text[a->len] = '\0';
        return len;
}

struct spinner {
        const char *what;
        unsigned turns;
};

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
        (void)a;
        (void)b;
        (void)c;
        (void)d;
        struct spinner *s = ctx;
        char bar[25];
        /* How long a device takes is not known: the bar only shows that work goes on. */
        cw_bar((int)(s->turns++ % 21) * 5, 20, bar, sizeof bar);
        (void)fprintf(stderr, "\r%s [%s]", s->what, bar);
        (void)fflush(stderr);
        return 0;
}

/*
 * Names come from the server, texts from devices: on a terminal a control character in them could do
 * anything. Control characters of ISO 646 and, as UTF-8, of ISO 6429's C1 become '?'.
 */
static void blunt(char *text) {
        for (char *at = text; *at; at++) {
                unsigned char c = (unsigned char)*at;
                bool c1 = c == 0xc2 && (unsigned char)at[1] >= 0x80 && (unsigned char)at[1] < 0xa0;
                if (c < 0x20 || c == 0x7f)
                        *at = '?';
                else if (c1)
                        at[0] = at[1] = '?';
        }
}

static void blunt_all(json_t *json) {
        const char *key = NULL;
        size_t i = 0;
        json_t *member = NULL;
        if (json_is_string(json)) {
                char *text = strdup(json_string_value(json));
                if (text)
                        blunt(text);
                (void)json_string_set(json, text ? text : "");
                free(text);
        } else if (json_is_array(json)) {
                json_array_foreach(json, i, member) blunt_all(member);
        } else if (json_is_object(json)) {
                json_object_foreach(json, key, member) blunt_all(member);
        }
}

static int not_running(const struct cw_cli *cli) {
        (void)fprintf(stderr,
                      "cardwright: cardwrightd does not answer on %s; is it running, and may you use it?\n",
                      cli->socket);
        return CW_EXIT_NOT_RUNNING;
}

/* Prints the fault of an answer that is no success. */
static int failed(long status, const json_t *answer) {
        const json_t *error = json_object_get(answer, "error");
        const char *text = cw_cli_str(error, "text");
        const char *code = cw_cli_str(error, "code");
        (void)fprintf(stderr, "cardwright: %s%s%s%s\n", *text ? text : "the agent refused", *code ? " (" : "",
                      code, *code ? ")" : "");
        if (strcmp(cw_cli_str(error, "class"), "OPERATOR") == 0)
                return CW_EXIT_NEEDS_PERSON;
        return status == 400 ? CW_EXIT_USAGE : CW_EXIT_FAILED;
}

static void set_up(CURL *curl, const struct cw_cli *cli, const char *path, struct answer *answer) {
        char url[PATH_CAP + 32];
        (void)snprintf(url, sizeof url, "http://cardwright%s", path);
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->socket);
        (void)curl_easy_setopt(curl, CURLOPT_URL, url);
        (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
        (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
        (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_MS);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

static int exchange(struct cw_cli *cli, CURL *curl, const struct answer *answer, json_t **ret) {
        CURLcode code = curl_easy_perform(curl);
        if (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT)
                return not_running(cli);
        if (code != CURLE_OK) {
                (void)fprintf(stderr, "cardwright: the agent broke off: %s\n", curl_easy_strerror(code));
                return CW_EXIT_FAILED;
        }
        long status = 0;
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        CW_AUTO_JSON json_t *json =
            json_loadb(answer->text ? answer->text : "", answer->len, JSON_DECODE_ANY, NULL);
        if (!cli->json || status != 200)
                blunt_all(json);
        if (status != 200)
                return failed(status, json);
        *ret = CW_STEAL(json);
        return CW_EXIT_OK;
}

static int ask(struct cw_cli *cli, struct spinner *spinner, const char *path, json_t *take_body,
               json_t **ret) {
        CW_AUTO_JSON json_t *body = take_body;
        CW_AUTO_MEM char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
        struct answer answer = {0};
        CURL *curl = curl_easy_init();
        if (!curl || (body && !text))
                return CW_EXIT_FAILED;
        set_up(curl, cli, path, &answer);
        if (text)
                (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
        if (spinner)
                (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, LONG_ANSWER_MS);
        if (spinner && cli->style.terminal && !cli->json) {
                (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
                (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
                (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, spinner);
        }
        int exit_code = exchange(cli, curl, &answer, ret);
        if (spinner && spinner->turns)
                (void)fprintf(stderr, "\r\033[K");
        curl_easy_cleanup(curl);
        free(answer.text);
        return exit_code;
}

int cw_cli_ask(struct cw_cli *cli, const char *path, json_t *take_body, json_t **ret_answer) {
        return ask(cli, NULL, path, take_body, ret_answer);
}

int cw_cli_ask_long(struct cw_cli *cli, const char *what, const char *path, json_t *take_body,
                    json_t **ret_answer) {
        struct spinner spinner = {.what = what};
        return ask(cli, &spinner, path, take_body, ret_answer);
}

int cw_cli_print_json(const json_t *answer) {
        if (json_dumpf(answer, stdout, JSON_INDENT(2)) < 0 || putchar('\n') == EOF)
                return CW_EXIT_FAILED;
        return CW_EXIT_OK;
}

const char *cw_cli_str(const json_t *object, const char *key) {
        const char *s = json_string_value(json_object_get(object, key));
        return s ? s : "";
}

int64_t cw_cli_int(const json_t *object, const char *key) {
        return json_integer_value(json_object_get(object, key));
}

bool cw_cli_bool(const json_t *object, const char *key) {
        return json_is_true(json_object_get(object, key));
}
