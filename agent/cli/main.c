/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/cli.h"
#include "agent/cli/commands_d1.h"
#include "agent/cli/commands_face.h"
#include "agent/cli/commands_station.h"
#include "agent/cli/commands_hsm.h"

#include "config/config.h"

#include <curl/curl.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/cardwright/control.sock"
#define WORDS_MAX 64
#define ARGS_WIDTH 26

/* Do these words begin the command's? */
static bool in_family(const struct cw_command *c, int count, char **words) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s", c->words);
        char *rest = text;
        for (int i = 0; i < count; i++) {
                const char *word = strsep(&rest, " ");
                if (!word || strcmp(word, words[i]) != 0)
                        return false;
        }
        return true;
}

static void usage_line(FILE *out, const struct cw_command *c) {
        (void)fprintf(out, "  %-22s ", c->words);
        if (strlen(c->args) > ARGS_WIDTH)
                (void)fprintf(out, "%s\n  %-22s %-*s %s\n", c->args, "", ARGS_WIDTH, "", c->help);
        else
                (void)fprintf(out, "%-*s %s\n", ARGS_WIDTH, c->args, c->help);
}

static void usage_head(FILE *out) {
        (void)fprintf(out, "usage: cardwright [--json] [--config FILE | --socket PATH] COMMAND\n\n");
}

static void usage_end(FILE *out) {
        (void)fprintf(out,
                      "\ncardwright COMMAND --help tells of one command or family; more in cardwright(1)\n"
                      "exit status: 0 ok, 1 failed, 2 usage, 3 agent not running, 4 needs a person\n");
}

static int usage(FILE *out, int exit_code) {
        usage_head(out);
        for (size_t i = 0; i < cw_command_count; i++)
                usage_line(out, &cw_commands[i]);
        usage_end(out);
        return exit_code;
}

/* The socket of the configured runtime folder. */
static bool socket_from_config(struct cw_cli *cli, const char *path) {
        CW_AUTO(cw_config_free) struct cw_config *config = NULL;
        struct cw_fault f = {0};
        if (cw_config_load(path, stderr, &config, &f) != CW_OK)
                return false;
        (void)snprintf(cli->socket, sizeof cli->socket, "%s/control.sock", config->agent.runtime_dir);
        cli->config = path;
        return true;
}

static bool socket_from_option(struct cw_cli *cli, const char *path) {
        int len = snprintf(cli->socket, sizeof cli->socket, "%s", path);
        if (len > 0 && (size_t)len < sizeof cli->socket)
                return true;
        (void)fprintf(stderr, "cardwright: a socket path has 1 to %zu bytes\n", sizeof cli->socket - 1);
        return false;
}

static bool take_flag(struct cw_cli *cli, const char *arg) {
        if (strcmp(arg, "--json") == 0)
                cli->json = true;
        else if (strcmp(arg, "--all") == 0)
                cli->all = true;
        else if (strcmp(arg, "--watch") == 0)
                cli->watch = true;
        else if (strcmp(arg, "--modify") == 0)
                cli->modify = true;
        else if (strcmp(arg, "--no-remake") == 0)
                cli->no_remake = true;
        else if (strcmp(arg, "--related") == 0)
                cli->related = true;
        else if (strcmp(arg, "--in-use") == 0)
                cli->hsm.in_use = true;
        else if (strcmp(arg, "--yes") == 0)
                cli->yes = true;
        else
                return false;
        return true;
}

static bool takes_value(const char *name, const char *value) {
        struct cw_cli scratch = {0};
        if (strcmp(name, "--socket") == 0 || strcmp(name, "--config") == 0 || cw_station_option_known(name))
                return true;
        return strncmp(name, "--", 2) == 0 && !take_flag(&scratch, name) &&
               (cw_hsm_option(&scratch, name, value) || cw_d1_option(&scratch, name, value) ||
                cw_face_option(&scratch, name, value));
}

/* The index of --help; what stands before it is what help is wanted about. An option's value is no option. */
static int find_help(int argc, char **argv) {
        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
                        return i;
                if (i + 1 < argc && takes_value(argv[i], argv[i + 1]))
                        i++;
        }
        return 0;
}

