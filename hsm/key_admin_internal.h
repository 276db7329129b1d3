/* SPDX-License-Identifier: Apache-2.0 */
/* What key_admin.c (calls), key_load.c (blocks and components into the token) and key_life.c (rotation,
 * export, destruction) share. */
#pragma once

#include "hsm/ceremony.h"
#include "hsm/key_admin.h"
#include "hsm/two_person.h"

struct cw_key_admin {
        struct cw_key_admin_env env;
        struct cw_key_register reg; /* read anew for each call */
        struct cw_ceremony *ceremony;
        struct cw_two_person waiting;
};
/* A call under way: reply and audit detail are filled by it. */
struct cw_key_call {
        struct cw_msg *request, *reply;
        json_t *audit;
        struct cw_custodian who;
};

/* The configured key of member "label"; REJECT when there is none. */
CW_WARN_UNUSED cw_rc cw_key_call_key(const struct cw_key_admin *a, const struct cw_key_call *k,
                                     const char *member, const struct cw_config_key **ret,
                                     struct cw_fault *f);
/* Sets the member in reply and audit. Takes value. */
CW_WARN_UNUSED cw_rc cw_key_call_tell(struct cw_key_call *k, const char *key, json_t *value,
                                      struct cw_fault *f);
/* REJECT unless hsm.allow_key_loading. */
CW_WARN_UNUSED cw_rc cw_key_loading_allowed(const struct cw_key_admin *a, struct cw_fault *f);
/* The entry of a key; makes one with what the token and the configuration say. */
CW_WARN_UNUSED cw_rc cw_key_admin_entry(struct cw_key_admin *a, const struct cw_config_key *cfg,
                                        struct cw_key_entry **ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_key_admin_save(struct cw_key_admin *a, struct cw_fault *f);
/* Loads one version; REJECT/HSM_KEY with the reason when it cannot be used. Free with cw_stored_key_done. */
CW_WARN_UNUSED cw_rc cw_key_admin_load(struct cw_key_admin *a, const struct cw_config_key *cfg,
                                       unsigned version, struct cw_stored_key *ret, struct cw_fault *f);
/* The same for the protection key of member "kbpk". */
CW_WARN_UNUSED cw_rc cw_key_admin_kbpk(struct cw_key_admin *a, const char *label, struct cw_stored_key *ret,
                                       struct cw_fault *f);
int64_t cw_key_admin_deadline_ns(const struct cw_key_admin *a);

/* ---- a new version (key_load.c) ---- */

/* The check value that the new key must have: the caller's, or for a first key the configuration's. */
CW_WARN_UNUSED cw_rc cw_key_expected_kcv(const struct cw_config_key *cfg, const struct cw_key_entry *e,
                                         const char *given, char ret[11], struct cw_fault *f);
/* Members valid_from and valid_to of the request, which may leave them out. A validity that is over is taken
 * for keys that cards were made under, and for no others. */
CW_WARN_UNUSED cw_rc cw_key_call_validity(const struct cw_key_call *k, const struct cw_config_key *cfg,
                                          char from[11], char to[11], struct cw_fault *f);
/*
 * Room for the next version, as described but for its number. The register says that it is destroyed, until
 * cw_key_version_finish says that it is on the token: a number is never used twice.
 */
CW_WARN_UNUSED cw_rc cw_key_version_begin(struct cw_key_admin *a, const struct cw_config_key *cfg,
                                          const struct cw_key_version *as, struct cw_key_entry **ret_entry,
                                          struct cw_key_version **ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_key_version_finish(struct cw_key_admin *a, const struct cw_config_key *cfg,
                                           struct cw_key_entry *e, struct cw_key_version *v,
                                           struct cw_fault *f);
/* label, version, key_kcv, origin, in_use of the reply. */
CW_WARN_UNUSED cw_rc cw_key_call_tell_version(struct cw_key_call *k, struct cw_key_admin *a,
                                              const struct cw_config_key *cfg, const struct cw_key_version *v,
                                              struct cw_fault *f);

/* key_make.c */
cw_rc cw_key_call_generate(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
cw_rc cw_key_call_adopt(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);

/* key_load.c */
cw_rc cw_key_call_import(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
cw_rc cw_key_call_component_start(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
cw_rc cw_key_call_component_enter(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
cw_rc cw_key_call_component_status(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
cw_rc cw_key_call_component_cancel(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);

/* key_life.c */
cw_rc cw_key_call_rotate(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
cw_rc cw_key_call_destroy(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
cw_rc cw_key_call_export(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
cw_rc cw_key_call_requests(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
cw_rc cw_key_call_confirm(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
cw_rc cw_key_call_drop(struct cw_key_admin *a, struct cw_key_call *k, struct cw_fault *f);
