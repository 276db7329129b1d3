/* SPDX-License-Identifier: Apache-2.0 */
/* secure-pin-check READER look|verify|modify: one PIN entry at the keypad of a PC/SC reader, told in one
 * line. */
#include "base/clock.h"
#include "drivers/reader/reader.h"
#include "drivers/reader/secure_pin.h"

#include <stdio.h>
#include <string.h>

static int told(const struct cw_fault *f) {
        (void)printf("fault %s %s\n", cw_class_name(cw_rc_class(f->rc)), f->text);
        return 1;
}

static int check(struct cw_card_channel *c, const char *what) {
        const struct cw_part10_ask ask = {.timeout_s = 30, .min = 4, .max = 12};
        struct cw_secure_pin s = {0};
        struct cw_fault f = {0};
        enum cw_part10_outcome o = CW_PIN_REFUSED;
        int tries = -1;
        cw_rc rc = cw_secure_pin_look(c, 5000, &s, &f);
        if (rc == CW_OK && strcmp(what, "look") == 0) {
                (void)printf("verify %d modify %d min %u max %u\n", cw_secure_pin_can_verify(&s),
                             cw_secure_pin_can_modify(&s), s.properties.pin_min, s.properties.pin_max);
                return 0;
        }
        if (rc == CW_OK && strcmp(what, "modify") == 0)
                rc = cw_secure_pin_modify(c, &s, &ask, &o, &tries, &f);
        else if (rc == CW_OK)
                rc = cw_secure_pin_verify(c, &s, &ask, &o, &tries, &f);
        if (rc != CW_OK)
                return told(&f);
        (void)printf("%s %d\n", cw_part10_outcome_name(o), tries);
        return 0;
}

int main(int argc, char **argv) {
        struct cw_card_reader *reader = NULL;
        struct cw_card_channel *c = NULL;
        struct cw_fault f = {0};
        if (argc != 3)
                return 2;
        if (cw_card_reader_open(argv[1], NULL, NULL, &reader, &f) != CW_OK)
                return told(&f);
        int code = 1;
        cw_rc rc = cw_card_reader_wait(reader, true, NULL, 10000, NULL, &f);
        if (rc == CW_OK)
                rc = cw_card_reader_connect(reader, 8000, &c, &f);
        if (rc == CW_OK) {
                code = check(c, argv[2]);
                cw_card_close(c);
        } else {
                (void)told(&f);
        }
        cw_card_reader_close(reader);
        return code;
}
