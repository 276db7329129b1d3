/* SPDX-License-Identifier: Apache-2.0 */
/* A datagram as another process could send it: header and JSON decoders, then the real receive path. */
#include "base/ipc_wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        int fd[2];
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
