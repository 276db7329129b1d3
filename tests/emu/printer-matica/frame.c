/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk-only transport: command wrapper, data of the length it says, status wrapper. */
#include "matica.h"

#include <string.h>

void emup_frame_reset(struct emup_model *m) {
        struct mtc *l = mtc_of(m);
        l->receive = MTC_COMMAND;
        l->len = 0;
}

void emup_frame_head_free(struct emup_model *m) {
        (void)m; /* nothing waits for the head */
}

bool emup_busy(const struct emup_model *m) {
        return mtc_of(m)->receive == MTC_WORK;
}

static uint32_t le32(const uint8_t *b) {
        return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void begin(struct emup_model *m, struct mtc *l) {
        l->len = 0;
        l->tag = le32(l->cbw + 4);
        l->want = le32(l->cbw + 8);
        l->in = (l->cbw[12] & 0x80) != 0;
        l->cdb = l->cbw + 15;
        if (memcmp(l->cbw, "USBC", 4) != 0 || l->cbw[13] != 0 || (l->cbw[14] != 6 && l->cbw[14] != 10) ||
            (l->cbw[12] & 0x7f) != 0) {
                emup_violation(m, "no command wrapper: %02x%02x%02x%02x, length %u", (unsigned)l->cbw[0],
                               (unsigned)l->cbw[1], (unsigned)l->cbw[2], (unsigned)l->cbw[3],
                               (unsigned)l->cbw[14]);
                l->receive = MTC_LOST;
        } else if (!l->in && l->want > EMUP_PANEL_DATA_MAX) {
                emup_violation(m, "%u bytes of data", l->want);
                l->receive = MTC_LOST;
        } else if (!l->in && l->want) {
                l->receive = MTC_DATA;
        } else {
                l->receive = MTC_WORK;
                mtc_command(m, NULL);
        }
}

size_t emup_frame_feed(struct emup_model *m, const uint8_t *bytes, size_t n) {
        struct mtc *l = mtc_of(m);
        if (l->receive == MTC_LOST)
                return n;
        size_t want = l->receive == MTC_DATA ? l->want : MTC_CBW,
               take = want - l->len < n ? want - l->len : n;
        memcpy((l->receive == MTC_DATA ? m->frame.data : l->cbw) + l->len, bytes, take);
        l->len += take;
        if (l->len < want)
                return take;
        if (l->receive == MTC_COMMAND) {
                begin(m, l);
        } else {
                l->receive = MTC_WORK;
                mtc_command(m, m->frame.data);
        }
        return take;
}

static struct emup_reply *wrapper(struct emup_model *m, uint32_t tag, bool good) {
        const uint8_t csw[MTC_CSW] = {'U',
                                      'S',
                                      'B',
                                      'S',
                                      (uint8_t)tag,
                                      (uint8_t)(tag >> 8),
                                      (uint8_t)(tag >> 16),
                                      (uint8_t)(tag >> 24),
                                      [12] = good ? 0 : 1};
        struct emup_reply *r = emup_queue_new(m);
        emup_queue_put(r, csw, sizeof csw);
        return r;
}

/* A yes too many: the status of the command before comes once more. */
static void stray(struct emup_model *m) {
        if (emup_fault_bite(m, "spurious_ok"))
                (void)wrapper(m, le32(mtc_of(m)->cbw + 4) - 1, true);
}

void mtc_status(struct emup_model *m, bool good) {
        struct mtc *l = mtc_of(m);
        stray(m);
        emup_note(m, '>', "status %s", good ? "good" : "check");
        struct emup_reply *r = wrapper(m, le32(l->cbw + 4), good);
        l->receive = MTC_COMMAND;
        l->len = 0;
        emup_queue_spoil(m, r);
}

void mtc_answer(struct emup_model *m, const void *bytes, size_t n) {
        struct mtc *l = mtc_of(m);
        if (!l->in || l->want < n)
                emup_violation(m, "command %02x asks for %u bytes%s, it has %zu", (unsigned)l->cdb[0],
                               l->want, l->in ? "" : " in the wrong direction", n);
        if (n > l->want)
                n = l->want;
        stray(m);
        if (l->in && n) {
                struct emup_reply *r = emup_queue_new(m);
                emup_note(m, '>', "%zu bytes of data", n);
                emup_queue_put(r, bytes, n);
                emup_queue_spoil(m, r);
        }
        mtc_status(m, true);
}

void mtc_refuse(struct emup_model *m, uint32_t number) {
        mtc_of(m)->refused = number;
        mtc_status(m, false);
}
