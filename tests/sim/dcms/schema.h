/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a request body against the documented fields; a field that is not documented is an error. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum cw_dsim_type {
        CW_DSIM_TEXT,   /* non-empty string */
        CW_DSIM_CHOICE, /* one of choices */
        CW_DSIM_INT,    /* non-negative JSON integer */
        CW_DSIM_BOOL,
        CW_DSIM_ACCOUNT, /* JSON integer or string: the documents show both */
        CW_DSIM_MMYY,    /* "0729", or the integer 729 of the documented sample */
        CW_DSIM_DATE,    /* YYYY-MM-DD */
        CW_DSIM_STAMP,   /* YYYY-MM-DD HH:mm:ss */
        CW_DSIM_ISO,     /* ISO-8601 UTC with Z */
        CW_DSIM_DAY,     /* DD-MM-YYYY, as the transaction pages write dates */
        CW_DSIM_AMOUNT,  /* decimal string with at most two places */
        CW_DSIM_MASKED,  /* card number, first six and last four digits visible */
        CW_DSIM_OBJECT,  /* fields of sub */
        CW_DSIM_FREE,    /* any object (metaValues, sortFields) */
        CW_DSIM_FREES,   /* array of any objects (pocDetails), at least one */
        CW_DSIM_TEXTS,   /* array of non-empty strings, at least one */
        CW_DSIM_OBJECTS, /* array of objects with the fields of sub, at least one */
};

#define CW_DSIM_REQUIRED 1U
#define CW_DSIM_NULLABLE 2U

struct cw_dsim_field {
        const char *name; /* NULL ends a list */
        enum cw_dsim_type type;
        unsigned flags;
        size_t max_len;             /* of strings; 0 means 256 */
        const char *const *choices; /* NULL-terminated, for CW_DSIM_CHOICE */
        const struct cw_dsim_field *sub;
};

struct cw_dsim_complaint {
        bool missing;   /* a required field is not there (else: unknown, wrong type or wrong value) */
        char text[192]; /* names the field; never holds a value sent by the client */
};

/* Checks one object. ret_complaint is written only when it returns false. */
bool cw_dsim_schema_check(json_t *object, const struct cw_dsim_field *fields,
                          struct cw_dsim_complaint *ret_complaint);

/* The same for each object of a bare array, which must have at least one. */
bool cw_dsim_schema_check_array(json_t *array, const struct cw_dsim_field *fields,
                                struct cw_dsim_complaint *ret_complaint);
