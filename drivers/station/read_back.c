/* SPDX-License-Identifier: Apache-2.0 */
/* A card whose PUT KEY got no answer, asked again when it is back: the connection that was lost is of no use.
 */
#include "drivers/station/station.h"

#include "base/clock.h"

#include <stdio.h>

#define PATIENCE_MS 6000

static cw_rc ask(struct cw_card_reader *reader, int64_t wait_ms, struct cw_card_channel **channel,
                 const struct cw_perso_plan *plan, struct cw_perso_result *result, struct cw_fault *f) {
        cw_rc rc = cw_card_reader_wait(reader, true, NULL, wait_ms, NULL, f);
        if (rc == CW_OK)
                rc = cw_card_reader_connect(reader, CW_CONNECT_TIMEOUT_MS, channel, f);
        if (rc == CW_OK)
                rc = cw_perso_read_back(*channel, plan, result, f);
        if (rc != CW_OK && *channel) {
                cw_card_close(*channel);
                *channel = NULL;
        }
        return rc;
}

/* The reader may still believe in the card of before, so a failure is followed by its next event. */
void cw_station_read_back(struct cw_card_reader *reader, struct cw_card_channel **channel,
                          const struct cw_perso_plan *plan, struct cw_perso_result *result) {
        int64_t deadline = cw_deadline_ns(PATIENCE_MS);
        struct cw_fault f = {0};
        cw_rc rc = CW_OK;
        /* A wrong check value or R-MAC is no lost answer: what the card lists then proves no keys. */
        if (result->keys != CW_PERSO_KEYS_UNKNOWN || !result->keys_unanswered)
                return;
        cw_card_close(*channel);
        *channel = NULL;
        do {
                struct cw_card_reader_state before;
                struct cw_fault late = {0};
                cw_card_reader_get(reader, &before);
                rc = ask(reader, cw_deadline_left_ms(deadline), channel, plan, result, &f);
                if (rc == CW_OK || cw_rc_layer(rc) != CW_L_READER ||
                    cw_card_reader_wait(reader, true, &before.events, cw_deadline_left_ms(deadline), NULL,
                                        &late) != CW_OK)
                        break;
        } while (cw_deadline_left_ms(deadline) > 0);
        if (rc != CW_OK && plan->told) {
                char text[180];
                (void)snprintf(text, sizeof text, "not readable: %.150s", f.text);
                plan->told(plan->ctx, "key-info", text);
        }
}