/* Words of the command line without options; -1 on a wrong option, which was told. */
static int parse(struct cw_cli *cli, int argc, char **argv, char **ret_words) {
        int count = 0;
        for (int i = 1; i < argc; i++) {
                bool has_value = strcmp(argv[i], "--socket") == 0 || strcmp(argv[i], "--config") == 0;
                if (has_value && i + 1 < argc) {
                        bool is_socket = strcmp(argv[i], "--socket") == 0;
                        i++;
                        if (!(is_socket ? socket_from_option(cli, argv[i])
                                        : socket_from_config(cli, argv[i])))
                                return -1;
                } else if (cw_station_option_known(argv[i]) && i + 1 < argc) {
                        (void)cw_station_option(cli, argv[i], argv[i + 1]);
                        i++;
                } else if (strncmp(argv[i], "--", 2) == 0) {
                        if (take_flag(cli, argv[i]))
                                continue;
                        if (i + 1 < argc && (cw_hsm_option(cli, argv[i], argv[i + 1]) ||
                                             cw_d1_option(cli, argv[i], argv[i + 1]) ||
                                             cw_face_option(cli, argv[i], argv[i + 1]))) {
                                i++;
                                continue;
                        }
                        (void)fprintf(
                            stderr,
                            "cardwright: unknown option or missing value: %s; see cardwright --help\n",
                            argv[i]);
                        return -1;
                } else if (count < WORDS_MAX) {
                        ret_words[count++] = argv[i];
                }
        }
        return count;
}

/* How many of the words are the command's own; 0 when they are another command. */
static int own_words(const struct cw_command *c, int count, char **words) {
        char text[64];
        int n = 0;
        (void)snprintf(text, sizeof text, "%s", c->words);
        char *rest = text;
        for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " "), n++)
                if (n >= count || strcmp(word, words[n]) != 0)
                        return 0;
        return n;
}

/* Of a family of commands ("kit transfer") the second word is what is wrong. */
static int unknown(int count, char **words) {
        size_t len = strlen(words[0]);
        bool family = false;
        for (size_t i = 0; i < cw_command_count; i++)
                family = family || (strncmp(cw_commands[i].words, words[0], len) == 0 &&
                                    cw_commands[i].words[len] == ' ');
        bool two = family && count > 1;
        (void)fprintf(stderr, "cardwright: unknown command \"%s%s%s\"; see cardwright --help\n", words[0],
                      two ? " " : "", two ? words[1] : "");
        return CW_EXIT_USAGE;
}

/* A family, or the command that the words begin with. */
static int help(int count, char **words) {
        const struct cw_command *only = NULL;
        bool family = false;
        for (size_t i = cw_command_count; i-- > 0;) {
                family = family || in_family(&cw_commands[i], count, words);
                only = own_words(&cw_commands[i], count, words) > 0 ? &cw_commands[i] : only;
        }
        if (count > 0 && !family && !only)
                return unknown(count, words);
        usage_head(stdout);
        for (size_t i = 0; i < cw_command_count; i++)
                if (family ? in_family(&cw_commands[i], count, words) : only == &cw_commands[i])
                        usage_line(stdout, &cw_commands[i]);
        usage_end(stdout);
        return CW_EXIT_OK;
}

static int run(struct cw_cli *cli, int count, char **words) {
        for (size_t i = 0; i < cw_command_count; i++) {
                const struct cw_command *c = &cw_commands[i];
                int own = own_words(c, count, words);
                if (own == 0)
                        continue;
                if (count - own >= c->min && count - own <= c->max)
                        return c->fn(cli, count - own, words + own);
                (void)fprintf(stderr, "usage: cardwright %s %s\n", c->words, c->args);
                return CW_EXIT_USAGE;
        }
        return unknown(count, words);
}

int main(int argc, char **argv) {
        struct cw_cli cli = {.socket = DEFAULT_SOCKET};
        char *words[WORDS_MAX] = {NULL};
        int help_at = find_help(argc, argv);
        if (argc == 2 && strcmp(argv[1], "--version") == 0)
                return printf("cardwright %s\n", CW_VERSION) < 0 ? CW_EXIT_FAILED : CW_EXIT_OK;
        cli.style.terminal = isatty(STDOUT_FILENO) == 1;
        cli.style.colour = cli.style.terminal && !getenv("NO_COLOR");
        int count = parse(&cli, help_at > 0 ? help_at : argc, argv, words);
        if (count < 0)
                return CW_EXIT_USAGE;
        if (help_at > 0)
                return help(count, words);
        if (count == 0)
                return usage(stderr, CW_EXIT_USAGE);
        (void)curl_global_init(CURL_GLOBAL_NOTHING);
        int exit_code = run(&cli, count, words);
        curl_global_cleanup();
        return exit_code;
}
