/* SPDX-License-Identifier: Apache-2.0 */
/* The command line all daemons share. */
#include "config/config.h"

#include <string.h>

struct options {
        const char *config;
        bool check, print, schema, version, help;
};

static bool take_flag(struct options *o, const char *arg) {
        const struct {
                const char *name;
                bool *flag;
        } flags[] = {{"--check-config", &o->check},
                     {"--print-config", &o->print},
                     {"--print-schema", &o->schema},
                     {"--version", &o->version},
                     {"--help", &o->help}};
        for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
                if (strcmp(flags[i].name, arg) != 0)
                        continue;
                *flags[i].flag = true;
                return true;
        }
        return false;
}

/* The slot a "--name VALUE" pair belongs in, or NULL. */
static const char **value_slot(struct options *o, const char *arg, const char *const *names,
                               const char **values) {
        if (strcmp(arg, "--config") == 0)
                return &o->config;
        for (size_t i = 0; names && names[i]; i++)
                if (strncmp(arg, "--", 2) == 0 && strcmp(arg + 2, names[i]) == 0)
                        return &values[i];
        return NULL;
}

static bool parse(int argc, char **argv, const char *const *names, const char **values, struct options *o) {
        for (int i = 1; i < argc; i++) {
                if (take_flag(o, argv[i]))
                        continue;
                const char **slot = value_slot(o, argv[i], names, values);
                if (!slot || i + 1 == argc) {
                        (void)fprintf(stderr, "%s: %s '%s'; try --help\n", argv[0],
                                      slot ? "a value is missing after" : "unknown option", argv[i]);
                        return false;
                }
                *slot = argv[++i];
        }
        return true;
}

static void print_help(const char *program, const char *const *names) {
        (void)printf("usage: %s [--config FILE]", program);
        for (size_t i = 0; names && names[i]; i++)
                (void)printf(" --%s VALUE", names[i]);
        (void)printf("\n       %s --check-config | --print-config | --print-schema | --version | --help\n",
                     program);
        (void)printf("The default configuration is %s with conf.d/*.json beside it.\n",
                     CW_CONFIG_DEFAULT_PATH);
}

static int print_and_exit(const struct options *o, const struct cw_config *c) {
        if (o->print)
                return cw_config_print(c, stdout) == CW_OK ? 0 : 1;
        (void)printf("%s: ok\n", o->config);
        return 0;
}

bool cw_config_main(int argc, char **argv, const char *const *extra_names, const char **extra_values,
                    cw_config_check_fn check, struct cw_config **ret, int *ret_exit) {
        struct options o = {.config = CW_CONFIG_DEFAULT_PATH};
        *ret_exit = 2;
        if (!parse(argc, argv, extra_names, extra_values, &o))
                return true;
        *ret_exit = 0;
        if (o.help)
                print_help(argv[0], extra_names);
        if (o.version)
                (void)printf("%s %s\n", argv[0], CW_VERSION);
        if (o.schema)
                *ret_exit = cw_config_schema(stdout) == CW_OK ? 0 : 1;
        if (o.help || o.version || o.schema)
                return true;
        struct cw_fault f = {0};
        CW_AUTO(cw_config_free) struct cw_config *config = NULL;
        if (cw_config_load(o.config, stderr, &config, &f) != CW_OK) {
                *ret_exit = 1;
                return true;
        }
        if (!o.print && check && check(config, &f) != CW_OK) {
                (void)fprintf(stderr, "%s: %s\n", o.config, f.text);
                *ret_exit = 1;
                return true;
        }
        if (o.check || o.print) {
                *ret_exit = print_and_exit(&o, config);
                return true;
        }
        *ret = CW_STEAL(config);
        return false;
}
