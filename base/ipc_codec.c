/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and their fixed header: memory only, no sockets. */
#include "base/buf.h"
#include "base/ipc_wire.h"

#include <string.h>

void cw_ipc_header_encode(const struct cw_ipc_header *h, uint8_t *bytes) {
        struct cw_writer w;
        cw_writer_init(&w, bytes, CW_IPC_HEADER_BYTES);
        cw_put_be32(&w, CW_IPC_MAGIC);
        cw_put_u8(&w, h->type);
        cw_put_u8(&w, h->att_count);
        cw_put_u8(&w, h->fd_count);
        cw_put_u8(&w, 0);
        cw_put_be32(&w, h->generation);
        cw_put_be32(&w, h->id);
        cw_put_be32(&w, h->json_len);
        for (unsigned i = 0; i < CW_IPC_ATT_MAX; i++)
                cw_put_be32(&w, h->att_len[i]);
}

static bool attachments_valid(const struct cw_ipc_header *h) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < CW_IPC_ATT_MAX; i++) {
                if (i >= h->att_count && h->att_len[i] != 0)
                        return false;
                sum += h->att_len[i];
        }
        return sum <= CW_IPC_ATT_BYTES_MAX;
}

bool cw_ipc_header_valid(const struct cw_ipc_header *h) {
        return h->type >= CW_MSG_REQUEST && h->type <= CW_MSG_EVENT && h->att_count <= CW_IPC_ATT_MAX &&
               h->fd_count <= CW_IPC_FD_MAX && h->json_len >= 2 && h->json_len <= CW_IPC_JSON_MAX &&
               attachments_valid(h);
}

bool cw_ipc_header_decode(const uint8_t *bytes, size_t len, struct cw_ipc_header *ret) {
        struct cw_reader r;
        struct cw_ipc_header h = {0};
        cw_reader_init(&r, bytes, len);
        uint32_t magic = cw_get_be32(&r);
        h.type = cw_get_u8(&r);
        h.att_count = cw_get_u8(&r);
        h.fd_count = cw_get_u8(&r);
        uint8_t zero = cw_get_u8(&r);
        h.generation = cw_get_be32(&r);
        h.id = cw_get_be32(&r);
        h.json_len = cw_get_be32(&r);
        for (unsigned i = 0; i < CW_IPC_ATT_MAX; i++)
                h.att_len[i] = cw_get_be32(&r);
        if (r.bad || magic != CW_IPC_MAGIC || zero != 0 || !cw_ipc_header_valid(&h))
                return false;
        *ret = h;
        return true;
}

size_t cw_ipc_header_total(const struct cw_ipc_header *h) {
        size_t total = CW_IPC_HEADER_BYTES + h->json_len;
        for (unsigned i = 0; i < h->att_count; i++)
                total += h->att_len[i];
        return total;
}

json_t *cw_ipc_json_decode(const char *text, size_t len) {
        json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        if (json_is_object(json))
                return json;
        json_decref(json);
        return NULL;
}

struct cw_msg *cw_msg_new(enum cw_msg_type type) {
        struct cw_msg *m = calloc(1, sizeof *m);
        if (!m)
                return NULL;
        m->type = type;
        m->json = json_object();
        if (!m->json) {
                free(m);
                return NULL;
        }
        return m;
}

void cw_msg_free(struct cw_msg *m) {
        if (!m)
                return;
        json_decref(m->json);
        for (unsigned i = 0; i < m->att_count; i++)
                cw_secret_free(m->att[i]);
        for (unsigned i = 0; i < m->fd_count; i++)
                cw_fd_cleanup(&m->fd[i]);
        free(m);
}

static struct cw_msg *msg_with(enum cw_msg_type type, const char *key, json_t *take_value) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_new(type);
        if (!m) {
                json_decref(take_value);
                return NULL;
        }
        if (json_object_set_new(m->json, key, take_value) < 0)
                return NULL;
        return CW_STEAL(m);
}

struct cw_msg *cw_msg_request(const char *method) {
        return msg_with(CW_MSG_REQUEST, "call", json_string(method));
}

struct cw_msg *cw_msg_event(const char *name) {
        return msg_with(CW_MSG_EVENT, "event", json_string(name));
}

struct cw_msg *cw_msg_ok(const struct cw_msg *request) {
        struct cw_msg *m = msg_with(CW_MSG_REPLY, "ok", json_true());
        if (m)
                m->id = request->id;
        return m;
}

struct cw_msg *cw_msg_error(const struct cw_msg *request, const struct cw_fault *f) {
        CW_AUTO(cw_msg_free) struct cw_msg *m = msg_with(CW_MSG_REPLY, "ok", json_false());
        if (!m || json_object_set_new(m->json, "error", cw_fault_to_json(f)) < 0)
                return NULL;
        m->id = request->id;
        return CW_STEAL(m);
}

cw_rc cw_msg_attach(struct cw_msg *m, struct cw_secret *take) {
        if (m->att_count == CW_IPC_ATT_MAX)
                return CW_RC(CW_L_IPC, CW_C_FATAL, CW_E_TOO_BIG);
        m->att[m->att_count++] = take;
        return CW_OK;
}

cw_rc cw_msg_attach_copy(struct cw_msg *m, const void *bytes, size_t len) {
        CW_AUTO(cw_secret_free) struct cw_secret *s = NULL;
        cw_rc rc = cw_secret_dup(bytes, len, &s);
        if (rc != CW_OK)
                return rc;
        rc = cw_msg_attach(m, s);
        if (rc == CW_OK)
                (void)CW_STEAL(s);
        return rc;
}

cw_rc cw_msg_attach_fd(struct cw_msg *m, int take_fd) {
        if (m->fd_count == CW_IPC_FD_MAX)
                return CW_RC(CW_L_IPC, CW_C_FATAL, CW_E_TOO_BIG);
        m->fd[m->fd_count++] = take_fd;
        return CW_OK;
}

struct cw_secret *cw_msg_take_att(struct cw_msg *m, unsigned i) {
        return i < m->att_count ? CW_STEAL(m->att[i]) : NULL;
}

int cw_msg_take_fd(struct cw_msg *m, unsigned i) {
        return i < m->fd_count ? CW_STEAL_FD(m->fd[i]) : -1;
}

const char *cw_msg_str(const struct cw_msg *m, const char *key, const char *fallback) {
        const char *s = json_string_value(json_object_get(m->json, key));
        return s ? s : fallback;
}

int64_t cw_msg_int(const struct cw_msg *m, const char *key, int64_t fallback) {
        const json_t *v = json_object_get(m->json, key);
        return json_is_integer(v) ? json_integer_value(v) : fallback;
}

bool cw_msg_bool(const struct cw_msg *m, const char *key, bool fallback) {
        const json_t *v = json_object_get(m->json, key);
        return json_is_boolean(v) ? json_is_true(v) : fallback;
}
