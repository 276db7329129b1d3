/* SPDX-License-Identifier: Apache-2.0 */
/* The set-PIN forms of the DCMS documents, decoded: transport cipher, plaintext form, ISO 9564-1 format 0. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cw_dsim_pin_v2_form { CW_DSIM_PIN_ASCII_HEX, CW_DSIM_PIN_RAW8 };
enum cw_dsim_pin_v1_mode { CW_DSIM_PIN_ECB_HEX16, CW_DSIM_PIN_CBC_IV16_RAW8, CW_DSIM_PIN_CBC0_HEX16 };
enum cw_dsim_pin_account { CW_DSIM_ACCOUNT_PAN12, CW_DSIM_ACCOUNT_KIT16 };

#define CW_DSIM_PIN_MAX 12U

/* v2: Base64(IV16 | ciphertext | tag16), AES-256-GCM. why is static text, said to the client as
 * detailMessage. */
bool cw_dsim_pin_open_v2(const char *text, const uint8_t key[32], enum cw_dsim_pin_v2_form form,
                         uint8_t block[8], const char **why);

/* v1: Base64 of the AES-256 forms seen at the sibling products. */
bool cw_dsim_pin_open_v1(const char *text, const uint8_t key[32], enum cw_dsim_pin_v1_mode mode,
                         uint8_t block[8], const char **why);

/*
 * Account field of the block: pan12 is 0000 and the rightmost twelve PAN digits without the check digit;
 * kit16 is the kit number (its last twelve digits when longer) padded left with zeros to sixteen, nothing
 * dropped.
 */
bool cw_dsim_pin_account_field(enum cw_dsim_pin_account account, const char *pan, const char *kit_no,
                               uint8_t field[8]);

/*
 * Undoes the exclusive or and checks every nibble: control 0, length min..max, decimal digits, F fillers to
 * the end. pin gets the digits and a terminator.
 */
bool cw_dsim_pin_decode(const uint8_t block[8], const uint8_t field[8], size_t min, size_t max,
                        char pin[CW_DSIM_PIN_MAX + 1], const char **why);
