/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/daemon/mailer.h"

#include "agent/daemon/api_dcms.h"
#include "agent/daemon/reports.h"
#include "agent/daemon/runs.h"
#include "agent/daemon/views.h"
#include "base/log.h"

#include <string.h>

bool cw_mailer_is_for(const struct cw_daemon *d, const char *plastic_code) {
        const struct cw_config_product *p = cw_config_product(d->config, plastic_code);
        return p && p->pin_source == CW_PIN_MAILER;
}

static cw_rc note(struct cw_daemon *d, const char *job, enum cw_job_event_kind kind, const char *code,
                  const char *actor, struct cw_fault *f) {
        struct cw_job_event e = {.kind = kind};
        struct cw_change change;
        (void)snprintf(e.code, sizeof e.code, "%s", code);
        cw_rc rc = cw_daemon_check(d, cw_journal_apply(d->journal, job, &e, NULL, actor, &change, f), f);
        if (rc == CW_OK) {
                cw_runs_changed(d, &change);
                cw_reports_kick(d->reports);
        }
        return rc;
}

/* The bank repeats what was asked and says whether the PIN goes out. */
static bool goes_out(const struct cw_dcms_reply *reply) {
        return json_is_true(json_object_get(reply->result, "pinRegenerationStatus"));
}

static void on_mailer(struct cw_bank_ask *ask, cw_rc rc, const struct cw_fault *f,
                      const struct cw_dcms_reply *reply) {
        struct cw_daemon *d = ask->daemon;
        struct cw_fault fault = f ? *f : (struct cw_fault){0};
        struct cw_fault journal_fault = {0};
        struct cw_job_row row;
        if (rc == CW_OK && !goes_out(reply))
                rc = cw_fail(&fault, CW_RC(CW_L_UPSTREAM, CW_C_REJECT, CW_E_DENIED), 200, "mailer",
                             "MAILER_REFUSED", "the bank does not send a PIN mailer for this kit");
        bool doubt = cw_rc_class(rc) == CW_C_IN_DOUBT;
        enum cw_job_event_kind kind = rc == CW_OK ? CW_JE_PIN_SET
                                      : doubt     ? CW_JE_PIN_IN_DOUBT
                                                  : CW_JE_PIN_FAILED;
        cw_rc noted = note(d, ask->subject, kind, rc == CW_OK ? "" : fault.code, ask->actor, &journal_fault);
        if (rc == CW_OK && noted != CW_OK)
                fault = journal_fault;
        if (rc == CW_OK && noted == CW_OK)
                noted = cw_daemon_check(d, cw_journal_job(d->journal, ask->subject, &row, &fault), &fault);
        if (rc == CW_OK && noted == CW_OK)
                cw_control_reply(ask->request, cw_view_job(d, &row));
        else
                cw_control_fail(ask->request, &fault);
}

void cw_api_mailer(void *ctx, struct cw_control_request *r) {
        struct cw_daemon *d = ctx;
        struct cw_fault f = {0};
        struct cw_job_row row;
        struct cw_bank_ask ask = {.what = "pin.mailer", .done = on_mailer};
        const char *kit = json_string_value(json_object_get(cw_control_body(r), "kit"));
        if (!kit) {
                cw_bank_refuse(r, CW_E_SYNTAX, "the body needs \"kit\"");
                return;
        }
        cw_rc rc = cw_daemon_check(d, cw_journal_job_by_kit(d->journal, kit, &row, &f), &f);
        if (rc == CW_OK && !cw_mailer_is_for(d, row.kit.plastic_code))
                rc = cw_fail(&f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_DENIED), 0, "mailer", "",
                             "the PIN of this card is chosen at the kiosk; use cardwright release");
        if (rc == CW_OK)
                rc = note(d, row.job.id, CW_JE_PIN_INTENT, "", cw_control_actor(r), &f);
        if (rc != CW_OK) {
                cw_control_fail(r, &f);
                return;
        }
        const struct cw_config_product *p = cw_config_product(d->config, row.kit.plastic_code);
        (void)snprintf(ask.subject, sizeof ask.subject, "%s", row.job.id);
        (void)snprintf(ask.actor, sizeof ask.actor, "%s", cw_control_actor(r));
        cw_bank_ask(d, r, &ask, "kit-manager.regeneratePinMailer",
                    json_pack("{s:s, s:s, s:s, s:s}", "entityId", row.kit.entity, "kitNo", row.kit.kit,
                              "addressType", p->address_type, "homeCurrencyCode", p->mailer_currency),
                    NULL, 0, json_pack("{s:s}", "kit", row.kit.kit));
}
