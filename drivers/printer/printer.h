/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical card printer. A family is one vtable (struct cw_printer_ops); everybody else calls the
 * functions below, which add what is common: a deadline that is already past touches nothing, and an effect
 * is written always.
 *
 * All calls block until done or deadline_ns (absolute, cw_deadline_ns). One thread owns a printer. Drivers
 * hold no policy: they do not sleep, do not repeat a write, do not log.
 *
 * Classes:
 *   RETRY      nothing reached the printer, or a question was not answered in time: may be asked again
 *   RECONNECT  the device is gone or out of step and no effect was under way: close, find, open
 *   OPERATOR   the printer said no (a jam too); the card's place is in the effect, the text says what to do
 *   REJECT     this input cannot be printed or encoded, or the printer cannot do it
 *   IN_DOUBT   an effect was started and its end is unknown: reconcile, never repeat
 */
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "drivers/face/face.h"
#include "drivers/transport/usb.h"

#include <stdbool.h>
#include <stdint.h>

#define CW_PRINTER_ABI 1u

enum cw_where {
        CW_WHERE_UNKNOWN = 0,
        CW_WHERE_NONE, /* the path is empty */
        CW_WHERE_FEEDER,
        CW_WHERE_TRANSPORT, /* inside, between stations or jammed */
        CW_WHERE_CONTACT,
        CW_WHERE_CONTACTLESS, /* at the antenna of the contactless station */
        CW_WHERE_MAG,
        CW_WHERE_PRINT,
        CW_WHERE_OUTPUT, /* delivered by the last action */
        CW_WHERE_REJECT, /* in the reject box by the last action */
        CW_WHERE_MAX_
};
/* "none", "feeder", ... as in ARCHITECTURE.md. */
const char *cw_where_name(enum cw_where w);
enum cw_where cw_where_from_name(const char *name); /* CW_WHERE_UNKNOWN for another word */
/* True for every place inside the machine where the next card would collide. */
bool cw_where_inside(enum cw_where w);

enum cw_maturity { CW_MATURITY_EXPERIMENTAL, CW_MATURITY_TESTING, CW_MATURITY_PRODUCTION };

/* Printer abilities. */
#define CW_PRINTER_CAP_COLOUR 0x01u
#define CW_PRINTER_CAP_STRIPE 0x02u
#define CW_PRINTER_CAP_CONTACT 0x04u
#define CW_PRINTER_CAP_REJECT 0x08u
#define CW_PRINTER_CAP_CLEAN 0x10u
#define CW_PRINTER_CAP_TEST_CARD 0x20u
/* print() also delivers the card: its effect says CW_WHERE_OUTPUT, and eject() then succeeds without moving
 * anything. */
#define CW_PRINTER_CAP_PRINT_EJECTS 0x40u
/* The printer tells where a card is. Without it the place follows from what was done since the open; it is
 * CW_WHERE_UNKNOWN before the first card and after a failure. feed() then clears the path to the output
 * first: a card that was in it belongs to a step in doubt, and the person who settles that finds it there. */
#define CW_PRINTER_CAP_WHERE 0x80u
/* stripe_write() keeps the tracks, print() has them written and compared by the printer; there is no
 * stripe_read(). A card that leaves unprinted has no stripe. */
#define CW_PRINTER_CAP_STRIPE_IN_PRINT 0x100u
/* The picture goes onto a film and the film onto the card: it covers the whole card, so an 'o' panel is not
 * laid, and how much is left is not told. */
#define CW_PRINTER_CAP_FILM 0x200u
/* There is a station that turns the card over: print() takes panels with a back. */
#define CW_PRINTER_CAP_BOTH_FACES 0x400u
/* The printer tells nothing of its ribbon: its kind is what the branch says, how much is left is not known.
 */
#define CW_PRINTER_CAP_RIBBON_UNTOLD 0x800u
/* No overcoat can be laid. */
#define CW_PRINTER_CAP_NO_OVERCOAT 0x1000u
/* The family's language has a contactless station: to_contactless() brings a card there. Whether the module
 * is fitted in this very printer is public of none; one without it refuses the move. */
#define CW_PRINTER_CAP_CONTACTLESS 0x2000u

