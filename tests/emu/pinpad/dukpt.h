/* SPDX-License-Identifier: Apache-2.0 */
/* 3DES DUKPT of a PIN pad, ANSI X9.24-1:2009, with a test BDK; and ISO 9564 format 0. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMUD_COUNTER_MAX 0x1fffffU

/* The counter in the last 21 bits of a KSN. */
uint32_t emud_ksn_counter(const uint8_t ksn[10]);
void emud_ksn_set_counter(uint8_t ksn[10], uint32_t counter);
/* The next counter with at most ten one-bits; 0 when used up. */
uint32_t emud_counter_next(uint32_t counter);

/* Transaction key of this KSN. */
bool emud_transaction_key(const uint8_t bdk[16], const uint8_t ksn[10], uint8_t ret[16]);
/* digits: 4..12 of them; account: 8..19 digits with the check digit. */
bool emud_pin_block(const char *digits, const char *account, uint8_t ret[8]);
/* Enciphers a clear PIN block under the PIN variant of the KSN's transaction key. */
bool emud_encipher(const uint8_t bdk[16], const uint8_t ksn[10], const uint8_t block[8], uint8_t ret[8]);
