/* SPDX-License-Identifier: Apache-2.0 */
/*
 * station perso, station verify, station card: a bench session is fetched from hsmd's admin socket and handed
 * with profile and data to the station's admin socket; its lines are shown as they come.
 */
#include "agent/cli/commands_station.h"

#include "base/clock.h"
#include "base/ipc.h"
#include "hsm/client/hsm_client.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HSM_MS 30000
#define CARD_MS 600000
#define TOKEN_MS 10000
#define TOKEN_PAUSE_US 200000
#define FILE_MAX ((off_t)88 * 1024)
#define SUFFIX ".admin"

static const struct {
        const char *name;
        size_t offset;
} options[] = {
    {"--reader", offsetof(struct cw_cli, reader)},
    {"--profile", offsetof(struct cw_cli, profile)},
    {"--data", offsetof(struct cw_cli, data)},
    {"--scp", offsetof(struct cw_cli, scp)},
    {"--key-label", offsetof(struct cw_cli, key_label)},
    {"--diversify", offsetof(struct cw_cli, diversify)},
    {"--level", offsetof(struct cw_cli, level)},
    {"--station", offsetof(struct cw_cli, station)},
    {"--key", offsetof(struct cw_cli, key)},
    {"--domain", offsetof(struct cw_cli, domain)},
    {"--confirm", offsetof(struct cw_cli, confirm)},
    {"--new-key-label", offsetof(struct cw_cli, new_key_label)},
    {"--new-diversify", offsetof(struct cw_cli, new_diversify)},
    {"--product", offsetof(struct cw_cli, product)},
};

bool cw_station_option_known(const char *name) {
        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
                if (strcmp(options[i].name, name) == 0)
                        return true;
        return false;
}

bool cw_station_option(struct cw_cli *cli, const char *name, const char *value) {
        for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
                if (strcmp(options[i].name, name) != 0)
                        continue;
                *(const char **)((char *)cli + options[i].offset) = value;
                return true;
        }
        return false;
}

static int fail(const struct cw_fault *f) {
        (void)fprintf(stderr, "cardwright: %s%s%s%s\n", f->text, *f->code ? " (" : "", f->code,
                      *f->code ? ")" : "");
        return cw_rc_class(f->rc) == CW_C_OPERATOR ? CW_EXIT_NEEDS_PERSON : CW_EXIT_FAILED;
}

/* ---- sockets ---- */

/* Folder of the control socket: the runtime folder. */
static void runtime_path(const struct cw_cli *cli, const char *name, char *ret, size_t cap) {
        const char *slash = strrchr(cli->socket, '/');
        int len = slash ? (int)(slash - cli->socket) : 0;
        (void)snprintf(ret, cap, "%.*s/%s", len, cli->socket, name);
}

