/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a profile's objects. What is missing or malformed becomes a finding, and a harmless value is
 * returned. */
#pragma once

#include "drivers/chip/profile.h"

struct cw_section {
        const json_t *obj;
        const char *place;
        struct cw_profile_findings *fs;
};

void cw_section_place(const struct cw_section *s, const char *key, char ret[96]);
/* Any member that keys (ended by NULL) does not name is a finding. */
void cw_section_only(const struct cw_section *s, const char *const *keys);
/* fallback NULL: the member must be there. */
const char *cw_section_string(const struct cw_section *s, const char *key, const char *fallback);
bool cw_section_bool(const struct cw_section *s, const char *key);
void cw_section_hex(const struct cw_section *s, const char *key, const char *fallback, uint8_t *ret,
                    size_t cap, size_t *ret_len);
uint8_t cw_section_byte(const struct cw_section *s, const char *key, const char *fallback);
/* An integer, fallback when absent. */
long cw_section_number(const struct cw_section *s, const char *key, long min, long max, long fallback);
void cw_section_aid(const struct cw_section *s, const char *key, bool optional, struct cw_aid *ret);

/* Parts of the profile (profile_auth.c). */
void cw_profile_read_auth(struct cw_profile *p, struct cw_profile_findings *fs);
void cw_profile_read_ca_keys(struct cw_profile *p, struct cw_profile_findings *fs);
/* profile_made.c: members of a grouping that say how hsmd makes it. */
void cw_profile_read_made(struct cw_profile *p, const struct cw_profile_dgi *dgi, const struct cw_section *s);
/* profile_told.c */
void cw_profile_read_told(struct cw_profile *p, struct cw_profile_findings *fs);
/* profile_after.c */
void cw_profile_read_after(struct cw_profile *p, struct cw_profile_findings *fs);
/* "icc.q_inv" and the like; false when it is none. */
bool cw_profile_read_part(const char *text, enum cw_rsa_part *ret, bool *ret_pin);
