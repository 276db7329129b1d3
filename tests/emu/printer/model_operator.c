/* SPDX-License-Identifier: Apache-2.0 */
/* What a person does at the machine, and what a test may see of it. */
#include "model_int.h"

#include <stdlib.h>
#include <string.h>

const char *emup_operator_hopper(struct emup_model *m, uint32_t count) {
        m->hopper = count;
        emup_note(m, '#', "hopper holds %u cards", count);
        emup_mech_resume(m);
        return NULL;
}

static bool known_kind(const char *kind) {
        static const char *const kinds[] = {"ymcko", "ymckos", "ymckok", "kb",  "kw",  "kr",
                                            "kbl",   "kgr",    "kgo",    "ksi", "ksc", "ko",
                                            "h",     "o",      "Ktc",    "Ktp", "Ka",  "k"};
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (strcmp(kinds[i], kind) == 0)
                        return true;
        return false;
}

const char *emup_operator_ribbon(struct emup_model *m, const char *kind, int64_t remaining, bool present) {
        if (kind && !known_kind(kind))
                return "no ribbon of that kind";
        if (remaining > 100000)
                return "no ribbon is that long";
        if (kind)
                (void)snprintf(m->ribbon.kind, sizeof m->ribbon.kind, "%s", kind);
        if (remaining >= 0)
                m->ribbon.remaining = (uint32_t)remaining;
        if (m->ribbon.remaining > m->ribbon.capacity || !m->ribbon.present)
                m->ribbon.capacity = m->ribbon.remaining;
        m->ribbon.present = present;
        m->ribbon.tagged = present;
        (void)snprintf(m->ribbon.serial, sizeof m->ribbon.serial, "RB%08u", ++m->ribbon.batch);
        emup_note(m, '#', "ribbon %s: %s, %u left", present ? "in" : "out", m->ribbon.kind,
                  m->ribbon.remaining);
        emup_mech_resume(m);
        return NULL;
}

const char *emup_operator_cover(struct emup_model *m, bool open) {
        if (open && m->locked)
                return "the cover is locked";
        if (open == m->cover_open)
                return NULL;
        m->cover_open = open;
        emup_note(m, '#', "cover %s", open ? "open" : "closed");
        if (open)
                emup_mech_disturb(m, ERR_COVER);
        else
                emup_mech_resume(m);
        return NULL;
}

const char *emup_operator_lock(struct emup_model *m, bool locked) {
        if (locked && m->cover_open)
                return "an open cover cannot be locked";
        m->locked = locked;
        return NULL;
}

const char *emup_operator_cleaning(struct emup_model *m, uint32_t cards_since) {
        m->count.since_cleaning = cards_since;
        return NULL;
}

static void take_from_path(struct emup_model *m) {
        emup_compose(m);
        emup_io(m, emup_plastic_move(m->card, "taken", "taken out of the path by the operator"));
        emup_plastic_free(m->card);
        m->card = NULL;
        m->pos = POS_NONE;
        m->count.taken++;
}

const char *emup_operator_clear(struct emup_model *m, const char *to, char *ret_path, size_t cap) {
        bool inside = strcmp(to, "inside") == 0, reject = strcmp(to, "reject") == 0;
        if (!inside && !reject && strcmp(to, "taken") != 0)
                return "\"to\" is taken, reject or inside";
        if (m->locked)
                return "the cover is locked";
        emup_note(m, '#', "operator clears the path");
        emup_mech_disturb(m, ERR_COVER); /* the cover is opened for it */
        emup_disengage(m);
        m->jammed = false;
        m->cover_open = false;
        *ret_path = '\0';
        if (m->card) {
                (void)snprintf(ret_path, cap, "%s", emup_plastic_path(m->card));
                if (inside)
                        m->pos = POS_TRANSPORT;
                else if (reject && m->reject_count < EMUP_TRAY_MAX)
                        emup_card_to_tray(m, true, "put into the reject box by the operator");
                else
                        take_from_path(m);
        }
        emup_mech_resume(m);
        return NULL;
}

static void remove_at(char **list, unsigned *n, unsigned at) {
        free(list[at]);
        memmove(list + at, list + at + 1, (*n - at - 1) * sizeof *list);
        (*n)--;
}

const char *emup_operator_take(struct emup_model *m, bool reject_box, const char *plastic, char *ret_path,
                               size_t cap) {
        char **list = reject_box ? m->reject : m->output;
        unsigned *n = reject_box ? &m->reject_count : &m->output_count, at = 0;
        if (reject_box && m->locked)
                return "the reject box is locked";
        if (reject_box)
                m->reject_full = false;
        else
                m->output_full = false;
        while (plastic && at < *n && strcmp(list[at], plastic) != 0)
                at++;
        if (at >= *n) {
                emup_mech_resume(m);
                return plastic ? "that plastic is not there" : "no card is there";
        }
        struct emup_plastic *p;
        (void)snprintf(ret_path, cap, "%s", list[at]);
        if (emup_plastic_open(list[at], &p) != 0)
                return "the directory of that plastic cannot be read";
        emup_io(m, emup_plastic_move(p, "taken",
                                     reject_box ? "taken out of the reject box" : "taken by a person"));
        emup_plastic_free(p);
        remove_at(list, n, at);
        m->count.taken++;
        emup_mech_resume(m);
        return NULL;
}

const char *emup_operator_insert(struct emup_model *m, const char *plastic) {
        struct emup_plastic *p;
        if (m->inserted_count == EMUP_TRAY_MAX)
                return "the hopper is full";
        if (emup_plastic_open(plastic, &p) != 0)
                return "that is not the directory of a plastic";
        emup_io(m, emup_plastic_move(p, "hopper", "put into the hopper by a person"));
        emup_plastic_free(p);
        m->inserted[m->inserted_count++] = strdup(plastic);
        emup_mech_resume(m);
        return NULL;
}
