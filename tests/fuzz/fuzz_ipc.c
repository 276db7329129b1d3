/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram as another process could send it: header and JSON decoders, then the real receive path. */
#include "base/ipc_wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read and written without jansson is what jansson would have read and written. */
static void same_as_jansson(const char *text, size_t len) {
        char ours[4096], theirs[4096];
        CW_AUTO_JSON json_t *json = cw_ipc_json_decode(text, len);
        CW_AUTO_JSON json_t *expected = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        if (json == NULL ? json_is_object(expected) : !json_equal(json, expected))
                abort();
        if (json == NULL)
                return;
        size_t n = json_dumpb(expected, theirs, sizeof theirs, JSON_COMPACT);
        if (cw_ipc_json_encode(json, ours, sizeof ours) != n)
                abort();
        if (n <= sizeof ours && memcmp(ours, theirs, n) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        int fd[2];
        same_as_jansson((const char *)data, size);
        if (size > CW_IPC_HEADER_BYTES)
                same_as_jansson((const char *)data + CW_IPC_HEADER_BYTES, size - CW_IPC_HEADER_BYTES);
        if (size == 0 || size > 65536 || cw_ipc_pair(fd) != CW_OK)
                return 0;
        if (send(fd[0], data, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
                CW_AUTO(cw_msg_free) struct cw_msg *m = NULL;
                struct cw_fault f;
                if (cw_ipc_recv(fd[1], cw_deadline_ns(0), &m, &f) == CW_OK) {
                        struct cw_fault remote;
                        cw_fault_from_json(json_object_get(m->json, "error"), &remote);
                }
        }
        (void)close(fd[0]);
        (void)close(fd[1]);
        return 0;
}
