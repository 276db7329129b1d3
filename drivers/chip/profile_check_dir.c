/* SPDX-License-Identifier: Apache-2.0 */
/* The linter on PSE and PPSE. */
#include "drivers/chip/directory.h"
#include "drivers/chip/prepare.h"
#include "drivers/chip/tlv.h"

#include <string.h>

static bool is_name(const struct cw_aid *aid, const struct cw_aid *name) {
        return aid->len == name->len && memcmp(aid->bytes, name->bytes, name->len) == 0;
}

static const struct cw_perso_dgi *fci_of(const struct cw_perso_data *d, uint8_t app) {
        for (size_t i = 0; i < d->count; i++)
                if (d->dgi[i].rule->app == app && d->dgi[i].rule->role == CW_DGI_FCI)
                        return &d->dgi[i];
        return NULL;
}

/* The PSE's FCI names the file that its records are in. */
static void check_file(const struct cw_perso_data *d, uint8_t app, struct cw_span fci, const char *place,
                       struct cw_profile_findings *fs) {
        struct cw_span sfi;
        bool found = false;
        if (!cw_tlv_find(fci, 0x88, &sfi) || sfi.len != 1 || sfi.ptr[0] < 1 || sfi.ptr[0] > 10) {
                cw_profile_finding(fs, place,
                                   "the FCI of the PSE names its file in tag 88, 01 to 0A; add it");
                return;
        }
        for (size_t i = 0; i < d->count; i++)
                found |= d->dgi[i].rule->app == app && d->dgi[i].rule->id == (sfi.ptr[0] << 8 | 1);
        if (!found)
                cw_profile_finding(fs, place, "tag 88 names SFI %u, but there is no DGI %02X01; add it",
                                   sfi.ptr[0], sfi.ptr[0]);
}

static bool listed(const struct cw_perso_data *d, uint8_t app, const struct cw_aid *want) {
        unsigned entries = 0;
        bool found = false;
        for (size_t i = 0; i < d->count; i++)
                if (d->dgi[i].rule->app == app)
                        found |= cw_directory_lists(d->dgi[i].value, want, &entries);
        return found;
}

/* EMV Book 1, 12.2.3: a record of the PSE holds entries and nothing else; each has a name and a label. */
static void check_record(struct cw_span record, const char *place, struct cw_profile_findings *fs) {
        struct cw_span list = {0}, value;
        struct cw_tlv item;
        if (!cw_tlv_valid(record) || !cw_tlv_find(record, 0x70, &list))
                return; /* told elsewhere */
        while (cw_tlv_next(&list, &item) == CW_TLV_ITEM) {
                if (item.tag != 0x61)
                        cw_profile_finding(fs, place,
                                           "a record of the PSE holds entries (61), not %X; correct it",
                                           item.tag);
                else if (!cw_tlv_find(item.value, 0x4f, &value) || !cw_tlv_find(item.value, 0x50, &value))
                        cw_profile_finding(fs, place,
                                           "an entry of the PSE has an AID and a label; add tags 4F and 50");
        }
}

static void check_records(const struct cw_perso_data *d, uint8_t app, const char *place,
                          struct cw_profile_findings *fs) {
        for (size_t i = 0; i < d->count; i++)
                if (d->dgi[i].rule->app == app && d->dgi[i].rule->role == CW_DGI_RECORD)
                        check_record(d->dgi[i].value, place, fs);
}

/* Contactless Book B, 3.3.1: the entries are in template BF0C. */
static void check_ppse(struct cw_span fci, const char *place, struct cw_profile_findings *fs) {
        struct cw_span list = {0}, value;
        if (!cw_tlv_find(fci, 0xbf0c, &list) || !cw_tlv_find(list, 0x61, &value))
                cw_profile_finding(
                    fs, place, "the PPSE has its entries (61) in template BF0C of its FCI; put them there");
}

void cw_profile_check_directories(const struct cw_profile *p, const struct cw_perso_data *d,
                                  struct cw_profile_findings *fs) {
        bool has_ppse = false;
        for (size_t i = 0; i < p->more_count; i++) {
                uint8_t app = (uint8_t)(i + 1);
                bool pse = is_name(&p->more[i].aid, &cw_pse), ppse = is_name(&p->more[i].aid, &cw_ppse);
                const struct cw_perso_dgi *fci = fci_of(d, app);
                char place[40];
                (void)snprintf(place, sizeof place, "applications[%zu]", i);
                has_ppse |= ppse;
                if (!pse && !ppse)
                        continue;
                if (!fci || !cw_tlv_valid(fci->value))
                        cw_profile_finding(fs, place, "one DGI needs the role fci, with template A5");
                else if (pse)
                        check_file(d, app, fci->value, place, fs);
                else
                        check_ppse(fci->value, place, fs);
                if (pse)
                        check_records(d, app, place, fs);
                if (!listed(d, app, ppse ? &p->contactless_aid : &p->aid))
                        cw_profile_finding(
                            fs, place, "no entry (61 with 4F) names the application; add it with its AID");
        }
        if (p->has_contactless && p->more_count && !has_ppse)
                cw_profile_finding(fs, "applications",
                                   "a contactless path is found through the PPSE 2PAY.SYS.DDF01; add it");
}
