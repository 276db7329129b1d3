/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/station/fitting.h"

#include <string.h>

#define BY_PORT "port:"

static enum cw_matica_model matica_model(enum cw_config_matica_model m) {
        switch (m) {
        case CW_CONFIG_MATICA_XID580:
                return CW_MATICA_XID580;
        case CW_CONFIG_MATICA_XID8300:
                return CW_MATICA_XID8300;
        case CW_CONFIG_MATICA_XID8600:
                return CW_MATICA_XID8600;
        case CW_CONFIG_MATICA_AUTO:
                break;
        }
        return CW_MATICA_AS_IT_SAYS;
}

static enum cw_matica_sentinels matica_sentinels(enum cw_config_matica_sentinels s) {
        switch (s) {
        case CW_CONFIG_SENTINELS_HOST:
                return CW_MATICA_WANTS_SENTINELS;
        case CW_CONFIG_SENTINELS_HOST_LRC:
                return CW_MATICA_WANTS_LRC;
        case CW_CONFIG_SENTINELS_PRINTER:
                break;
        }
        return CW_MATICA_ADDS_SENTINELS;
}

static enum cw_matica_rfid matica_rfid(enum cw_config_matica_rfid r) {
        switch (r) {
        case CW_CONFIG_RFID_05_04:
                return CW_MATICA_RFID_05_04;
        case CW_CONFIG_RFID_MOVE:
                return CW_MATICA_RFID_MOVE_ONLY;
        case CW_CONFIG_RFID_04_05:
                break;
        }
        return CW_MATICA_RFID_04_05;
}

void cw_station_fitting(const struct cw_config_station *s, struct cw_printer_fitting *ret) {
        *ret = (struct cw_printer_fitting){
            .both_faces = s->printer_faces == CW_FACES_AUTO ? -1 : s->printer_faces == CW_FACES_BOTH,
            .flip = s->printer_flip == CW_FLIP_AUTO        ? -1
                    : s->printer_flip == CW_FLIP_LONG_EDGE ? CW_FLIP_LONG
                                                           : CW_FLIP_SHORT,
            .experimental = s->printer_experimental,
            .ribbon = s->printer_ribbon,
            .quirks = s->printer_quirks,
            .heat = s->printer_heat,
            .curve = s->printer_curve,
            .matica = {.model = matica_model(s->matica_model),
                       .sentinels = matica_sentinels(s->matica_sentinels),
                       .rfid = matica_rfid(s->matica_rfid),
                       .jam_place_told = s->matica_jam == CW_CONFIG_JAM_TOLD,
                       .counters_prove_nothing = s->matica_counters == CW_CONFIG_COUNTERS_SHOWN,
                       .shift_right = (int)s->matica_shift_right_px,
                       .shift_down = (int)s->matica_shift_down_px}};
}

void cw_station_pick(const struct cw_config *c, const struct cw_config_station *s,
                     const char *ret_others[CW_CONFIG_STATIONS_MAX + 1], struct cw_printer_pick *ret) {
        size_t n = 0;
        for (size_t i = 0; i < c->station_count; i++)
                if (&c->stations[i] != s &&
                    strncmp(c->stations[i].printer_serial, BY_PORT, strlen(BY_PORT)) == 0)
                        ret_others[n++] = c->stations[i].printer_serial + strlen(BY_PORT);
        ret_others[n] = NULL;
        *ret = (struct cw_printer_pick){.serial = s->printer_serial, .others = ret_others};
}
