/* SPDX-License-Identifier: Apache-2.0 */
/* What the checks share. */
#pragma once

#include "tests/contract/bench.h"

#include "base/clock.h"

#define LONG_NS cw_deadline_ns(240000) /* simulated seconds, see bench.h */

int check_setup(void **state);
int check_teardown(void **state);

/* Opens the driver on a new connection; fails the test when it does not open. */
struct cw_printer *check_open(struct bench *b);
/* The same through the fault layer. */
struct cw_printer *check_open_faulty(struct bench *b, const struct cw_usb_fault_rule *rules, size_t count,
                                     struct cw_usb **ret_layer);
/* Fails the test unless rc has this class and the fault this code ("" = any). */
void check_class(cw_rc rc, const struct cw_fault *f, enum cw_class cls, const char *code);
/* Fails the test, with the fault's sentence, unless rc is CW_OK. */
void check_ok(cw_rc rc, const struct cw_fault *f);
/*
 * What a driver is asked for, LONG_NS long. A machine that stalls makes an answer late, and the driver puts
 * off (RETRY) what it has not begun: that is asked for again. Where time jumps none is late.
 */
typedef cw_rc check_step_fn(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                            struct cw_fault *f);
cw_rc check_step(check_step_fn *step, struct cw_printer *p, struct cw_printer_effect *e, struct cw_fault *f);
cw_rc check_preflight(struct cw_printer *p, const struct cw_printer_need *need, struct cw_fault *f);
cw_rc check_print(struct cw_printer *p, struct cw_printer_effect *e, struct cw_fault *f); /* check_panels */
cw_rc check_baseline(struct cw_printer *p, struct cw_printer_baseline *ret, struct cw_fault *f);
cw_rc check_reconcile(struct cw_printer *p, enum cw_printer_step step,
                      const struct cw_printer_baseline *before, struct cw_printer_finding *ret,
                      struct cw_fault *f);
/* A status that is told. */
void check_status(struct cw_printer *p, struct cw_printer_status *ret);
/* The same, and it says this. */
void check_state(struct cw_printer *p, enum cw_printer_state state, const char *code);
/* A fed card; fails the test when that does not work. */
void check_feed(struct cw_printer *p);
/* Panels with a pattern that has no symmetry; overcoat and all. */
struct cw_panels *check_panels(void);
struct cw_tracks check_tracks(void);

/* Lists of the checks by subject. */
#define CHECK(fn)                                                                                            \
        { #fn, fn, check_setup, check_teardown, NULL }
void open_identifies(void **state);
void open_without_a_number_of_the_head(void **state);
void open_again_after_close(void **state);
void open_too_late_touches_nothing(void **state);
void what_came_unasked_is_no_answer(void **state);
void open_drains_what_a_dead_process_left(void **state);
void open_ends_half_a_panel_of_a_dead_process(void **state);
void open_takes_charge_of_errors(void **state);
void open_takes_charge_again_after_power_cycle(void **state);
void open_refuses_a_printer_that_hides_errors(void **state);
void open_fails_cleanly_at_every_transfer(void **state);
void open_copes_with_bad_device_ids(void **state);
void unknown_model_moves_nothing(void **state);
void answers_may_end_with_cr(void **state);
void answers_may_end_with_nothing(void **state);
void raw_answers_and_refuses_card_data(void **state);
void what_the_console_began_is_forgotten(void **state);
void sheets_tell_and_settings_stick(void **state);

void status_ready(void **state);
void status_cover_open(void **state);
void status_hopper_empty(void **state);
void status_ribbon_ended(void **state);
void status_ribbon_missing(void **state);
void status_reject_full(void **state);
void status_survives_garbage(void **state);
void status_survives_split_answers(void **state);
void status_survives_merged_answers(void **state);
void status_back_in_step_after_lost_answer(void **state);
void status_back_in_step_after_late_answer(void **state);
void status_stray_ok_does_not_empty_the_path(void **state);
void status_tells_less_when_commands_are_unknown(void **state);
void status_port_status_zero_says_nothing(void **state);
void preflight_passes(void **state);
void preflight_names_what_is_missing(void **state);
void preflight_refuses_a_card_inside(void **state);
void preflight_wants_the_right_ribbon(void **state);

void both_faces_are_printed(void **state);
void one_face_of_two_is_no_card(void **state);
void ribbon_for_both_faces_gives_one_set(void **state);
void back_is_refused_where_it_cannot_be_printed(void **state);
void preflight_counts_the_sets_of_both_faces(void **state);
void jam_while_turning_is_a_spoiled_card(void **state);

void feed_takes_one_card(void **state);
void feed_refuses_when_a_card_is_inside(void **state);
void feed_hopper_empty(void **state);
void feed_jam(void **state);
void feed_cover_open(void **state);
void feed_localised_refusal(void **state);
void feed_too_late_touches_nothing(void **state);
void contact_and_out(void **state);
void contact_without_card(void **state);
void contact_jam(void **state);
/* check_contactless.c */
void contactless_and_out(void **state);
void contactless_from_and_to_the_contacts(void **state);
void contactless_twice(void **state);
void contactless_then_print(void **state);
void contactless_without_card(void **state);
void contactless_jam(void **state);
void contactless_card_found_there(void **state);
void contactless_only_where_the_model_is_known(void **state);
void contactless_is_refused(void **state);
void unplug_after_every_transfer_of_contactless(void **state);
void eject_delivers(void **state);
void eject_output_full(void **state);
void reject_goes_to_the_box(void **state);
void reject_without_card(void **state);
void reject_full(void **state);
void clean_and_test_card(void **state);
void lost_answer_to_a_move_is_doubt(void **state);
void garbled_answer_to_a_move_is_doubt(void **state);

void stripe_written_and_read(void **state);
void stripe_write_fails(void **state);
void stripe_blank(void **state);
void stripe_bad_data_sends_nothing(void **state);
void stripe_read_by_a_new_process(void **state);
void print_whole_card(void **state);
void heat_is_sent_only_when_it_is_set(void **state);
void print_chip_and_stripe_first(void **state);
void print_ribbon_ends(void **state);
void print_cover_opened(void **state);
void print_jam(void **state);
void print_unplugged(void **state);
void print_partial_panel_is_never_resent(void **state);
void print_answer_lost_at_the_end(void **state);
void print_answer_garbled_at_the_end(void **state);
void print_stray_yes_hides_no_refusal(void **state);
void stripe_stray_yes_hides_no_refusal(void **state);
void print_late_panel_answer(void **state);
void print_wrong_panels_send_nothing(void **state);
void print_wrong_ribbon_uses_nothing(void **state);
void print_without_card(void **state);
void print_power_cycle(void **state);
void print_hot_head(void **state);
void stripe_fails_once_then_works(void **state);

void unplug_at_every_transfer_of_feed(void **state);
void unplug_after_every_transfer_of_contact(void **state);
void stalls_never_move_twice(void **state);
void power_cycle_between_steps(void **state);
void reconcile_other_printer(void **state);
void reconcile_stripe_is_unknown(void **state);
