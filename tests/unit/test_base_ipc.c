/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ipc.h"
#include "base/ipc_wire.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <cmocka.h>

static struct cw_msg *receive(int fd) {
        struct cw_msg *m = NULL;
        struct cw_fault f = {0};
        assert_int_equal(cw_ipc_recv(fd, cw_deadline_ns(1000), &m, &f), CW_OK);
        return m;
}

static void a_message_arrives_whole(void **state) {
        (void)state;
        int fd[2];
        assert_int_equal(cw_ipc_pair(fd), CW_OK);
        struct cw_msg *m = cw_msg_request("card.data");
        m->id = 7;
        m->generation = 3;
        assert_int_equal(cw_msg_attach_copy(m, "first", 5), CW_OK);
        assert_int_equal(cw_msg_attach_copy(m, "", 0), CW_OK);
        int dev_null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(dev_null >= 0);
        assert_int_equal(cw_msg_attach_fd(m, dev_null), CW_OK);
        assert_int_equal(cw_ipc_send(fd[0], m, cw_deadline_ns(1000), NULL), CW_OK);
        cw_msg_free(m);

        m = receive(fd[1]);
        assert_string_equal(cw_msg_str(m, "call", ""), "card.data");
        assert_int_equal(m->id, 7);
        assert_int_equal(m->generation, 3);
        assert_int_equal(m->att_count, 2);
        assert_memory_equal(m->att[0]->ptr, "first", 5);
        assert_int_equal(m->att[1]->len, 0);
        int got = cw_msg_take_fd(m, 0);
        assert_true(got >= 0 && (fcntl(got, F_GETFD) & FD_CLOEXEC));
        (void)close(got);
        assert_null(cw_msg_take_att(m, 2));
        cw_msg_free(m);
        (void)close(fd[0]);
        (void)close(fd[1]);
}

static void the_largest_message_fits(void **state) {
        (void)state;
        int fd[2];
        assert_int_equal(cw_ipc_pair(fd), CW_OK);
        struct cw_msg *m = cw_msg_event("big");
        struct cw_secret *s = NULL;
        assert_int_equal(cw_secret_new(CW_IPC_ATT_BYTES_MAX, &s), CW_OK);
        s->len = s->cap;
        assert_int_equal(cw_msg_attach(m, s), CW_OK);
        assert_int_equal(cw_ipc_send(fd[0], m, cw_deadline_ns(1000), NULL), CW_OK);
        struct cw_msg *got = receive(fd[1]);
        assert_int_equal(got->att[0]->len, CW_IPC_ATT_BYTES_MAX);
        cw_msg_free(got);
        assert_int_equal(cw_msg_attach_copy(m, "x", 1), CW_OK);
        assert_int_equal(cw_rc_class(cw_ipc_send(fd[0], m, cw_deadline_ns(1000), NULL)), CW_C_FATAL);
        cw_msg_free(m);
        (void)close(fd[0]);
        (void)close(fd[1]);
}

static void garbage_closes_the_connection(void **state) {
        (void)state;
        uint8_t bytes[CW_IPC_HEADER_BYTES + 2];
        struct cw_ipc_header h = {.type = CW_MSG_REQUEST, .json_len = 2};
        for (int i = 0; i < 5; i++) {
                int fd[2];
                assert_int_equal(cw_ipc_pair(fd), CW_OK);
                cw_ipc_header_encode(&h, bytes);
                memcpy(bytes + CW_IPC_HEADER_BYTES, "{}", 2);
                size_t len = sizeof bytes;
                if (i == 0)
                        bytes[0] ^= 1; /* magic */
                if (i == 1)
                        len = 10; /* short header */
                if (i == 2)
                        len = sizeof bytes - 1; /* shorter than it says */
                if (i == 3)
                        bytes[CW_IPC_HEADER_BYTES] = '['; /* no object */
                if (i == 4)
                        bytes[20] = 1; /* an attachment that is not counted */
                assert_int_equal(send(fd[0], bytes, len, 0), len);
                struct cw_msg *m = NULL;
                struct cw_fault f = {0};
                cw_rc rc = cw_ipc_recv(fd[1], cw_deadline_ns(1000), &m, &f);
                assert_int_equal(rc, CW_RC(CW_L_IPC, CW_C_RECONNECT, CW_E_SYNTAX));
                assert_null(m);
                (void)close(fd[0]);
                (void)close(fd[1]);
        }
}

