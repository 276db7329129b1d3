/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cli/secret_prompt.h"

#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define LINE_MAX_LEN 200u

static volatile sig_atomic_t stopped;

static void on_signal(int signo) {
        (void)signo;
        stopped = 1;
}

static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};
#define SIGNALS (sizeof signals / sizeof signals[0])

/* Byte by byte and unbuffered: no copy of the line stays in a stream's buffer. */
static bool read_line(struct cw_secret *line) {
        for (;;) {
                uint8_t c = 0;
                ssize_t n = read(STDIN_FILENO, &c, 1);
                if (n <= 0 || stopped)
                        return false;
                if (c == '\n' || c == '\r')
                        return true;
                if (line->len < line->cap)
                        line->ptr[line->len++] = c;
        }
}

static bool read_unseen(struct cw_secret *line, const char *prompt) {
        struct termios was, now;
        if (tcgetattr(STDIN_FILENO, &was) != 0) {
                (void)fprintf(stderr,
                              "cardwright: this is entered at a terminal, not from a file or a pipe\n");
                return false;
        }
        now = was;
        now.c_lflag &= ~(tcflag_t)ECHO;
        now.c_lflag |= ECHONL;
        if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &now) != 0)
                return false;
        (void)fprintf(stderr, "%s", prompt);
        (void)fflush(stderr);
        bool got = read_line(line);
        return tcsetattr(STDIN_FILENO, TCSAFLUSH, &was) == 0 && got;
}

struct cw_secret *cw_secret_prompt(const char *prompt) {
        struct sigaction was[SIGNALS];
        const struct sigaction now = {.sa_handler = on_signal}; /* no SA_RESTART: read ends */
        CW_AUTO(cw_secret_free) struct cw_secret *line = NULL;
        if (cw_secret_new(LINE_MAX_LEN, &line) != CW_OK) {
                (void)fprintf(stderr, "cardwright: no locked memory; raise the limit (ulimit -l)\n");
                return NULL;
        }
        stopped = 0;
        for (size_t i = 0; i < SIGNALS; i++)
                (void)sigaction(signals[i], &now, &was[i]);
        bool got = read_unseen(line, prompt);
        for (size_t i = 0; i < SIGNALS; i++)
                (void)sigaction(signals[i], &was[i], NULL);
        return got ? CW_STEAL(line) : NULL;
}
