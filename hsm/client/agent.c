/* SPDX-License-Identifier: Apache-2.0 */
/* cardwrightd's half: requests for an asynchronous peer, readers of their replies. */
#include "hsm/client/hsm_client.h"

#include <string.h>

static struct cw_msg *member(struct cw_msg *m, const char *key, json_t *value) {
        if (m != NULL && json_object_set_new(m->json, key, value) == 0)
                return m;
        if (m == NULL)
                json_decref(value);
        cw_msg_free(m);
        return NULL;
}

static struct cw_msg *text_att(struct cw_msg *m, const char *text) {
        if (m != NULL && cw_msg_attach_copy(m, text, strlen(text)) == CW_OK)
                return m;
        cw_msg_free(m);
        return NULL;
}

static struct cw_msg *of_session(const char *name, int64_t session) {
        return member(cw_msg_request(name), "session", json_integer(session));
}

struct cw_msg *cw_hsm_msg_hello(uint32_t generation) {
        struct cw_msg *m = cw_msg_request("hello");
        if (m != NULL)
                m->generation = generation;
        return member(m, "generation", json_integer(generation));
}

struct cw_msg *cw_hsm_msg_open_issue(const struct cw_hsm_issue *issue) {
        struct cw_msg *m = cw_msg_request("session.open");
        m = member(m, "kind", json_string("issue"));
        m = member(m, "job", json_string(issue->job));
        m = member(m, "kit", json_string(issue->kit));
        m = member(m, "plastic_code", json_string(issue->plastic_code));
        m = member(m, "expiry", json_string(issue->expiry));
        m = member(m, "name", json_string(issue->name));
        return text_att(m, issue->encrypted_card_number);
}

struct cw_msg *cw_hsm_msg_open_kiosk(const char *ticket) {
        struct cw_msg *m = cw_msg_request("session.open");
        m = member(m, "kind", json_string("kiosk"));
        return member(m, "ticket", json_string(ticket));
}

struct cw_msg *cw_hsm_msg_open_bench(const struct cw_hsm_bench *bench) {
        struct cw_msg *m = cw_msg_request("session.open");
        m = member(m, "kind", json_string("bench"));
        m = member(m, "job", json_string(bench->job));
        m = member(m, "key_label", json_string(bench->key_label));
        m = member(m, "diversify", json_string(bench->diversify));
        m = member(m, "profile", json_string(bench->profile));
        if (bench->delete_aid) {
                m = member(m, "delete", json_string(bench->delete_aid));
                m = member(m, "reader", json_string(bench->reader));
        }
        if (bench->new_key_label)
                m = member(m, "new_key_label", json_string(bench->new_key_label));
        if (bench->new_diversify)
                m = member(m, "new_diversify", json_string(bench->new_diversify));
        m = member(m, "product", json_string(bench->product));
        m = member(m, "any_product", json_boolean(bench->any_product));
        return member(m, "scp", json_integer(bench->scp));
}

struct cw_msg *cw_hsm_msg_open_service(const struct cw_hsm_service *service) {
        struct cw_msg *m = cw_msg_request("session.open");
        m = member(m, "kind", json_string("service"));
        m = member(m, "job", json_string(service->job));
        m = member(m, "plastic_code", json_string(service->plastic_code));
        m = member(m, "expiry", json_string(service->expiry));
        if (service->birth_date != NULL)
                m = member(m, "birth_date", json_string(service->birth_date));
        if (service->issuer_keys != NULL)
                m = member(m, "issuer_keys", json_string(service->issuer_keys));
        return text_att(m, service->encrypted_card_number);
}

struct cw_msg *cw_hsm_msg_close(int64_t session) {
        return of_session("session.close", session);
}

struct cw_msg *cw_hsm_msg_kiosk_bind(int64_t session, const struct cw_hsm_kiosk_kit *kit) {
        struct cw_msg *m = of_session("kiosk.bind", session);
        m = member(m, "kit", json_string(kit->kit));
        m = member(m, "plastic_code", json_string(kit->plastic_code));
        m = member(m, "expiry", json_string(kit->expiry));
        if (*kit->birth_date)
                m = member(m, "birth_date", json_string(kit->birth_date));
        if (*kit->issuer_keys)
                m = member(m, "issuer_keys", json_string(kit->issuer_keys));
        return text_att(m, kit->encrypted_card_number);
}

struct cw_msg *cw_hsm_msg_kiosk_seal_pan(int64_t session) {
        return of_session("kiosk.seal_pan", session);
}

struct cw_msg *cw_hsm_msg_pin_form(int64_t session, const char *form) {
        struct cw_msg *m = of_session("pin.form", session);
        if (m && *form)
                (void)json_object_set_new(m->json, "form", json_string(form));
        return m;
}

static cw_rc malformed(struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_HSM, CW_C_RECONNECT, CW_E_SYNTAX), 0, "hsm.reply", "",
                       "hsmd answered in a way that is not agreed; are both of the same version?");
}

cw_rc cw_hsm_reply_opened(struct cw_msg *reply, struct cw_hsm_opened *ret, struct cw_fault *f) {
        struct cw_hsm_opened o = {.session = cw_msg_int(reply, "session", 0)};
        const char *hash = cw_msg_str(reply, "pan_hash", ""), *masked = cw_msg_str(reply, "masked_pan", "");
        if (o.session <= 0 || strlen(hash) >= sizeof(o.pan_hash) || strlen(masked) >= sizeof(o.masked_pan))
                return malformed(f);
        memcpy(o.pan_hash, hash, strlen(hash));
        memcpy(o.masked_pan, masked, strlen(masked));
        o.fd = cw_msg_take_fd(reply, 0);
        if (o.fd < 0)
                return malformed(f);
        *ret = o;
        return CW_OK;
}

cw_rc cw_hsm_reply_text(struct cw_msg *reply, struct cw_secret **ret, struct cw_fault *f) {
        struct cw_secret *text = cw_msg_take_att(reply, 0);
        if (text == NULL)
                return malformed(f);
        *ret = text;
        return CW_OK;
}
