/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the finished chip the way a terminal does and compares all of it with what was to be written. */
#include "drivers/station/station.h"

#include "drivers/chip/directory.h"
#include "drivers/chip/offline.h"
#include "drivers/chip/script.h"
#include "drivers/chip/tlv.h"
#include "drivers/station/ca.h"

#include <string.h>

struct verify {
        struct cw_step_run *run;
        struct cw_work *work;
        struct cw_card_channel *channel;
        struct cw_terminal terminal;
        struct cw_offline offline;
        unsigned records;
};

static cw_rc differs(struct cw_fault *f, const char *what) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_CONTENT), 0, "station.verify",
                       "PRD_SMARTCARD",
                       "%s on the chip is not what was to be written; the card is to be rejected", what);
}

static bool equal(struct cw_span a, struct cw_span b) {
        return a.len == b.len && (a.len == 0 || cw_equal_ct(a.ptr, b.ptr, a.len));
}

/* The chip under the contacts is the one that was personalised: by its CPLC, never because a card is there.
 */
static cw_rc check_identity(struct verify *v, struct cw_fault *f) {
        char cplc[CW_CPLC_HEX];
        const char *want = v->work->cplc;
        const char *baseline = json_string_value(json_object_get(v->run->baseline, "cplc"));
        if (!*want && baseline)
                want = baseline;
        cw_rc rc = cw_gp_identify(v->channel, &v->work->data->profile->security_domain, CW_APDU_TIMEOUT_MS,
                                  cplc, NULL, f);
        if (rc != CW_OK)
                return rc;
        cw_result_evidence(v->run->result, "cplc", cplc);
        if (*want && !cw_cplc_same_chip(cplc, want))
                return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_IDENTITY), 0, "station.verify",
                               "PRD_SMARTCARD",
                               "another chip is under the contacts than the one that was personalised; "
                               "reject the card and look into the printer");
        return CW_OK;
}

/* The profile may give template A5 with or without its own header. */
static cw_rc check_fci(struct verify *v, struct cw_span fci, struct cw_fault *f) {
        const struct cw_perso_dgi *want = cw_perso_data_role(v->work->data, CW_DGI_FCI);
        struct cw_span got, inner;
        if (!want)
                return differs(f, "the answer to SELECT");
        if (!cw_tlv_find(fci, 0xa5, &got))
                return differs(f, "the answer to SELECT");
        bool wrapped = want->value.ptr[0] == 0xa5 && cw_tlv_find(want->value, 0xa5, &inner);
        return equal(got, wrapped ? inner : want->value) ? CW_OK : differs(f, "the answer to SELECT");
}

static cw_rc check_gpo(struct verify *v, struct cw_fault *f) {
        static const uint32_t tags[] = {0x82, 0x94};
        const struct cw_perso_dgi *want = cw_perso_data_role(v->work->data, CW_DGI_GPO);
        for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
                struct cw_span a, b;
                if (!want || !cw_tlv_find(want->value, tags[i], &a) ||
                    !cw_elements_get(v->terminal.elements, tags[i], &b) || !equal(a, b))
                        return differs(f, "the answer to GET PROCESSING OPTIONS");
        }
        return CW_OK;
}

static cw_rc on_record(void *ctx, uint8_t sfi, uint8_t record, struct cw_span whole, struct cw_fault *f) {
        struct verify *v = ctx;
        const struct cw_perso_dgi *want = cw_perso_data_record(v->work->data, sfi, record);
        v->records++;
        /* Its certificates were made in a session that is gone: the terminal's checks judge them. */
        if (want && want->rule->certs && !v->work->stored)
                return CW_OK;
        return want && equal(want->value, whole) ? CW_OK : differs(f, "a record");
}

static cw_rc check_track2(struct verify *v, struct cw_fault *f) {
        struct cw_span got;
        const struct cw_secret *want = v->work->card.track2_equivalent;
        if (!cw_elements_get(v->terminal.elements, 0x57, &got) || !equal(got, CW_SPAN(want->ptr, want->len)))
                return differs(f, "the track 2 equivalent data");
        return CW_OK;
}

