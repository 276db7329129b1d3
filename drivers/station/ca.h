/* SPDX-License-Identifier: Apache-2.0 */
/* CA keys a station checks chips with: those of the profile, and those of the product's issuer certificates.
 */
#pragma once

#include "config/config.h"
#include "drivers/chip/offline.h"

#define CW_STATION_ISSUERS_MAX 4u /* issuer certificates in a product's file */

struct cw_station_ca {
        size_t count;
        struct cw_ca_key key[CW_CA_KEYS_MAX + CW_STATION_ISSUERS_MAX];
};
/* product may be NULL. An issuer certificate that cannot be read adds nothing: hsmd has judged it already. */
void cw_station_ca(const struct cw_config *config, const struct cw_config_product *product,
                   const struct cw_profile *profile, struct cw_station_ca *ret);