/* About which of its axes the card is turned over between the faces. */
enum cw_flip {
        CW_FLIP_SHORT, /* parallel to its short edges, as one turns a page: upper edge stays upper edge */
        CW_FLIP_LONG,  /* parallel to its long edges: the back is printed turned half way round */
};

#define CW_PRINTER_TEXT_MAX 64
/* A part of the printer with a firmware of its own; name "" = no further one. */
struct cw_printer_firmware {
        char part[12];
        char version[24];
};
#define CW_PRINTER_FIRMWARES_MAX 3
struct cw_printer_info {
        char family[16];
        char model[CW_PRINTER_TEXT_MAX];
        char serial[CW_PRINTER_TEXT_MAX];
        char firmware[CW_PRINTER_TEXT_MAX];
        struct cw_printer_firmware
            parts[CW_PRINTER_FIRMWARES_MAX]; /* firmware again, and what else it tells */
        /* Inventory beside them; "" = the printer does not tell. */
        char head[CW_PRINTER_TEXT_MAX];  /* print head: its serial or kit number */
        char board[CW_PRINTER_TEXT_MAX]; /* serial number of the main board */
        char port[CW_USB_STRING_MAX];
        uint32_t caps; /* CW_PRINTER_CAP_* */
        unsigned width, height, colour_bits;
        enum cw_maturity maturity;
        enum cw_flip flip; /* with CW_PRINTER_CAP_BOTH_FACES */
        bool barred;       /* public in part only, and the branch has not switched it on: makes no card */
};

/*
 * What the driver of the Matica printers infers because no public source says it, and a branch finds out
 * otherwise. All zero = as inferred.
 */
enum cw_matica_model { CW_MATICA_AS_IT_SAYS, CW_MATICA_XID580, CW_MATICA_XID8300, CW_MATICA_XID8600 };
enum cw_matica_sentinels { CW_MATICA_ADDS_SENTINELS, CW_MATICA_WANTS_SENTINELS, CW_MATICA_WANTS_LRC };
/* What is sent at the contactless station beside the move: 32 04 at arrival and 32 05 before leaving, the
 * other way round, or neither. */
enum cw_matica_rfid { CW_MATICA_RFID_04_05, CW_MATICA_RFID_05_04, CW_MATICA_RFID_MOVE_ONLY };
struct cw_matica_fitting {
        enum cw_matica_model model;         /* what the printer behaves as */
        enum cw_matica_sentinels sentinels; /* who puts them and the LRC on the stripe */
        enum cw_matica_rfid rfid;
        bool jam_place_told;         /* after a jam too the card is where the printer says */
        bool counters_prove_nothing; /* they are shown, and are no evidence of a step */
        int shift_right, shift_down; /* of the picture from the middle, pixels of 300 dpi */
};
#define CW_MATICA_SHIFT_RIGHT_MAX 10
#define CW_MATICA_SHIFT_DOWN_MAX 8

/* What a branch knows about its printer and the printer does not tell; -1, NULL = as the driver knows its
 * model. Texts are borrowed for the call. */
struct cw_printer_fitting {
        int both_faces;     /* 1: a flip-over station is fitted, 0: none is */
        int flip;           /* enum cw_flip */
        bool experimental;  /* cards may be made by a driver that knows its printer's language in part only */
        const char *ribbon; /* kind of what is loaded, for CW_PRINTER_CAP_RIBBON_UNTOLD */
        const char *quirks; /* words of the driver (struct cw_printer_quirk), blanks or commas between */
        const char *heat;   /* "y=12,m=12,c=12,k=10": per panel, in the units of the family; else not sent */
        const char *curve;  /* heat curve that its faces are drawn with (cw_face_curve_parse); only checked */
        struct cw_matica_fitting matica;
};

/* Something that is inferred in a driver, or differs between firmwares, and can be switched. */
struct cw_printer_quirk {
        const char *word;
        const char *what; /* one line for people */
};

/* The heat that a family's language can set for a panel. */
struct cw_printer_heat_range {
        const char *panels; /* "ymcko" */
        int16_t min, max;
        bool one_colour; /* one value for y, m and c together */
};

