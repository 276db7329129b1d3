/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of a plastic. Portrait = as received, 648 wide; landscape = as a person holds the card, 1016 wide.
 */
#pragma once

#include "model_raster.h"

enum { EMUP_PANELS = 5 };
/* y m c k o in this order; a layer holds EMUP_PIXELS amounts 0 .. 255, portrait, or is NULL. */
struct emup_layers {
        uint8_t *layer[EMUP_PANELS];
};

/* Index of a panel letter, -1 when it is none. */
int emup_panel_index(char letter);
/* True when a portrait pixel lies on the chip module of an ISO/IEC 7816-2 card. */
bool emup_on_chip(unsigned x, unsigned line);
/* 8-bit grey, portrait, darker = more colour. 0 or -1. */
int emup_image_write_layer(const char *path, const uint8_t *layer);
/* Reads such a picture back into EMUP_PIXELS amounts. 0 or -1. */
int emup_image_read_layer(const char *path, uint8_t *layer);
/* The chip module lies on top of the front; a turned back was printed half way round. */
enum emup_view { EMUP_VIEW_FRONT, EMUP_VIEW_BACK, EMUP_VIEW_BACK_TURNED };
/* 24-bit colour, landscape. 0 or -1. */
int emup_image_write_face(const char *path, const struct emup_layers *layers, enum emup_view view);
