/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to a session, from cardwrightd and from a station, in any order. Input: repeatedly one byte (bit
 * 0: from the station; bits 1, 2: attachments), one packed item with JSON, one packed item per attachment.
 */
#include "../unit/test_hsm_sess_rig.h"

#include "base/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cw_msg *read_request(struct cw_reader *r, enum cw_sess_from *ret_from) {
        uint8_t flags = cw_get_u8(r);
        struct cw_span text = cw_get_item(r);
        if (r->bad)
                return NULL;
        CW_AUTO(cw_msg_free) struct cw_msg *m = cw_msg_new(CW_MSG_REQUEST);
        json_t *json = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
        if (m == NULL || !json_is_object(json)) {
                json_decref(json);
                return NULL;
        }
        json_decref(m->json);
        m->json = json;
        for (int i = 0; i < ((flags >> 1) & 3); i++) {
                struct cw_span att = cw_get_item(r);
                if (cw_msg_attach_copy(m, att.ptr, att.len) != CW_OK)
                        return NULL;
        }
        *ret_from = (flags & 1) != 0 ? CW_FROM_STATION : CW_FROM_AGENT;
        return CW_STEAL(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct sess_rig rig;
        struct cw_sess *s = NULL;
        struct cw_reader r;
        bool go_on = true;
        sess_rig_init(&rig, "/nonexistent");
        if (cw_sess_new(&rig.env, &s, NULL) != CW_OK)
                abort();
        cw_reader_init(&r, data, size);
        for (int i = 0; i < 32 && go_on && r.left > 0; i++) {
                enum cw_sess_from from;
                CW_AUTO(cw_msg_free) struct cw_msg *request = read_request(&r, &from), *reply = NULL;
                if (request == NULL)
                        break;
                go_on = cw_sess_call(s, from, request, &reply);
                if (reply == NULL || (!go_on && cw_msg_bool(reply, "ok", false)))
                        abort();
        }
        cw_sess_free(s);
        if (soft_key_count(rig.soft) != sess_rig_own_keys())
                abort();
        sess_rig_done(&rig);
        return 0;
}
