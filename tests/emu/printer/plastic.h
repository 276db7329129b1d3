/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plastic: one physical card as a directory that outlives the printer. plastic.json says where it is and
 * what happened to it, stripe.json what the magnetic head laid down, front-<panel>.png each panel as it was
 * received, front.png what a person sees; back-<panel>.png and back.png the same of the other side, when it
 * was printed. Only emulators write here, test BINs only, hence in clear. Every file is replaced atomically.
 * All calls block on the file system and return 0 or -1 (said on stderr).
 */
#pragma once

#include "model_raster.h"
#include "model_stripe.h"

struct emup_plastic;

/* A blank out of the hopper of this printer: <dir>/plastic-<printer>-<number>, number unique in dir. */
int emup_plastic_create(const char *dir, const char *printer, bool hico, struct emup_plastic **ret);
/* A card a person put back: reads what the directory says. */
int emup_plastic_open(const char *path, struct emup_plastic **ret);
void emup_plastic_free(struct emup_plastic *p);

const char *emup_plastic_path(const struct emup_plastic *p);
/* where: hopper transport contact contactless mag print output reject taken; event is one short phrase for
 * history. */
int emup_plastic_move(struct emup_plastic *p, const char *where, const char *event);
/* The stripe, to be changed in place and then saved. */
struct emup_stripe *emup_plastic_stripe(struct emup_plastic *p);
int emup_plastic_save_stripe(struct emup_plastic *p);
/* Lays the first lines of a panel on a side (0 the front); *ret_on_chip counts pixels laid on the chip
 * module. */
int emup_plastic_print(struct emup_plastic *p, unsigned side, const struct emup_panel *panel, unsigned lines,
                       size_t *ret_on_chip);
/* Draws the sides on which panels were laid since the last call. turned: the printer turns cards over about
 * an axis parallel to their long edges, so the back lies half way round for who turns the card like a page.
 */
int emup_plastic_compose(struct emup_plastic *p, bool turned);