static int only_admin(const struct dirent *e) {
        size_t n = strlen(e->d_name);
        return n > strlen(SUFFIX) && strcmp(e->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

/* Any station will do for a card that belongs to no job: the named one, else the first that listens. */
static int connect_station(const struct cw_cli *cli, int *ret_fd) {
        char folder[PATH_MAX], path[PATH_MAX + 300];
        struct dirent **list = NULL;
        bool found = false;
        runtime_path(cli, "station", folder, sizeof folder);
        int count = scandir(folder, &list, only_admin, alphasort);
        for (int i = 0; i < count; i++) {
                size_t n = strlen(list[i]->d_name) - strlen(SUFFIX);
                bool named = !cli->station ||
                             (strlen(cli->station) == n && strncmp(cli->station, list[i]->d_name, n) == 0);
                (void)snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
                if (!found && named)
                        found = cw_ipc_connect(path, ret_fd, NULL) == CW_OK;
                free(list[i]);
        }
        free(list);
        if (found)
                return CW_EXIT_OK;
        (void)fprintf(stderr,
                      "cardwright: no station%s%s answers in %s; is cardwright-stationd running, and are you "
                      "root or its user?\n",
                      cli->station ? " " : "", cli->station ? cli->station : "", folder);
        return CW_EXIT_NOT_RUNNING;
}

static const char *file_name(const char *path) {
        const char *slash = strrchr(path, '/');
        return slash ? slash + 1 : path;
}

/* delete_aid: NULL, or what the session is to be allowed to take off a card. */
static cw_rc ask_bench(const struct cw_cli *cli, const char *delete_aid, int *ret_fd, struct cw_fault *f) {
        char path[PATH_MAX], job[40];
        CW_AUTO_FD int fd = -1;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = NULL;
        struct cw_hsm_opened opened = {0};
        (void)snprintf(job, sizeof job, "bench-%ld", (long)getpid());
        const struct cw_hsm_bench bench = {
            .job = job,
            .key_label = cli->key_label ? cli->key_label : "",
            .diversify = cli->diversify ? cli->diversify : "none",
            .profile = cli->profile ? file_name(cli->profile) : "",
            .delete_aid = delete_aid,
            .reader = cli->reader,
            .new_key_label = cli->new_key_label,
            .new_diversify = cli->new_diversify,
            .product = cli->product ? cli->product : "",
            .any_product = cli->data != NULL,
            .scp = cli->scp ? cli->scp[1] - '0' : 0,
        };
        CW_AUTO(cw_msg_free) struct cw_msg *request = cw_hsm_msg_open_bench(&bench);
        runtime_path(cli, "hsmd/admin.sock", path, sizeof path);
        cw_rc rc = cw_ipc_connect(path, &fd, f);
        if (rc == CW_OK && !request)
                return cw_fail(f, CW_RC(CW_L_IPC, CW_C_RETRY, CW_E_NOMEM), 0, "station.bench", "",
                               "out of memory");
        if (rc == CW_OK)
                rc = cw_ipc_call(fd, request, cw_deadline_ns(HSM_MS), &reply, f);
        if (rc == CW_OK)
                rc = cw_hsm_reply_opened(reply, &opened, f);
        if (rc == CW_OK)
                *ret_fd = opened.fd;
        return rc;
}

/* A token that is just being opened is a matter of a moment. */
static cw_rc open_bench(const struct cw_cli *cli, const char *delete_aid, int *ret_fd, struct cw_fault *f) {
        int64_t patience_ns = cw_deadline_ns(TOKEN_MS);
        cw_rc rc = ask_bench(cli, delete_aid, ret_fd, f);
        while (cw_rc_class(rc) == CW_C_RETRY && cw_deadline_left_ms(patience_ns) > 0) {
                (void)usleep(TOKEN_PAUSE_US);
                rc = ask_bench(cli, delete_aid, ret_fd, f);
        }
        return rc;
}

/* ---- files ---- */

/* Card data may be keys: straight into secret memory. */
static int attach_file(struct cw_msg *m, const char *path) {
        struct stat st;
        struct cw_secret *s = NULL;
        CW_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0 ||
            st.st_size > FILE_MAX) {
                (void)fprintf(stderr, "cardwright: %s is not a file of 1 to %ld bytes that you can read\n",
                              path, (long)FILE_MAX);
                return CW_EXIT_USAGE;
        }
        if (cw_secret_new((size_t)st.st_size, &s) != CW_OK)
                return CW_EXIT_FAILED;
        ssize_t n = read(fd, s->ptr, s->cap);
        s->len = n > 0 ? (size_t)n : 0;
        if (n != st.st_size || cw_msg_attach(m, s) != CW_OK) {
                cw_secret_free(s);
                (void)fprintf(stderr, "cardwright: %s cannot be read whole\n", path);
                return CW_EXIT_FAILED;
        }
        return CW_EXIT_OK;
}

/* ---- the talk ---- */

struct talk {
        struct cw_cli *cli;
        json_t *lines;
};

static void show_line(struct talk *t, const struct cw_msg *event) {
        const char *step = cw_msg_str(event, "step", ""), *verdict = cw_msg_str(event, "verdict", "");
        const char *text = cw_msg_str(event, "text", "");
        if (t->cli->json) {
                (void)json_array_append_new(
                    t->lines, json_pack("{s:s, s:s, s:s}", "step", step, "verdict", verdict, "text", text));
                return;
        }
        (void)printf("%-7s %-13s ", verdict, step);
        for (const char *at = text; *at; at++) /* a reader's name comes from a device */
                (void)putchar((unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at);
        (void)putchar('\n');
        (void)fflush(stdout);
}

static int finish(struct talk *t, const struct cw_msg *reply) {
        bool ok = cw_msg_bool(reply, "ok", false), passed = cw_msg_bool(reply, "passed", ok);
        struct cw_fault f = {0};
        if (!ok)
                cw_fault_from_json(json_object_get(reply->json, "error"), &f);
        if (t->cli->json && json_object_set(reply->json, "lines", t->lines) == 0)
                (void)cw_cli_print_json(reply->json);
        if (!ok)
                return fail(&f);
        return passed ? CW_EXIT_OK : CW_EXIT_FAILED;
}

static int talk(struct talk *t, int fd, struct cw_msg *request) {
        struct cw_fault f = {0};
        int64_t deadline = cw_deadline_ns(CARD_MS);
        request->id = 1;
        cw_rc rc = cw_ipc_send(fd, request, deadline, &f);
        while (rc == CW_OK) {
                CW_AUTO(cw_msg_free) struct cw_msg *m = NULL;
                rc = cw_ipc_recv(fd, deadline, &m, &f);
                if (rc != CW_OK)
                        break;
                if (m->type == CW_MSG_REPLY)
                        return finish(t, m);
                if (strcmp(cw_msg_str(m, "event", ""), "line") == 0)
                        show_line(t, m);
        }
        (void)fprintf(stderr, "cardwright: the station broke off: %s\n", f.text);
        return CW_EXIT_FAILED;
}

static struct cw_msg *request_for(const struct cw_cli *cli, const char *call) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_request(call);
        long level = cli->level ? strtol(cli->level, NULL, 16) : 0;
        CW_AUTO_JSON json_t *json = json_pack("{s:s, s:s, s:s, s:i, s:i}", "reader", cli->reader, "profile",
                                              cli->profile ? file_name(cli->profile) : "", "product",
                                              cli->product ? cli->product : "", "scp",
                                              cli->scp ? cli->scp[1] - '0' : 0, "level", (int)(level & 0xff));
        if (!m || !json || json_object_update(m->json, json) < 0)
                return NULL;
        return CW_STEAL(m);
}

static int run(struct cw_cli *cli, struct cw_msg *request) {
        CW_AUTO_FD int fd = -1;
        struct talk t = {.cli = cli, .lines = json_array()};
        int exit_code = connect_station(cli, &fd);
        if (exit_code == CW_EXIT_OK)
                exit_code = talk(&t, fd, request);
        json_decref(t.lines);
        return exit_code;
}

/* --scp and --level, where they are given. */
static bool channel_ok(const struct cw_cli *cli) {
        bool scp_ok = !cli->scp || strcmp(cli->scp, "02") == 0 || strcmp(cli->scp, "03") == 0;
        size_t digits = cli->level ? strspn(cli->level, "0123456789abcdefABCDEF") : 2;
        return scp_ok && digits == 2 && (!cli->level || cli->level[2] == '\0');
}

static bool usage_ok(const struct cw_cli *cli, const char *what) {
        const bool with_data = strcmp(what, "perso") == 0;
        if (cli->reader && cli->profile && (cli->data || !with_data) && channel_ok(cli))
                return true;
        (void)fprintf(stderr,
                      "usage: cardwright station %s --reader NAME --profile FILE%s [--station NAME]\n", what,
                      with_data ? " --data FILE [--scp 02|03] [--key-label LABEL] [--diversify "
                                  "none|visa2|emv|kdf3] [--level HH] [--new-key-label LABEL] "
                                  "[--new-diversify none|visa2|emv|kdf3] [--product CODE]"
                      : strcmp(what, "pin") == 0 ? " [--modify]"
                                                 : " [--product CODE]");
        return false;
}

int cw_cmd_station_perso(struct cw_cli *cli, int count, char **args) {
        struct cw_fault f = {0};
        int session = -1;
        (void)count;
        (void)args;
        if (!usage_ok(cli, "perso"))
                return CW_EXIT_USAGE;
        CW_AUTO(cw_msg_free) struct cw_msg *m = request_for(cli, "card.perso");
        if (!m)
                return CW_EXIT_FAILED;
        int exit_code = attach_file(m, cli->profile);
        if (exit_code == CW_EXIT_OK)
                exit_code = attach_file(m, cli->data);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (open_bench(cli, NULL, &session, &f) != CW_OK)
                return fail(&f);
        if (cw_msg_attach_fd(m, session) != CW_OK)
                return CW_EXIT_FAILED;
        return run(cli, m);
}

/* Without hsmd, or on a token that is not for tests, the card is read all the same. */
int cw_cmd_station_verify(struct cw_cli *cli, int count, char **args) {
        struct cw_fault f = {0};
        int session = -1;
        (void)count;
        (void)args;
        if (!usage_ok(cli, "verify"))
                return CW_EXIT_USAGE;
        CW_AUTO(cw_msg_free) struct cw_msg *m = request_for(cli, "card.verify");
        if (!m)
                return CW_EXIT_FAILED;
        int exit_code = attach_file(m, cli->profile);
        if (exit_code != CW_EXIT_OK)
                return exit_code;
        if (open_bench(cli, NULL, &session, &f) == CW_OK && cw_msg_attach_fd(m, session) != CW_OK)
                return CW_EXIT_FAILED;
        return run(cli, m);
}

/* ---- card status, card delete ---- */

static struct cw_msg *card_request(const struct cw_cli *cli, const char *call) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = request_for(cli, call);
        if (!m || json_object_set_new(m->json, "domain", json_string(cli->domain ? cli->domain : "")) != 0)
                return NULL;
        return CW_STEAL(m);
}