static cw_rc read_all(struct verify *v, struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu fci = {0};
        cw_rc rc = cw_terminal_select(&v->terminal, &fci, f);
        if (rc == CW_OK)
                rc = check_fci(v, CW_SPAN(fci.data, fci.len), f);
        if (rc == CW_OK)
                rc = cw_terminal_start(&v->terminal, f);
        if (rc == CW_OK)
                rc = check_gpo(v, f);
        if (rc == CW_OK)
                rc = cw_terminal_read_records(&v->terminal, on_record, v, f);
        return rc == CW_OK ? check_track2(v, f) : rc;
}

static bool has_a5(struct cw_span fci, struct cw_span want) {
        struct cw_span got;
        return cw_tlv_valid(fci) && cw_tlv_find(fci, 0xa5, &got) && equal(got, want);
}

/* Directories and whatever else is on the card beside the payment application: as it was written. */
static cw_rc check_other(struct verify *v, const struct cw_perso_dgi *dgi, struct cw_fault *f) {
        const struct cw_aid *aid = &v->work->data->profile->more[dgi->rule->app - 1].aid;
        const uint8_t sfi = (uint8_t)(dgi->rule->id >> 8), record = (uint8_t)dgi->rule->id;
        const uint8_t command[] = {0x00, 0xb2, record, (uint8_t)(sfi << 3 | 4), 0x00};
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        struct cw_span got;
        cw_rc rc = cw_gp_do_select(v->channel, aid, CW_APDU_TIMEOUT_MS, &r, f);
        if (rc != CW_OK)
                return rc;
        if (r.sw != 0x9000 && cw_directory_may_hide(&v->terminal, aid)) {
                /* Its STORE DATA were accepted; only an antenna could show them. */
                cw_result_evidence(v->run->result, "ppse", "not readable over contacts");
                return CW_OK;
        }
        if (r.sw != 0x9000)
                return differs(f, "a directory");
        if (dgi->rule->role == CW_DGI_FCI)
                return cw_tlv_find(dgi->value, 0xa5, &got) && has_a5(CW_SPAN(r.data, r.len), got)
                           ? CW_OK
                           : differs(f, "the answer of a directory");
        CW_AUTO_RAPDU struct cw_rapdu whole = {0};
        rc = cw_card_exchange(v->channel, CW_SPAN(command, sizeof command), CW_APDU_TIMEOUT_MS, &whole, f);
        if (rc != CW_OK)
                return rc;
        return whole.sw == 0x9000 && equal(CW_SPAN(whole.data, whole.len), dgi->value)
                   ? CW_OK
                   : differs(f, "an entry of a directory");
}

static cw_rc check_others(struct verify *v, struct cw_fault *f) {
        const struct cw_perso_data *d = v->work->data;
        cw_rc rc = CW_OK;
        for (size_t i = 0; i < d->count && rc == CW_OK; i++)
                if (d->dgi[i].rule->app &&
                    (d->dgi[i].rule->role == CW_DGI_FCI || d->dgi[i].rule->role == CW_DGI_RECORD))
                        rc = check_other(v, &d->dgi[i], f);
        return rc;
}

/* Certificates, and the signatures that need no transaction. What the branch has no key for is told, not
 * judged. */
static cw_rc authenticate(struct verify *v, struct cw_fault *f) {
        const struct cw_config *config = v->run->st->config;
        struct cw_terminal_card card = {0};
        struct cw_station_ca ca;
        uint8_t ways = cw_offline_ways(&v->terminal);
        if (!ways)
                return CW_OK;
        cw_station_ca(config, &config->products[v->work->product], v->work->data->profile, &ca);
        cw_rc rc = cw_terminal_card(&v->terminal, &card, f);
        if (rc != CW_OK)
                return rc;
        rc = cw_offline_recover(&v->terminal, &(struct cw_ca_keys){ca.key, ca.count}, &card, &v->offline, f);
        cw_terminal_card_done(&card);
        if (rc == CW_RC(CW_L_CHIP, CW_C_OPERATOR, CW_E_NOT_FOUND)) {
                cw_result_evidence(v->run->result, "offline_auth", "not verifiable here");
                return CW_OK;
        }
        if (rc == CW_OK && (ways & CW_WAY_SDA))
                rc = cw_offline_sda(&v->terminal, &v->offline, f);
        if (rc == CW_OK && (ways & CW_WAY_DDA))
                rc = cw_offline_dda(&v->terminal, &v->offline, f);
        if (rc == CW_OK)
                cw_result_evidence(v->run->result, "offline_auth", "genuine");
        return rc;
}

