/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/commands_completion.h"

#include <string.h>

/* The second words of the commands with this first word, if there are any. */
static void complete_second(const char *first) {
        size_t len = strlen(first);
        bool any = false;
        for (size_t i = 0; i < cw_command_count; i++) {
                const char *words = cw_commands[i].words;
                if (strncmp(words, first, len) != 0 || words[len] != ' ')
                        continue;
                if (any)
                        (void)printf(" %s", words + len + 1);
                else
                        (void)printf("        %s) words='%s", first, words + len + 1);
                any = true;
        }
        if (any)
                (void)printf("' ;;\n");
}

int cw_cmd_completion(struct cw_cli *cli, int count, char **args) {
        (void)cli;
        (void)count;
        (void)args;
        (void)printf(
            "_cardwright() {\n"
            "        local cur=${COMP_WORDS[COMP_CWORD]} words\n"
            "        case ${COMP_WORDS[COMP_CWORD-1]} in\n"
            "        --config|--socket) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n");
        for (size_t i = 0; i < cw_command_count; i++)
                if (!strchr(cw_commands[i].words, ' '))
                        complete_second(cw_commands[i].words);
        (void)printf(
            "        *) words='--json --config --socket --all --watch --no-remake --yes --curve --reader "
            "--profile --data --scp --key --key-label "
            "--diversify --modify --new-key-label --new-diversify --domain --confirm --related --file "
            "--from-jwe --level --product --station --help --version");
        for (size_t i = 0; i < cw_command_count; i++)
                if (!strchr(cw_commands[i].words, ' '))
                        (void)printf(" %s", cw_commands[i].words);
        (void)printf("' ;;\n        esac\n"
                     "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                     "}\ncomplete -F _cardwright cardwright\n");
        return CW_EXIT_OK;
}