/* Without hsmd, or on a token that is not for tests, the card tells less. */
int cw_cmd_station_card_status(struct cw_cli *cli, int count, char **args) {
        struct cw_fault f = {0};
        int session = -1;
        (void)count;
        (void)args;
        if (!cli->reader || !channel_ok(cli)) {
                (void)fprintf(stderr, "usage: cardwright station card status --reader NAME [--scp 02|03] "
                                      "[--key-label LABEL] [--diversify none|visa2|emv|kdf3] [--domain AID] "
                                      "[--level HH] [--station NAME]\n");
                return CW_EXIT_USAGE;
        }
        CW_AUTO(cw_msg_free) struct cw_msg *m = card_request(cli, "card.status");
        if (!m)
                return CW_EXIT_FAILED;
        if (open_bench(cli, NULL, &session, &f) == CW_OK && cw_msg_attach_fd(m, session) != CW_OK)
                return CW_EXIT_FAILED;
        return run(cli, m);
}

static bool same_name(const char *typed, const char *aid) {
        size_t n = strcspn(typed, "\r\n");
        return n == strlen(aid) && strncasecmp(typed, aid, n) == 0;
}

/* The name a second time, from the command line or from the person. */
static bool confirmed(const struct cw_cli *cli, const char *aid) {
        char typed[80] = "";
        if (!cli->confirm && isatty(STDIN_FILENO)) {
                (void)fprintf(stderr,
                              "%s is deleted from the card in %s, with its data. Type its name again: ", aid,
                              cli->reader);
                if (!fgets(typed, sizeof typed, stdin))
                        return false;
        }
        if (same_name(cli->confirm ? cli->confirm : typed, aid))
                return true;
        (void)fprintf(stderr,
                      "cardwright: nothing was deleted: the name was not confirmed; say --confirm %s\n", aid);
        return false;
}

