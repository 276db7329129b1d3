/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/directory.h"

#include "drivers/chip/tlv.h"

#include <string.h>

#define RECORDS_MAX 16u
#define SW_NO_RECORD 0x6a83u

const struct cw_aid cw_pse = {.bytes = "1PAY.SYS.DDF01", .len = 14};
const struct cw_aid cw_ppse = {.bytes = "2PAY.SYS.DDF01", .len = 14};

static cw_rc wrong(const char *text, struct cw_fault *f) {
        return cw_fail(f, CW_RC(CW_L_CHIP, CW_C_REJECT, CW_E_SYNTAX), 0, "chip.directory", "PRD_SMARTCARD",
                       "%s; the card is to be rejected", text);
}

/* A directory may name an application by the beginning of its AID (Book 1, 12.2.3). */
static bool names(struct cw_span aid, const struct cw_aid *want) {
        return aid.len >= 5 && aid.len <= want->len && memcmp(aid.ptr, want->bytes, aid.len) == 0;
}

static bool lists(struct cw_span bytes, const struct cw_aid *want, unsigned *entries, int depth) {
        struct cw_tlv item;
        bool listed = false;
        while (depth < CW_TLV_DEPTH_MAX && cw_tlv_next(&bytes, &item) == CW_TLV_ITEM) {
                if (item.constructed)
                        listed |= lists(item.value, want, entries, depth + 1);
                if (item.tag != 0x4f)
                        continue;
                (*entries)++;
                listed |= names(item.value, want);
        }
        return listed;
}

static bool is_name(const struct cw_aid *a, const struct cw_aid *b) {
        return a->len == b->len && memcmp(a->bytes, b->bytes, b->len) == 0;
}

bool cw_directory_may_hide(const struct cw_terminal *t, const struct cw_aid *name) {
        if (!is_name(name, &cw_ppse) || cw_card_is_contactless(t->channel))
                return false;
        for (size_t i = 0; i < t->profile->more_count; i++)
                if (is_name(&t->profile->more[i].aid, name) && t->profile->more[i].over_contacts)
                        return false;
        return true;
}

bool cw_directory_lists(struct cw_span bytes, const struct cw_aid *want, unsigned *entries) {
        return cw_tlv_valid(bytes) && lists(bytes, want, entries, 0);
}

static cw_rc read_entries(struct cw_terminal *t, uint8_t sfi, const struct cw_aid *want,
                          struct cw_directory *d, struct cw_fault *f) {
        for (unsigned record = 1; record <= RECORDS_MAX; record++) {
                const uint8_t command[] = {0x00, 0xb2, (uint8_t)record, (uint8_t)(sfi << 3 | 4), 0x00};
                CW_AUTO_RAPDU struct cw_rapdu r = {0};
                cw_rc rc =
                    cw_card_exchange(t->channel, CW_SPAN(command, sizeof command), t->timeout_ms, &r, f);
                if (rc != CW_OK)
                        return rc;
                if (r.sw == SW_NO_RECORD)
                        return CW_OK;
                if (r.sw != 0x9000)
                        return cw_chip_fail_sw(f, "chip.directory", r.sw,
                                               "an entry of the PSE cannot be read");
                struct cw_span whole = CW_SPAN(r.data, r.len);
                if (r.len == 0 || r.data[0] != 0x70 || !cw_tlv_valid(whole))
                        return wrong("an entry of the PSE is not in template 70", f);
                d->listed |= cw_directory_lists(whole, want, &d->entries);
        }
        return CW_OK;
}

cw_rc cw_directory_read(struct cw_terminal *t, const struct cw_aid *name, const struct cw_aid *want,
                        struct cw_directory *ret, struct cw_fault *f) {
        CW_AUTO_RAPDU struct cw_rapdu r = {0};
        struct cw_directory d = {0};
        struct cw_span sfi;
        cw_rc rc = cw_gp_do_select(t->channel, name, t->timeout_ms, &r, f);
        if (rc != CW_OK)
                return rc;
        struct cw_span fci = CW_SPAN(r.data, r.len);
        d.sw = r.sw;
        d.there = r.sw == 0x9000;
        if (d.there && !cw_tlv_valid(fci))
                return wrong("the answer of a directory is not well-formed TLV", f);
        if (d.there)
                d.listed = cw_directory_lists(fci, want, &d.entries);
        if (d.there && cw_tlv_find(fci, 0x88, &sfi)) {
                if (sfi.len != 1 || sfi.ptr[0] < 1 || sfi.ptr[0] > 10)
                        return wrong("the PSE names a file that cannot be one (88)", f);
                rc = read_entries(t, sfi.ptr[0], want, &d, f);
        } else if (d.there && name == &cw_pse) {
                return wrong("the PSE does not name its file of entries (88)", f);
        }
        if (rc == CW_OK)
                *ret = d;
        return rc;
}
