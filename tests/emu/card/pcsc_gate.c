/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded into a client of pcscd before libpcsclite (LD_PRELOAD): a test learns of every connection and of
 * every command before it goes out, over the stream socket CW_PCSC_GATE names, and the client waits for its
 * word.
 *
 * "connect <reader>" is answered "e" (as the client asks) or "s" (shared and without a transaction, as where
 * a reader or another driver does not give a card away for one alone).
 *
 * "transmit <reader>" is answered by anything, and the command goes on.
 *
 * What the test does meanwhile as a client of its own happens between two commands, at no other time.
 */
#define _GNU_SOURCE
#include <winscard.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CARDS 32
#define NAME_CAP 128

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
        SCARDHANDLE card;
        bool shared;
        char reader[NAME_CAP];
} cards[CARDS];

/* The function of libpcsclite into *ret, an object that holds a function pointer. */
static void real(const char *name, void *ret) {
        *(void **)ret = dlsym(RTLD_NEXT, name);
}

static int gate(void) {
        static int fd = -1;
        const char *path = getenv("CW_PCSC_GATE");
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        if (fd >= 0 || !path || strlen(path) >= sizeof to.sun_path)
                return fd;
        memcpy(to.sun_path, path, strlen(path));
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
                perror("pcsc-gate");
                abort(); /* a test whose gate nobody keeps would prove nothing */
        }
        return fd;
}

/* Called with the lock. */
static char ask(const char *what, const char *reader) {
        char line[NAME_CAP + 16], word = 0;
        int n = snprintf(line, sizeof line, "%s %s\n", what, reader), fd = gate();
        if (fd < 0)
                return 'e';
        if (n < 0 || send(fd, line, (size_t)n, MSG_NOSIGNAL) != n || recv(fd, &word, 1, 0) != 1)
                return 'e'; /* the test has ended */
        return word;
}

static size_t find(SCARDHANDLE card) {
        size_t i = 0;
        while (i < CARDS && cards[i].card != card)
                i++;
        return i;
}

static bool is_shared(SCARDHANDLE card) {
        (void)pthread_mutex_lock(&lock);
        size_t i = find(card);
        bool shared = i < CARDS && cards[i].shared;
        (void)pthread_mutex_unlock(&lock);
        return shared;
}

LONG SCardConnect(SCARDCONTEXT context, LPCSTR reader, DWORD share, DWORD protocols, LPSCARDHANDLE card,
                  LPDWORD protocol) {
        LONG (*f)(SCARDCONTEXT, LPCSTR, DWORD, DWORD, LPSCARDHANDLE, LPDWORD);
        real("SCardConnect", &f);
        bool watched = share == SCARD_SHARE_EXCLUSIVE;
        (void)pthread_mutex_lock(&lock);
        bool shared = watched && ask("connect", reader) == 's';
        (void)pthread_mutex_unlock(&lock);
        LONG rv = f(context, reader, shared ? SCARD_SHARE_SHARED : share, protocols, card, protocol);
        if (rv != SCARD_S_SUCCESS || !watched)
                return rv;
        (void)pthread_mutex_lock(&lock);
        size_t i = find(0);
        if (i == CARDS)
                abort();
        cards[i].card = *card;
        cards[i].shared = shared;
        (void)snprintf(cards[i].reader, sizeof cards[i].reader, "%s", reader);
        (void)pthread_mutex_unlock(&lock);
        return rv;
}

LONG SCardReconnect(SCARDHANDLE card, DWORD share, DWORD protocols, DWORD how, LPDWORD protocol) {
        LONG (*f)(SCARDHANDLE, DWORD, DWORD, DWORD, LPDWORD);
        real("SCardReconnect", &f);
        return f(card, is_shared(card) ? SCARD_SHARE_SHARED : share, protocols, how, protocol);
}

LONG SCardBeginTransaction(SCARDHANDLE card) {
        LONG (*f)(SCARDHANDLE);
        real("SCardBeginTransaction", &f);
        return is_shared(card) ? SCARD_S_SUCCESS : f(card);
}

LONG SCardEndTransaction(SCARDHANDLE card, DWORD how) {
        LONG (*f)(SCARDHANDLE, DWORD);
        real("SCardEndTransaction", &f);
        return is_shared(card) ? SCARD_S_SUCCESS : f(card, how);
}

LONG SCardDisconnect(SCARDHANDLE card, DWORD how) {
        LONG (*f)(SCARDHANDLE, DWORD);
        real("SCardDisconnect", &f);
        (void)pthread_mutex_lock(&lock);
        size_t i = find(card);
        if (i < CARDS)
                cards[i].card = 0;
        (void)pthread_mutex_unlock(&lock);
        return f(card, how);
}

LONG SCardTransmit(SCARDHANDLE card, const SCARD_IO_REQUEST *send_pci, LPCBYTE command, DWORD command_len,
                   SCARD_IO_REQUEST *answer_pci, LPBYTE answer, LPDWORD answer_len) {
        LONG (*f)(SCARDHANDLE, const SCARD_IO_REQUEST *, LPCBYTE, DWORD, SCARD_IO_REQUEST *, LPBYTE, LPDWORD);
        real("SCardTransmit", &f);
        (void)pthread_mutex_lock(&lock);
        size_t i = find(card);
        if (i < CARDS)
                (void)ask("transmit", cards[i].reader);
        (void)pthread_mutex_unlock(&lock);
        return f(card, send_pci, command, command_len, answer_pci, answer, answer_len);
}