int cw_cmd_station_card_delete(struct cw_cli *cli, int count, char **args) {
        struct cw_fault f = {0};
        int session = -1;
        (void)count;
        const char *aid = args[0];
        size_t digits = strspn(aid, "0123456789abcdefABCDEF");
        if (!cli->reader || !channel_ok(cli) || aid[digits] || digits < 10 || digits > 32 || digits % 2) {
                (void)fprintf(stderr, "usage: cardwright station card delete AID --reader NAME [--related] "
                                      "[--confirm AID] [--scp 02|03] [--key-label LABEL] "
                                      "[--diversify none|visa2|emv|kdf3] [--domain AID] [--level HH] "
                                      "[--station NAME]\n");
                return CW_EXIT_USAGE;
        }
        if (!confirmed(cli, aid))
                return CW_EXIT_USAGE;
        CW_AUTO(cw_msg_free) struct cw_msg *m = card_request(cli, "card.delete");
        if (!m || json_object_set_new(m->json, "aid", json_string(aid)) != 0 ||
            json_object_set_new(m->json, "related", json_boolean(cli->related)) != 0)
                return CW_EXIT_FAILED;
        if (open_bench(cli, aid, &session, &f) != CW_OK)
                return fail(&f);
        if (cw_msg_attach_fd(m, session) != CW_OK)
                return CW_EXIT_FAILED;
        return run(cli, m);
}

/* No session of hsmd: the PIN goes from the keypad to the chip. */
int cw_cmd_station_pin(struct cw_cli *cli, int count, char **args) {
        (void)count;
        (void)args;
        if (!usage_ok(cli, "pin"))
                return CW_EXIT_USAGE;
        CW_AUTO(cw_msg_free) struct cw_msg *m = request_for(cli, "card.pin");
        if (!m || json_object_set_new(m->json, "modify", json_boolean(cli->modify)) < 0)
                return CW_EXIT_FAILED;
        int exit_code = attach_file(m, cli->profile);
        return exit_code == CW_EXIT_OK ? run(cli, m) : exit_code;
}