/* Text that does not fit into what is kept for short ones. */
static void long_json_fits(void **state) {
        (void)state;
        int fd[2];
        char text[6001];
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        assert_int_equal(cw_ipc_pair(fd), CW_OK);
        for (int i = 0; i < 2; i++) {
                struct cw_msg *m = cw_msg_event("long");
                assert_int_equal(json_object_set_new(m->json, "text", json_string(text)), 0);
                if (i == 1)
                        assert_int_equal(json_object_set_new(m->json, "list", json_array()), 0);
                assert_int_equal(cw_msg_attach_copy(m, "tail", 4), CW_OK);
                assert_int_equal(cw_ipc_send(fd[0], m, cw_deadline_ns(1000), NULL), CW_OK);
                struct cw_msg *got = receive(fd[1]);
                assert_true(json_equal(got->json, m->json));
                assert_memory_equal(got->att[0]->ptr, "tail", 4);
                cw_msg_free(got);
                cw_msg_free(m);
        }
        struct cw_msg *m = cw_msg_event("longer");
        for (char key[2] = "a"; key[0] < 'd'; key[0]++)
                assert_int_equal(json_object_set_new(m->json, key, json_string(text)), 0);
        assert_int_equal(cw_rc_class(cw_ipc_send(fd[0], m, cw_deadline_ns(1000), NULL)), CW_C_FATAL);
        cw_msg_free(m);
        (void)close(fd[0]);
        (void)close(fd[1]);
}