enum cw_printer_state {
        CW_PRINTER_READY,
        CW_PRINTER_NEEDS_OPERATOR, /* nothing is lost yet: hopper, ribbon, cover */
        CW_PRINTER_ERROR,          /* a job was interrupted or a card is inside: its state is uncertain */
        CW_PRINTER_OFFLINE,
};
const char *cw_printer_state_name(enum cw_printer_state s); /* "ready" "operator" "error" "offline" */

struct cw_ribbon {
        char kind[16];     /* "ymcko", "k", ...; "" when none or unreadable */
        int64_t remaining; /* prints left, -1 unknown */
        int64_t capacity;  /* -1 unknown */
        char serial[CW_PRINTER_TEXT_MAX];
};
struct cw_printer_counters { /* -1 = the printer does not tell */
        int64_t cards_fed;
        int64_t panels;
        int64_t cleanings;
        int64_t cards_to_cleaning; /* average interval, as the printer reports it */
};
struct cw_printer_status {
        enum cw_printer_state state;
        char code[48];   /* station taxonomy, "" when ready */
        char text[160];  /* one sentence: what is wrong and what to do */
        char vendor[96]; /* what the printer said, for technicians; never payload */
        enum cw_where where;
        bool cover_open, hopper_empty, hopper_low, reject_full, cleaning_due;
        bool vendor_error; /* the printer shows an error that its driver knows by number only */
        struct cw_ribbon ribbon;
        struct cw_printer_counters counters;
};

/* Evidence before an effect; journalled by the caller, given back to reconcile. */
struct cw_printer_baseline {
        char serial[CW_PRINTER_TEXT_MAX];
        int64_t cards_fed, panels, ribbon_remaining; /* -1 unknown */
        enum cw_where where;
        int64_t sets; /* panel sets that the job's print takes (cw_printer_sets), by the caller; below 1 = it
                         is not known */
};

/* What an action did, as far as known. Written always, also on failure. */
struct cw_printer_effect {
        enum cw_where where;
        bool started;     /* something was sent that may have moved or changed the card */
        bool ribbon_used; /* a panel set was used, or may have been */
        char vendor[96];  /* the printer's own words, never payload */
};

/* What a job will need, for preflight. */
struct cw_printer_need {
        bool stripe, contact, contactless, print, reject;
        char panels[8];      /* "ymcko" */
        char back_panels[8]; /* "" = the back stays as it is */
};

#define CW_TRACK1_MAX 76
#define CW_TRACK2_MAX 37
#define CW_TRACK3_MAX 104
/* Without sentinels and LRC; len 0 = the track is not written. Borrowed secrets. ISO/IEC 7811-6. */
struct cw_tracks {
        struct cw_span track[3];
        bool low_coercivity;
};

enum cw_test_card { CW_TEST_CARD_STANDARD, CW_TEST_CARD_TECHNICAL };

/* What a technician looks at, one line each; a line that the printer does not tell is absent. */
enum cw_printer_sheet { CW_SHEET_COUNTERS, CW_SHEET_SENSORS, CW_SHEET_SETTINGS, CW_SHEET_MAX_ };
/* "counters", "sensors", "settings". */
const char *cw_printer_sheet_name(enum cw_printer_sheet sheet);
bool cw_printer_sheet_from_name(const char *name, enum cw_printer_sheet *ret);
#define CW_SHEET_LINES_MAX 24
struct cw_printer_line {
        char name[32];                   /* stable: "cards", "feeder", "mag.coercivity" */
        char value[CW_PRINTER_TEXT_MAX]; /* a number or the printer's own word */
        char unit[12];                   /* "V", "cards", ... or "" */
        bool writable;                   /* cw_printer_setting takes it */
};
struct cw_printer_lines {
        struct cw_printer_line line[CW_SHEET_LINES_MAX];
        size_t count;
};

enum cw_printer_step {
        CW_PRINTER_STEP_FEED,
        CW_PRINTER_STEP_STRIPE,
        CW_PRINTER_STEP_CONTACT,
        CW_PRINTER_STEP_PRINT,
        CW_PRINTER_STEP_EJECT,
        CW_PRINTER_STEP_REJECT,
        CW_PRINTER_STEP_CONTACTLESS,
};
enum cw_verdict { CW_VERDICT_UNKNOWN, CW_VERDICT_DONE, CW_VERDICT_NOT_DONE };
struct cw_printer_finding {
        enum cw_verdict verdict;
        enum cw_where where;
        struct cw_printer_baseline now;
        char text[160]; /* what the verdict rests on */
};

