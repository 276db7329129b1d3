/* SPDX-License-Identifier: Apache-2.0 */
/* One complete set of debit data: the keys of the published CVN 18 example, a test PAN. */
#pragma once

#include "test_host.h"

#include <stdbool.h>

struct perso_item {
        uint16_t id;
        const char *value;
        bool secret;
};

#define PERSO_ITEMS 10U
#define PERSO_KEYS                                                                                           \
        "{\"scp02\":{\"kvn\":\"20\",\"enc\":\"" PERSO_D "\",\"mac\":\"" PERSO_D "\",\"dek\":\"" PERSO_D      \
        "\"},"                                                                                               \
        "\"scp03\":{\"kvn\":\"30\",\"enc\":\"" PERSO_D "\",\"mac\":\"" PERSO_D "\",\"dek\":\"" PERSO_D       \
        "\"}}"
#define PERSO_D "404142434445464748494A4B4C4D4E4F"
#define PERSO_INSTALL "80E620000F000009F04357444542495401000000"

/* Fills items; the strings live until the next call. */
void perso_items(struct perso_item items[PERSO_ITEMS]);
void perso_static_keys(struct emuc_aes_key keys[3]);
/* INSTALL [for personalization] and every item but the one with id skip; SW of the last block. */
unsigned perso_run(struct host *h, uint16_t skip);
/* Opens a session at level, personalises, asserts 9000. */
void perso_complete(struct rig *rig, uint8_t kvn, uint8_t level);
