/* SPDX-License-Identifier: Apache-2.0 */
/* Test rig: the emulator as its own process, a reader that speaks vpcd to it, its control socket, a directory
 * of plastics. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct rig {
        pid_t pid;
        int listen_fd;
        int reader_fd;
        int control_fd;
        uint16_t port;
        char dir[128];
};

/* args: extra options, NULL-terminated, or NULL. Fails the test when anything does not work. */
void rig_start(struct rig *rig, const char *keys_json, const char *const *args);
void rig_stop(struct rig *rig);

/* Makes dir/name (with chip_json when not NULL) and puts that card in. */
void rig_insert(struct rig *rig, const char *name, const char *chip_json);
void rig_remove(struct rig *rig);
/* Waits for the emulator to connect as a card does. */
void rig_accept(struct rig *rig);
/* One control request; a new reference. */
json_t *rig_control(struct rig *rig, const char *request);
/* Sends request, asserts "ok". */
void rig_command(struct rig *rig, const char *request);
/* One integer of the state. */
json_int_t rig_state(struct rig *rig, const char *name);
/* Asserts that some violation contains text. */
void rig_expect_violation(struct rig *rig, const char *text);

void rig_power(struct rig *rig, uint8_t control);
size_t rig_atr(struct rig *rig, uint8_t ret[64]);
/* Length of the answer, 0 when the card hung up or said nothing within two seconds. */
size_t rig_apdu(struct rig *rig, const uint8_t *cmd, size_t len, uint8_t ret[300]);
/* Command in hex; returns SW and, when data is not NULL, the answer's data in upper-case hex. */
unsigned rig_hex(struct rig *rig, const char *cmd, char data[600]);

size_t unhex(const char *text, uint8_t *out, size_t cap);
