/* SPDX-License-Identifier: Apache-2.0 */
/* The exchanges that Thales prints for card orders, through the real client against d1-sim. */
#pragma once

/* Adds to both counts; prints what did not come out as printed. */
void d1_samples(unsigned *passed, unsigned *failed);
