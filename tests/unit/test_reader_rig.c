/* SPDX-License-Identifier: Apache-2.0 */
#include "test_reader_rig.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

void pause_ms(long ms) {
        (void)nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

bool is_ready(const struct cw_card_reader_state *s) {
        return s->service && s->present && s->card;
}
bool is_free(const struct cw_card_reader_state *s) {
        return !s->stuck;
}
struct cw_card_reader_state await(struct cw_card_reader *r, seen_fn seen) {
        int64_t deadline = cw_deadline_ns(SOON_MS);
        struct cw_card_reader_state s;
        for (cw_card_reader_get(r, &s); !seen(&s); cw_card_reader_get(r, &s)) {
                assert_true(cw_deadline_left_ms(deadline) > 0);
                pause_ms(5);
        }
        return s;
}

struct cw_card_reader *open_reader(const char *wanted) {
        struct cw_card_reader *r = NULL;
        struct cw_fault f;
        assert_int_equal(cw_card_reader_open(wanted, NULL, NULL, &r, &f), CW_OK);
        return r;
}

struct cw_card_channel *connected(struct cw_card_reader *r) {
        struct cw_card_channel *c = NULL;
        struct cw_fault f = {0};
        (void)await(r, is_ready);
        cw_rc rc = cw_card_reader_connect(r, SOON_MS, &c, &f);
        if (rc != CW_OK)
                fail_msg("%s", f.text);
        return c;
}

void assert_fails(cw_rc rc, enum cw_class cls, unsigned code) {
        assert_int_equal(rc, CW_RC(CW_L_READER, cls, code));
}

cw_rc ask(struct cw_card_channel *c, int64_t timeout_ms, struct cw_fault *f) {
        static const uint8_t command[] = {0x80, 0xca, 0x9f, 0x7f, 0x00};
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        return cw_card_exchange(c, CW_SPAN(command, sizeof command), timeout_ms, &r, f);
}

int start(void **state) {
        (void)state;
        fake_pcsc_start();
        return 0;
}