/* The first cryptogram, signed where the chip offers it and its certificate is known. */
static cw_rc first_cryptogram(struct verify *v, struct cw_terminal_ac *ac, struct cw_fault *f) {
        const cw_rc not_genuine = CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_CRYPTOGRAM);
        const uint8_t cda = cw_offline_sign(&v->offline, CW_AC_ARQC);
        cw_rc rc = cw_terminal_generate_ac(&v->terminal, (uint8_t)(CW_AC_ARQC | cda), true, ac, f);
        if (rc == CW_OK && (ac->cid & CW_AC_TYPE) != CW_AC_ARQC)
                rc = cw_fail(f, not_genuine, ac->cid, "station.verify", "PRD_SMARTCARD",
                             "the chip declines a transaction that it should send online; check the "
                             "profile's risk data");
        if (rc == CW_OK && cda)
                rc = cw_offline_cda(&v->terminal, &v->offline, ac, f);
        return rc;
}

/* An online transaction: the issuer keys on the chip are the right ones when hsmd finds the ARQC genuine and
 * the chip the ARPC. */
static cw_rc transact(struct verify *v, struct cw_fault *f) {
        struct cw_terminal_ac ac = {0}, second = {0};
        struct cw_hsm_arqc answer = {0};
        const cw_rc not_genuine = CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_CHIP_CRYPTOGRAM);
        cw_rc rc = first_cryptogram(v, &ac, f);
        if (rc == CW_OK)
                rc = cw_script_verify(&v->terminal, v->work->session, v->work->card.psn, &ac, &answer, f);
        if (rc != CW_OK)
                return rc;
        cw_result_evidence_int(v->run->result, "atc", ac.atc);
        if (!answer.genuine)
                return cw_fail(f, not_genuine, ac.atc, "station.verify", "PRD_SMARTCARD",
                               "the chip's cryptogram is not the one its keys should make; compare the "
                               "issuer keys and the profile");
        const uint8_t kind = v->terminal.profile->second_ac, cda = cw_offline_sign(&v->offline, kind);
        rc = cw_script_answer(&v->terminal, &answer, f);
        if (rc == CW_OK)
                rc = cw_terminal_generate_ac(&v->terminal, kind | cda, false, &second, f);
        if (rc == CW_OK && (second.cid & CW_AC_TYPE) != kind)
                rc = cw_fail(
                    f, not_genuine, second.cid, "station.verify", "PRD_SMARTCARD",
                    "the chip does not accept the issuer's answer; compare the issuer keys and the profile");
        return rc == CW_OK && cda ? cw_offline_cda(&v->terminal, &v->offline, &second, f) : rc;
}

static cw_rc verify_card(struct verify *v, struct cw_fault *f) {
        cw_rc rc = check_identity(v, f);
        /* As a terminal finds it: freshly powered. */
        if (rc == CW_OK)
                rc = v->channel->ops->reset(v->channel, CW_APDU_TIMEOUT_MS, f);
        if (rc == CW_OK)
                rc =
                    cw_terminal_init(v->channel, v->work->data->profile, CW_APDU_TIMEOUT_MS, &v->terminal, f);
        if (rc != CW_OK)
                return rc;
        rc = check_others(v, f);
        if (rc == CW_OK)
                rc = read_all(v, f);
        if (rc == CW_OK)
                rc = authenticate(v, f);
        if (rc == CW_OK)
                rc = transact(v, f);
        cw_terminal_done(&v->terminal);
        cw_result_evidence_int(v->run->result, "records", v->records);
        return rc;
}

cw_rc cw_step_verify(struct cw_step_run *run, struct cw_fault *f) {
        struct verify v = {.run = run, .work = &run->st->work};
        CW_AUTO(cw_card_close) struct cw_card_channel *channel = NULL;
        cw_step_progress(run, 58, "checking the chip as a terminal does");
        cw_rc rc = cw_work_data(v.work, &run->st->profiles, f);
        if (rc == CW_OK)
                rc = cw_step_contact(run, &channel, f);
        if (rc != CW_OK)
                return rc;
        v.channel = channel;
        return verify_card(&v, f);
}
