/* SPDX-License-Identifier: Apache-2.0 */
/* A private SoftHSM token, provisioned with test keys, and a running cardwright-hsmd on it. */
#pragma once

#include "base/ipc.h"
#include "hsm/client/hsm_client.h"

#include "issuer.h"

#include <sys/types.h>

#define RIG_PAN "4266424680446864" /* its CVV needs the second decimalisation pass */
#define RIG_EXPIRY "3012"
#define RIG_SCP03 "71" /* plastic codes */
#define RIG_SCP02 "72"

struct rig;
struct rig_options {
        bool no_host_memory;
        bool issuer;            /* products have an issuer key; see struct rig */
        unsigned issuer_bits;   /* of this key and of the CA's; 0: 1024 and 1152 */
        bool service;           /* keys for service sessions: zones, PVK, MAC, CAVV, AES PIN pad */
        bool rotation;          /* key blocks of rig_next_imk may be loaded as next versions of issuer keys */
        bool aes_pad;           /* with service: the kiosk's PIN pad has the AES key */
        bool nss;               /* NSS softokn in place of SoftHSM */
        bool opencryptoki;      /* openCryptoki in place of SoftHSM; see rig_opencryptoki_missing */
        bool shim;              /* the module that misbehaves on demand, around that of the token */
        bool tap;               /* with shim: what crosses the boundary of the module goes to the file "tap" */
        const struct rig *like; /* a copy of its SoftHSM token, which costs less than a new one */
        bool wrong_kcv;         /* of the CVK, in the daemon's configuration */
        bool wrong_pin;         /* in the daemon's credential */
        int call_timeout_ms;    /* 0: 5000 */
};
struct rig {
        char dir[128];
        pid_t pid;
        int agent; /* connection to agent.sock */
        struct issuer *issuer;
        bool opencryptoki;
        pid_t slot_daemon; /* of openCryptoki */
};

extern const uint8_t rig_pan_key[32], rig_pin_key[32], rig_hash_key[32];
extern const uint8_t rig_bdk[16], rig_imk_ac[16], rig_imk_smi[16], rig_imk_smc[16];
extern const uint8_t rig_zone_in[16], rig_zone_out[16], rig_zone4_in[16], rig_zone4_out[16], rig_bdk4[16],
    rig_mac_tdes[16];
extern const uint8_t rig_next_imk[16];
extern const uint8_t rig_enc03[16], rig_mac03[16], rig_dek03[16], rig_kmc02[16];

/* Why tests on openCryptoki cannot run here, said on stdout; NULL when they can. */
const char *rig_opencryptoki_missing(void);
/* Form of cw_hsm_msg_pin_form: the configured one, for openCryptoki one without GCM (AES-ECB). */
const char *rig_pin_form(const struct rig *r);
/* Ends the test as skipped, saying why, when the rig's token is openCryptoki. */
void rig_skip_opencryptoki(const struct rig *r, const char *why);
/* Fails the test when anything does not start. */
void rig_start(struct rig *r, const struct rig_options *o);
void rig_stop(struct rig *r);
/* Only the daemon: ends it, starts it again on the same token and folder. */
void rig_restart(struct rig *r);
void rig_path(const struct rig *r, const char *name, char *ret, size_t cap);
/* Misbehaviour of the module (hostile_module.h), a line or more; NULL: it behaves again. */
void rig_control(const struct rig *r, const char *lines);
/* The same for one worker, whatever the others have. */
void rig_control_worker(const struct rig *r, pid_t worker, const char *lines);
size_t rig_file_size(const struct rig *r, const char *name);
/* Children of the daemon. */
size_t rig_workers(const struct rig *r, pid_t *ret, size_t cap);
/* Waits until there are exactly count workers. */
void rig_wait_workers(const struct rig *r, size_t count);
/* Is there a process whose memory holds these bytes? Reads /proc/pid/mem. */
bool rig_memory_has(pid_t pid, const void *bytes, size_t len);

/* kiosk.bind of kit 10729390, plastic RIG_SCP03; sealed as of rig_seal. */
struct cw_msg *rig_kiosk_bind(int64_t session, const char *expiry, const char *issuer_keys,
                              const char *sealed);
/* A service session for a PAN; *ret_fd is its socket. */
cw_rc rig_open_service(struct rig *r, const char *pan, const char *plastic, int *ret_fd, struct cw_fault *f);
/* A call on admin.sock; takes m. */
cw_rc rig_administer(const struct rig *r, struct cw_msg *m, struct cw_msg **ret, struct cw_fault *f);
/* Takes m. */
cw_rc rig_call(struct rig *r, struct cw_msg *m, struct cw_msg **ret, struct cw_fault *f);
/* encryptedCardNumber as the server makes it, Base64; the form of its first version for openCryptoki, which
 * has no GCM. */
void rig_seal(const char *pan, char ret[160]);
cw_rc rig_open_issue(struct rig *r, const char *job, const char *plastic, struct cw_hsm_opened *ret,
                     struct cw_hsm_session **ret_session, struct cw_fault *f);
cw_rc rig_open_kiosk(struct rig *r, const char *ticket, struct cw_hsm_opened *ret,
                     struct cw_hsm_session **ret_session, struct cw_fault *f);