/* A file descriptor that comes with a malformed datagram does not stay open. */
static void a_descriptor_of_garbage_is_closed(void **state) {
        (void)state;
        union {
                char bytes[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = {.bytes = {0}};
        struct iovec iov = {.iov_base = control.bytes, .iov_len = 8};
        struct msghdr mh = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
        struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
        struct cw_msg *m = NULL;
        struct cw_fault f = {0};
        int fd[2], ends[2];
        assert_int_equal(cw_ipc_pair(fd), CW_OK);
        assert_int_equal(cw_ipc_pair(ends), CW_OK);
        *c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(c), &ends[1], sizeof(int));
        assert_int_equal(sendmsg(fd[0], &mh, 0), 8);
        (void)close(ends[1]);
        assert_int_equal(cw_ipc_recv(fd[1], cw_deadline_ns(1000), &m, &f),
                         CW_RC(CW_L_IPC, CW_C_RECONNECT, CW_E_SYNTAX));
        assert_int_equal(recv(ends[0], &(char){0}, 1, 0), 0); /* its last holder is gone */
        (void)close(ends[0]);
        (void)close(fd[0]);
        (void)close(fd[1]);
}

static void *receive_in_thread(void *fd) {
        return receive(*(const int *)fd);
}

/* Room for messages is a thread's own and not its child's: both receive after this process did. */
static void each_process_and_thread_receives(void **state) {
        (void)state;
        int fd[2], status = 0;
        pthread_t thread;
        void *in_thread = NULL;
        struct cw_msg *m = cw_msg_event("here");
        assert_int_equal(cw_msg_attach_copy(m, "sesame", 6), CW_OK);
        assert_int_equal(cw_ipc_pair(fd), CW_OK);
        for (int i = 0; i < 3; i++)
                assert_int_equal(cw_ipc_send(fd[0], m, cw_deadline_ns(1000), NULL), CW_OK);
        cw_msg_free(m);
        cw_msg_free(receive(fd[1]));
        assert_int_equal(cw_ipc_inbox()[CW_IPC_HEADER_BYTES], 0); /* and keeps nothing */
        pid_t pid = fork();
        if (pid == 0) {
                struct cw_msg *got = NULL;
                bool good = cw_ipc_recv(fd[1], cw_deadline_ns(1000), &got, NULL) == CW_OK &&
                            memcmp(got->att[0]->ptr, "sesame", 6) == 0;
                cw_msg_free(got);
                _exit(good ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_int_equal(pthread_create(&thread, NULL, receive_in_thread, &fd[1]), 0);
        assert_int_equal(pthread_join(thread, &in_thread), 0);
        assert_memory_equal(((struct cw_msg *)in_thread)->att[0]->ptr, "sesame", 6);
        cw_msg_free(in_thread);
        (void)close(fd[0]);
        (void)close(fd[1]);
}

static void silence_and_hang_up_differ(void **state) {
        (void)state;
        int fd[2];
        struct cw_msg *m = NULL;
        struct cw_fault f = {0};
        assert_int_equal(cw_ipc_pair(fd), CW_OK);
        assert_true(cw_ipc_peer_is_ours(fd[1]));
        assert_false(cw_ipc_peer_is_ours(-1));
        assert_int_equal(cw_rc_class(cw_ipc_recv(fd[1], cw_deadline_ns(10), &m, &f)), CW_C_RETRY);
        (void)close(fd[0]);
        assert_int_equal(cw_rc_class(cw_ipc_recv(fd[1], cw_deadline_ns(10), &m, &f)), CW_C_RECONNECT);
        (void)close(fd[1]);
}

static void *send_later(void *fd) {
        (void)usleep(20000); /* long after the looking without sleep has ended */
        return (void *)(intptr_t)send(*(int *)fd, "x", 1, 0);
}

static void an_answer_is_seen_awake_and_asleep(void **state) {
        (void)state;
        int fd[2];
        pthread_t thread;
        assert_int_equal(cw_ipc_pair(fd), CW_OK);
        struct pollfd p = {.fd = fd[1], .events = POLLIN};
        assert_int_equal(cw_poll_awake(&p, 1, 0), 0);
        assert_int_equal(cw_poll_awake(&p, 1, 2), 0);
        assert_int_equal(pthread_create(&thread, NULL, send_later, &fd[0]), 0);
        assert_int_equal(cw_poll_awake(&p, 1, -1), 1);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(cw_poll_awake(&p, 1, -1), 1);
        (void)close(fd[0]);
        (void)close(fd[1]);
}

static void a_memfd_must_be_sealed(void **state) {
        (void)state;
        int fd = -1;
        const void *p = NULL;
        size_t len = 0;
        assert_int_equal(cw_memfd_from("panel", "dots", 4, &fd), CW_OK);
        assert_int_equal(cw_memfd_map(fd, 3, &p, &len), CW_RC(CW_L_IPC, CW_C_REJECT, CW_E_TOO_BIG));
        assert_int_equal(cw_memfd_map(fd, 4, &p, &len), CW_OK);
        assert_memory_equal(p, "dots", 4);
        union {
                const void *in;
                void *out;
        } cast = {p};
        (void)munmap(cast.out, len);
        (void)close(fd);
        fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        assert_int_equal(ftruncate(fd, 4), 0);
        assert_int_equal(cw_memfd_map(fd, 4, &p, &len), CW_RC(CW_L_IPC, CW_C_REJECT, CW_E_SYNTAX));
        (void)close(fd);
}

/* A little server and client on one loop. */
struct world {
        struct cw_loop *loop;
        struct cw_peer *server;
        struct cw_peer *client;
        int replies;
        cw_rc last_rc;
        int closed;
};

static void serve(void *ctx, struct cw_peer *p, struct cw_msg *request) {
        (void)ctx;
        struct cw_fault f = {0};
        const char *call = cw_msg_str(request, "call", "");
        if (strcmp(call, "echo") == 0)
                cw_peer_send(p, cw_msg_ok(request));
        if (strcmp(call, "refuse") == 0) {
                (void)cw_fail(&f, CW_RC(CW_L_HSM, CW_C_REJECT, CW_E_DENIED), 0, "x", "", "no");
                cw_peer_send(p, cw_msg_error(request, &f));
        }
}

static void lost(void *ctx, struct cw_peer *p, const struct cw_fault *why) {
        (void)p;
        (void)why;
        ((struct world *)ctx)->closed++;
}

static const struct cw_peer_ops world_ops = {serve, NULL, lost};

static void answered(void *ctx, cw_rc rc, const struct cw_fault *f, struct cw_msg *reply) {
        struct world *w = ctx;
        (void)f;
        w->replies++;
        w->last_rc = rc;
        assert_true((rc == CW_OK) == (reply != NULL));
}

static void run(struct world *w, int replies) {
        for (int i = 0; i < 200 && w->replies < replies; i++)
                cw_loop_run_once(w->loop, 10);
        assert_int_equal(w->replies, replies);
}

static void calls_are_answered_exactly_once(void **state) {
        (void)state;
        struct world w = {0};
        int fd[2];
        assert_int_equal(cw_loop_new(cw_clock_real(), &w.loop), CW_OK);
        assert_int_equal(cw_ipc_pair(fd), CW_OK);
        assert_int_equal(cw_peer_new(w.loop, fd[0], &world_ops, &w, &w.server), CW_OK);
        assert_int_equal(cw_peer_new(w.loop, fd[1], &world_ops, &w, &w.client), CW_OK);
        cw_peer_call(w.client, cw_msg_request("echo"), 1000, answered, &w);
        run(&w, 1);
        assert_int_equal(w.last_rc, CW_OK);
        cw_peer_call(w.client, cw_msg_request("refuse"), 1000, answered, &w);
        run(&w, 2);
        assert_int_equal(cw_rc_layer(w.last_rc), CW_L_HSM);
        cw_peer_call(w.client, cw_msg_request("silence"), 20, answered, &w);
        run(&w, 3);
        assert_int_equal(cw_rc_class(w.last_rc), CW_C_IN_DOUBT);
        cw_peer_call(w.client, cw_msg_request("silence"), 5000, answered, &w);
        cw_peer_free(w.server);
        run(&w, 4);
        assert_int_equal(cw_rc_class(w.last_rc), CW_C_RECONNECT);
        assert_int_equal(w.closed, 1);
        cw_peer_call(w.client, cw_msg_request("echo"), 1000, answered, &w);
        run(&w, 5);
        cw_peer_free(w.client);
        cw_loop_free(w.loop);
}

int main(void) {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_message_arrives_whole),
            cmocka_unit_test(the_largest_message_fits),
            cmocka_unit_test(long_json_fits),
            cmocka_unit_test(a_descriptor_of_garbage_is_closed),
            cmocka_unit_test(each_process_and_thread_receives),
            cmocka_unit_test(garbage_closes_the_connection),
            cmocka_unit_test(silence_and_hang_up_differ),
            cmocka_unit_test(an_answer_is_seen_awake_and_asleep),
            cmocka_unit_test(a_memfd_must_be_sealed),
            cmocka_unit_test(calls_are_answered_exactly_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
