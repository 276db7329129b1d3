/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by carrier_umockdev.c (testbed, plugging) and carrier_usbfs.c (ioctls). */
#pragma once

#include <glib.h>
#include <umockdev.h>

#include "carrier.h"

/* One open file on the device node; it lives and ends with its client object. */
struct emup_file {
        struct emup_carrier *carrier;
        unsigned generation;         /* the plug it was opened in; dead after the next unplug */
        UMockdevIoctlClient *parked; /* a reap that waits, referenced */
        uint64_t park_end_ns;        /* UINT64_MAX = a blocking reap */
        bool looked;                 /* an empty reap was answered since the last submit or full reap */
};

struct emup_urb {
        const struct emup_file *owner;
        UMockdevIoctlData *data, *buffer; /* data referenced; buffer NULL when empty */
        gulong address;
        size_t offset; /* bytes of an OUT transfer the printer has taken */
        bool done;
};

struct emup_carrier {
        struct emup_carrier_config cfg;
        struct emup_model *model;
        GRecMutex mutex;
        UMockdevTestbed *testbed;
        UMockdevIoctlBase *handler;
        char *root;
        char port[24], sys[64]; /* "1-1", "/devices/.../1-1" */
        int wake_fd;

        bool plugged;
        unsigned generation, devnum;
        char node[64];
        bool unplug_due, power_cycle_due; /* wanted by a fault, to be done by the main loop */
        uint32_t replug_ms;
        uint64_t replug_at_ns; /* UINT64_MAX = never */

        bool usblp;                      /* the kernel's printer driver sits on the interface */
        const struct emup_file *claimed; /* who holds the interface */
        bool halted_in, halted_out;
        GList *files, *urbs;
        uint64_t busy_ns; /* last time a transfer moved */
        uint64_t submits, reaps, stalls, plugs;
};

uint64_t emup_carrier_now_ns(void);
/* Signal handler of the ioctl base object. */
gboolean emup_usbfs_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer carrier);
/* With the lock held: moves bytes, completes transfers, answers reaps that wait. */
void emup_usbfs_pump(struct emup_carrier *c);
/* Ends every transfer because the device is gone. */
void emup_usbfs_kill(struct emup_carrier *c);
/* Gives up reaps parked for too long; returns when the next one is due. */
uint64_t emup_usbfs_expire(struct emup_carrier *c);
