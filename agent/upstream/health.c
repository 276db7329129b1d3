/* SPDX-License-Identifier: Apache-2.0 */
/* What status and doctor show of the server. */
#include "agent/upstream/client.h"

void cw_health_note(struct cw_dcms *d, const struct cw_http_result *http, const struct cw_answer *a) {
        struct cw_dcms_health *h = &d->health;
        int64_t now = cw_wall_ms(d->clock);
        h->exchanges++;
        h->last_try_ms = now;
        if (http->rc == CW_OK) {
                h->last_contact_ms = now;
                if (http->date_ms)
                        h->clock_offset_ms = http->date_ms - now;
        }
        if (a->verdict == CW_ANSWER_PERSON)
                h->state = CW_DCMS_NEEDS_PERSON;
        else if (http->rc != CW_OK)
                h->state = CW_DCMS_OFFLINE;
        else if (a->verdict == CW_ANSWER_OK || a->verdict == CW_ANSWER_REFUSED)
                h->state = CW_DCMS_ONLINE;
        if (a->verdict == CW_ANSWER_OK || a->verdict == CW_ANSWER_REFUSED) {
                h->last_fault = (struct cw_fault){.rc = CW_OK};
        } else {
                h->last_fault = a->fault;
                h->failures++;
        }
}

static int days(int64_t end_ms, int64_t now) {
        return end_ms ? cw_tls_days_left(end_ms, now) : 0;
}

void cw_dcms_health(const struct cw_dcms *d, struct cw_dcms_health *ret) {
        int64_t now = cw_wall_ms(d->clock);
        struct cw_dcms_health h = d->health;
        h.token_held = d->token != NULL;
        h.token_expires_ms = d->token ? d->token_expires_ms : 0;
        h.server_cert_end_ms = cw_tls_server_end_ms(d->tls);
        h.server_cert_days_left = days(h.server_cert_end_ms, now);
        h.client_cert_end_ms = cw_tls_client_end_ms(d->tls);
        h.client_cert_days_left = days(h.client_cert_end_ms, now);
        h.ca_end_ms = cw_tls_ca_end_ms(d->tls);
        h.ca_days_left = days(h.ca_end_ms, now);
        h.open_calls = 0;
        for (const struct cw_call *c = d->calls; c; c = c->next)
                h.open_calls++;
        *ret = h;
}

const char *cw_dcms_state_name(enum cw_dcms_state state) {
        switch (state) {
        case CW_DCMS_UNTRIED:
                return "untried";
        case CW_DCMS_ONLINE:
                return "online";
        case CW_DCMS_OFFLINE:
                return "offline";
        case CW_DCMS_NEEDS_PERSON:
                return "needs-person";
        }
        return "unknown";
}
