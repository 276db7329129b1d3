/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a face without a station: what `cardwright face` starts. */
#pragma once

/*
 * argv: "render" TEMPLATE DATA FILE, or "panels" TEMPLATE DATA FOLDER. DATA is a JSON object of texts. A card
 * number that is not of a test BIN is masked, and the CVV2 with it. Exit status 0, 1 (the sentence is on
 * stderr) or 2 (usage).
 */
int cw_face_show(int argc, char **argv);
