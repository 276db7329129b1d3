/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a thread receives its datagrams. One takes a single system call when there is room for the largest
 * before its size is known; the pages are locked as they are first touched, so that room which no message
 * needs is no memory.
 */
#include "base/ipc_wire.h"

#include <pthread.h>
#include <sys/mman.h>

static pthread_key_t at_thread_end;
static bool started;
static _Thread_local uint8_t *inbox;

static void unmap(void *p) {
        (void)munmap(p, CW_IPC_DATAGRAM_MAX);
}

/* Locks do not outlive a fork. */
static void in_child(void) {
        if (inbox != NULL)
                unmap(inbox);
        inbox = NULL;
        (void)pthread_setspecific(at_thread_end, NULL);
}

__attribute__((constructor)) static void start(void) {
        started = pthread_key_create(&at_thread_end, unmap) == 0 && pthread_atfork(NULL, NULL, in_child) == 0;
}

uint8_t *cw_ipc_inbox(void) {
        if (inbox != NULL || !started)
                return inbox;
        void *p = mmap(NULL, CW_IPC_DATAGRAM_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return NULL;
        if (mlock2(p, CW_IPC_DATAGRAM_MAX, MLOCK_ONFAULT) < 0 ||
            madvise(p, CW_IPC_DATAGRAM_MAX, MADV_DONTDUMP) < 0 ||
            madvise(p, CW_IPC_DATAGRAM_MAX, MADV_WIPEONFORK) < 0 ||
            pthread_setspecific(at_thread_end, p) != 0) {
                unmap(p);
                return NULL;
        }
        return inbox = p;
}