struct cw_printer;

struct cw_printer_ops {
        uint32_t abi; /* CW_PRINTER_ABI */
        const char *family;
        enum cw_maturity maturity;
        uint16_t vendor_id;
        bool turns;   /* print() knows how to have a card turned over, where the printer can */
        bool partial; /* the printer's language is public in part only: no card unless the branch says so */
        const struct cw_printer_heat_range *heat; /* NULL: no public command sets it */
        const char *no_settings;                  /* why nothing can be set; NULL where setting is not */
        const struct cw_printer_quirk *quirks;    /* ends with a NULL word, at most 32; may be NULL */
        /* Takes usb in every case. Drains stale input, identifies, sets host error handling; moves nothing.
         * Bit n of quirks: word n of the list. */
        cw_rc (*open)(struct cw_usb *take_usb, uint32_t quirks, int64_t deadline_ns, struct cw_printer **ret,
                      struct cw_fault *f);
        void (*close)(struct cw_printer *p);
        cw_rc (*status)(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_status *ret,
                        struct cw_fault *f);
        cw_rc (*baseline)(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_baseline *ret,
                          struct cw_fault *f);
        cw_rc (*feed)(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                      struct cw_fault *f);
        cw_rc (*to_contact)(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                            struct cw_fault *f);
        /* Called only with CW_PRINTER_CAP_CONTACTLESS. NULL: no public way there. */
        cw_rc (*to_contactless)(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                                struct cw_fault *f);
        cw_rc (*stripe_write)(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                              struct cw_printer_effect *ret, struct cw_fault *f);
        cw_rc (*stripe_read)(struct cw_printer *p, unsigned track, int64_t deadline_ns,
                             struct cw_secret **ret, struct cw_fault *f);
        /* panels->back only with CW_PRINTER_CAP_BOTH_FACES, and turned already where the model needs it. */
        cw_rc (*print)(struct cw_printer *p, const struct cw_panels *panels, int64_t deadline_ns,
                       struct cw_printer_effect *ret, struct cw_fault *f);
        cw_rc (*eject)(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                       struct cw_fault *f);
        cw_rc (*reject)(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                        struct cw_fault *f);
        cw_rc (*clean)(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                       struct cw_fault *f);
        cw_rc (*test_card)(struct cw_printer *p, enum cw_test_card kind, int64_t deadline_ns,
                           struct cw_printer_effect *ret, struct cw_fault *f);
        cw_rc (*raw)(struct cw_printer *p, const char *command, int64_t deadline_ns, char *ret, size_t cap,
                     struct cw_fault *f);
        /* *ret is empty on entry. A sheet that the family does not have stays empty. */
        cw_rc (*sheet)(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                       struct cw_printer_lines *ret, struct cw_fault *f);
        /* What concerns this family alone; sends nothing. NULL: nothing does. */
        void (*fit)(struct cw_printer *p, const struct cw_printer_fitting *fitting);
        /* NULL: nothing can be set. */
        cw_rc (*setting)(struct cw_printer *p, const char *name, const char *value, int64_t deadline_ns,
                         struct cw_fault *f);
};

/* Every driver's object begins with this. */
struct cw_printer {
        const struct cw_printer_ops *ops;
        struct cw_usb *usb; /* owned */
        struct cw_printer_info info;
        char ribbon[16]; /* of the fitting */
        int16_t heat[5]; /* of y m c k o, -1 = not sent */
};

/* Driver by the name used in the configuration ("evolis"); NULL when there is none. */
const struct cw_printer_ops *cw_printer_driver(const char *family);

/* Which printer a station means. All borrowed. */
struct cw_printer_pick {
        const char *serial; /* its serial number, "port:1-1.4" for a port path, "" for the only one */
        /* Paths of ports that other stations name, ended by NULL, or NULL: what is there is not meant by a
         * serial number, not even while it is the only one that fits, and is not asked either. */
        const char *const *others;
};
/*
 * Finds and opens the printer of a station. Devices without a usable serial descriptor are asked.
 * OPERATOR/PRT_NOT_REACHABLE when it is not there or not the only match; nothing moves. fitting as for
 * cw_printer_open.
 */
