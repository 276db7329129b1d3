/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upstream/endpoint.h"

#include <string.h>

static const struct cw_dcms_endpoint endpoints[] = {
#define CW_DCMS_ENDPOINT(id, name, method, path, timeout, body, request_id, lost)                            \
        {CW_DCMS_EP_##id,    name, method, path, CW_DCMS_T_##timeout, CW_DCMS_B_##body, request_id,          \
         CW_DCMS_LOST_##lost},
#include "agent/upstream/endpoints.def"
};

static const struct cw_dcms_field fields[] = {
#define CW_DCMS_FIELD(id, member, kind, required, max)                                                       \
        {CW_DCMS_EP_##id, member, CW_DCMS_F_##kind, required, max},
#include "agent/upstream/endpoints.def"
};

const struct cw_dcms_endpoint *cw_dcms_endpoint(enum cw_dcms_endpoint_id id) {
        return &endpoints[id];
}

const struct cw_dcms_field *cw_dcms_fields(size_t *ret_count) {
        *ret_count = sizeof fields / sizeof fields[0];
        return fields;
}

const struct cw_dcms_field *cw_dcms_field(enum cw_dcms_endpoint_id id, const char *name, unsigned *ret_bit) {
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
                if (fields[i].endpoint != id)
                        continue;
                if (strcmp(fields[i].name, name) == 0) {
                        if (ret_bit)
                                *ret_bit = bit;
                        return &fields[i];
                }
                bit++;
        }
        return NULL;
}
