/* SPDX-License-Identifier: Apache-2.0 */
/* cardwright-face: draws one card face for the station that started it, and ends. */
#include "base/clock.h"
#include "drivers/face/render.h"
#include "drivers/face/show.h"
#include "drivers/face/wire.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define LIFE_MS 60000
#define CPU_LIMIT_S 30
#define MEMORY_LIMIT ((rlim_t)1 << 30)

/* A picture or a font made to exhaust the machine ends this process and nothing else. */
static void limit(void) {
        struct rlimit cpu = {CPU_LIMIT_S, CPU_LIMIT_S};
        (void)setrlimit(RLIMIT_CPU, &cpu);
#ifndef CW_FACE_NO_MEMORY_LIMIT /* sanitizers map far more than they use */
        struct rlimit memory = {MEMORY_LIMIT, MEMORY_LIMIT};
        (void)setrlimit(RLIMIT_AS, &memory);
#endif
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static cw_rc answer(const struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        char names[CW_FACE_FIELDS_MAX][CW_FACE_NAME_MAX + 1];
        CW_AUTO(cw_panels_free) struct cw_panels *panels = NULL;
        struct cw_face_data data;
        if (strcmp(cw_msg_str(request, "call", ""), CW_FACE_CALL) != 0 ||
            cw_face_request_data(request, &data, names) != CW_OK)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_SYNTAX), 0, "face.draw",
                               "PRD_UNEXPECTED_DATA", "the drawing request is malformed");
        int memfd = -1;
        cw_rc rc = cw_face_render(cw_msg_str(request, "template", ""), &data,
                                  cw_msg_str(request, "curve", ""), &panels, f);
        if (rc == CW_OK)
                rc = cw_panels_to_fd(panels, &memfd, f);
        if (rc == CW_OK)
                rc = cw_msg_attach_fd(reply, memfd);
        return rc;
}

static int serve(int fd) {
        CW_AUTO(cw_msg_free) struct cw_msg *request = NULL;
        CW_AUTO(cw_msg_free) struct cw_msg *error = NULL;
        struct cw_fault fault = {0};
        int64_t deadline_ns = cw_deadline_ns(LIFE_MS);
        if (cw_ipc_recv(fd, deadline_ns, &request, &fault) != CW_OK)
                return 1;
        CW_AUTO(cw_msg_free) struct cw_msg *reply = cw_msg_ok(request);
        if (!reply)
                return 1;
        if (answer(request, reply, &fault) == CW_OK)
                return cw_ipc_send(fd, reply, deadline_ns, &fault) == CW_OK ? 0 : 1;
        error = cw_msg_error(request, &fault);
        return error && cw_ipc_send(fd, error, deadline_ns, &fault) == CW_OK ? 0 : 1;
}

int main(int argc, char **argv) {
        struct stat st;
        if (argc > 1) {
                cw_process_harden();
                limit();
                return cw_face_show(argc, argv);
        }
        if (fstat(CW_FACE_FD, &st) != 0 || !S_ISSOCK(st.st_mode)) {
                (void)fputs("cardwright-face is started by cardwright-stationd only; "
                            "to look at a card face use: cardwright face render\n",
                            stderr);
                return 2;
        }
        cw_process_harden();
        limit();
        return serve(CW_FACE_FD);
}