CW_WARN_UNUSED cw_rc cw_printer_find(struct cw_usb_bus *bus, const struct cw_printer_ops *driver,
                                     const struct cw_printer_pick *pick,
                                     const struct cw_printer_fitting *fitting, int64_t deadline_ns,
                                     struct cw_printer **ret, struct cw_fault *f);
/* Opens a driver on a device (taken, also on failure); fitting may be NULL. OPERATOR/PRT_SETUP_ERROR when it
 * has a quirk or a heat that the driver does not know, or a curve that is none. */
CW_WARN_UNUSED cw_rc cw_printer_open(const struct cw_printer_ops *driver, struct cw_usb *take_usb,
                                     const struct cw_printer_fitting *fitting, int64_t deadline_ns,
                                     struct cw_printer **ret, struct cw_fault *f);
/* NULL is fine. Leaves a card where it is. */
void cw_printer_close(struct cw_printer *p);
CW_DEFINE_CLEANUP(struct cw_printer *, cw_printer_close);

/* Identity and abilities, read when opened. Borrowed. */
const struct cw_printer_info *cw_printer_info(const struct cw_printer *p);
/* Tells an open printer what is fitted, but for the quirks. Nothing is sent. both_faces 1 has no effect on a
 * family that cannot turn a card over. */
void cw_printer_fit(struct cw_printer *p, const struct cw_printer_fitting *fitting);
/* True once the device left the bus; never blocks. Then close and find again. */
bool cw_printer_gone(struct cw_printer *p);
/* How often, and how many bytes, the printer sent what nobody had asked for, since it was opened; the bytes
 * themselves are thrown away (cw_usb_purge). Never blocks. */
unsigned cw_printer_unasked(const struct cw_printer *p, uint64_t *ret_bytes);

/* Answers within 2 s. Moves nothing. */
CW_WARN_UNUSED cw_rc cw_printer_status(struct cw_printer *p, int64_t deadline_ns,
                                       struct cw_printer_status *ret, struct cw_fault *f);
/* Panel sets that a card with these panels takes off a ribbon of this kind; back may be "". */
int64_t cw_printer_sets(const char *kind, const char *back);
/* The sets whose use proves that the whole card was printed, for cw_printer_baseline.sets; -1 when no number
 * of them does: one set for both faces is used whether or not the back was reached. */
int64_t cw_printer_proving_sets(const char *kind, const char *back);
/* Counters and place before an effect. Moves nothing. sets is left at 0. */
CW_WARN_UNUSED cw_rc cw_printer_baseline(struct cw_printer *p, int64_t deadline_ns,
                                         struct cw_printer_baseline *ret, struct cw_fault *f);
/*
 * Would a job with this need start now? CW_OK, else OPERATOR with the code of the first thing to fix (cover,
 * card inside, hopper, reject box, ribbon kind, ribbon remaining), REJECT when this printer never can. Moves
 * nothing. ret_status may be NULL.
 */
CW_WARN_UNUSED cw_rc cw_printer_preflight(struct cw_printer *p, const struct cw_printer_need *need,
                                          int64_t deadline_ns, struct cw_printer_status *ret_status,
                                          struct cw_fault *f);

/* Takes a card from the feeder to the print position, or to the contact station when the printer feeds there.
 */
CW_WARN_UNUSED cw_rc cw_printer_feed(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                                     struct cw_fault *f);
/* Moves the card to the contact station and engages it. The caller waits for the reader. */
CW_WARN_UNUSED cw_rc cw_printer_to_contact(struct cw_printer *p, int64_t deadline_ns,
                                           struct cw_printer_effect *ret, struct cw_fault *f);
/* Moves the card to the antenna of the contactless station. The caller waits for the reader. REJECT, nothing
 * sent: a printer without CW_PRINTER_CAP_CONTACTLESS. */
CW_WARN_UNUSED cw_rc cw_printer_to_contactless(struct cw_printer *p, int64_t deadline_ns,
                                               struct cw_printer_effect *ret, struct cw_fault *f);
