/* SPDX-License-Identifier: Apache-2.0 */
/* "instructions" of a profile: ORDER, VERCNTL, ENC and GROUP of EMV CPS by numbers of groupings. */
#include "drivers/chip/profile_read.h"

#include <string.h>

static void read_list(const json_t *list, const char *place, struct cw_profile_findings *fs,
                      struct cw_dgi_list *ret) {
        size_t i = 0;
        json_t *item = NULL;
        if (list && !json_array_size(list))
                cw_profile_finding(fs, place, "a list of DGIs is needed here, e.g. [\"0101\"]; correct it");
        json_array_foreach(list, i, item) {
                const char *text = json_is_string(item) ? json_string_value(item) : "";
                if (!cw_dgi_list_add(ret, text, strlen(text)))
                        cw_profile_finding(
                            fs, place,
                            "\"%.8s\" is no DGI of four hex digits, is there twice, or one more "
                            "than %d; correct it",
                            text, CW_INSTRUCTED_MAX);
        }
}

void cw_profile_read_told(struct cw_profile *p, struct cw_profile_findings *fs) {
        struct cw_section s = {json_object_get(p->root, "instructions"), "instructions", fs};
        const json_t *groups = json_object_get(s.obj, "group");
        size_t i = 0;
        json_t *item = NULL;
        if (!s.obj)
                return;
        if (!json_is_object(s.obj))
                cw_profile_finding(fs, s.place, "an object is needed here; correct it");
        cw_section_only(&s, (const char *const[]){"order", "vercntl", "enc", "group", "note", NULL});
        read_list(json_object_get(s.obj, "order"), "instructions.order", fs, &p->told.order);
        read_list(json_object_get(s.obj, "vercntl"), "instructions.vercntl", fs, &p->told.vercntl);
        read_list(json_object_get(s.obj, "enc"), "instructions.enc", fs, &p->told.enc);
        if (groups && (!json_array_size(groups) || json_array_size(groups) > CW_INSTRUCTED_GROUPS)) {
                cw_profile_finding(fs, "instructions.group",
                                   "1 to %d lists of DGIs are needed here; correct it", CW_INSTRUCTED_GROUPS);
                return;
        }
        json_array_foreach(groups, i, item) {
                struct cw_dgi_list *group = &p->told.group[p->told.group_count++];
                read_list(item, "instructions.group", fs, group);
                if (group->count < 2)
                        cw_profile_finding(fs, "instructions.group",
                                           "a group has two DGIs or more; correct it");
        }
}