/* Writes tracks. REJECT for characters or lengths a track cannot hold. The caller reads back and compares. */
CW_WARN_UNUSED cw_rc cw_printer_stripe_write(struct cw_printer *p, const struct cw_tracks *tracks,
                                             int64_t deadline_ns, struct cw_printer_effect *ret,
                                             struct cw_fault *f);
/* Reads track 1..3 without sentinels. OPERATOR/PRD_MAGSTRIPE when blank or unreadable. */
CW_WARN_UNUSED cw_rc cw_printer_stripe_read(struct cw_printer *p, unsigned track, int64_t deadline_ns,
                                            struct cw_secret **ret, struct cw_fault *f);
/* Prints the panels on the card inside, and panels->back on its other face; see CW_PRINTER_CAP_PRINT_EJECTS.
 * A panel is never sent twice. REJECT, with nothing sent, for a back without CW_PRINTER_CAP_BOTH_FACES. */
CW_WARN_UNUSED cw_rc cw_printer_print(struct cw_printer *p, const struct cw_panels *panels,
                                      int64_t deadline_ns, struct cw_printer_effect *ret, struct cw_fault *f);
/* Delivers the card inside. With an empty path and CW_PRINTER_CAP_PRINT_EJECTS it succeeds and moves nothing.
 */
CW_WARN_UNUSED cw_rc cw_printer_eject(struct cw_printer *p, int64_t deadline_ns,
                                      struct cw_printer_effect *ret, struct cw_fault *f);
/* Puts the card inside into the reject box. REJECT/CW_E_STATE when the path is empty. Without
 * CW_PRINTER_CAP_REJECT the card goes to the output and this fails with OPERATOR/PRD_NO_REJECT_BOX. */
CW_WARN_UNUSED cw_rc cw_printer_reject(struct cw_printer *p, int64_t deadline_ns,
                                       struct cw_printer_effect *ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_printer_clean(struct cw_printer *p, int64_t deadline_ns,
                                      struct cw_printer_effect *ret, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_printer_test_card(struct cw_printer *p, enum cw_test_card kind, int64_t deadline_ns,
                                          struct cw_printer_effect *ret, struct cw_fault *f);
/*
 * After a crash, an unplug or IN_DOUBT: did the step reach the card? Counters count against the baseline
 * only. A print is DONE with the sets of the baseline; when it has none, a printer for both faces must have
 * used two, since one may lack the back. Moves nothing. A wrong printer (serial differs from the baseline) is
 * UNKNOWN, not an error.
 */
CW_WARN_UNUSED cw_rc cw_printer_reconcile(struct cw_printer *p, enum cw_printer_step step,
                                          const struct cw_printer_baseline *baseline, int64_t deadline_ns,
                                          struct cw_printer_finding *ret, struct cw_fault *f);
/* One command of the family's own language and its answer, for technicians. REJECT for what is not plain
 * text. */
CW_WARN_UNUSED cw_rc cw_printer_raw(struct cw_printer *p, const char *command, int64_t deadline_ns, char *ret,
                                    size_t cap, struct cw_fault *f);

/* Reads a sheet; moves nothing. REJECT when this printer has none of it. */
CW_WARN_UNUSED cw_rc cw_printer_sheet(struct cw_printer *p, enum cw_printer_sheet sheet, int64_t deadline_ns,
                                      struct cw_printer_lines *ret, struct cw_fault *f);
/*
 * Sets one line of the settings sheet and reads it back; moves nothing, and sends nothing when it says so
 * already. REJECT for a name or a value that
 * this printer does not take, OPERATOR/PRT_SETUP_ERROR when it reads back differently.
 */
CW_WARN_UNUSED cw_rc cw_printer_setting(struct cw_printer *p, const char *name, const char *value,
                                        int64_t deadline_ns, struct cw_fault *f);

/* Why nothing can be set in this printer, one sentence; "" where something can. */
const char *cw_printer_no_settings(const struct cw_printer *p);

/* Pure judgement behind cw_printer_reconcile: two baselines and a step. */
void cw_printer_judge(enum cw_printer_step step, const struct cw_printer_baseline *before,
                      const struct cw_printer_baseline *now, struct cw_printer_finding *ret);
