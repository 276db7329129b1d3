/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/reader/pcsc.h"

#include <reader.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY_HOME "PRT_NOT_REACHABLE"

struct meaning {
        LONG rv;
        enum cw_class cls;
        unsigned code;
        const char *taxonomy;
        const char *text;
};

static const struct meaning meanings[] = {
    {SCARD_E_NO_SERVICE, CW_C_RECONNECT, CW_E_READER_SERVICE, NOBODY_HOME,
     "the smart card service pcscd is not running; start it: systemctl start pcscd.socket"},
    {SCARD_E_SERVICE_STOPPED, CW_C_RECONNECT, CW_E_READER_SERVICE, NOBODY_HOME,
     "the smart card service pcscd was stopped; start it: systemctl start pcscd.socket"},
    {SCARD_E_INVALID_HANDLE, CW_C_RECONNECT, CW_E_READER_SERVICE, NOBODY_HOME,
     "the smart card service pcscd was restarted under us; the card has to be connected again"},
    {SCARD_W_SECURITY_VIOLATION, CW_C_OPERATOR, CW_E_DENIED, NOBODY_HOME,
     "polkit denies this user the use of smart cards; install the rule for org.debian.pcsc-lite"},
    {SCARD_E_UNKNOWN_READER, CW_C_RECONNECT, CW_E_READER_GONE, NOBODY_HOME,
     "the reader is not there any more; plug it in again"},
    {SCARD_E_NO_READERS_AVAILABLE, CW_C_RECONNECT, CW_E_READER_GONE, NOBODY_HOME,
     "no smart card reader is plugged in; plug it in and look at its cable"},
    {SCARD_E_READER_UNAVAILABLE, CW_C_RECONNECT, CW_E_READER_GONE, NOBODY_HOME,
     "the reader was unplugged; plug it in again"},
    {SCARD_E_NO_SMARTCARD, CW_C_OPERATOR, CW_E_READER_NO_CARD, "PRD_SMARTCARD_CARD_NOT_IN_READER",
     "no card is in the chip reader"},
    /* A chip that dies inside a command shows as this, as an empty answer or as not transacted, by chance of
     * timing: one code for all three. */
    {SCARD_W_REMOVED_CARD, CW_C_RECONNECT, CW_E_READER_NO_CARD, "PRD_SMARTCARD",
     "the card left the chip reader in the middle of the work"},
    {SCARD_E_NOT_TRANSACTED, CW_C_RECONNECT, CW_E_READER_NO_CARD, "PRD_SMARTCARD",
     "the card does not answer any more: pulled, worn contacts or a dead chip"},
    {SCARD_W_RESET_CARD, CW_C_RECONNECT, CW_E_READER_RESET, "PRD_SMARTCARD",
     "another program reset the card; stop other smart card software on this machine"},
    {SCARD_W_UNRESPONSIVE_CARD, CW_C_OPERATOR, CW_E_READER_MUTE, "PRD_SMARTCARD",
     "the chip does not answer: wrong way round, dirty contacts or a dead chip"},
    {SCARD_W_UNPOWERED_CARD, CW_C_OPERATOR, CW_E_READER_MUTE, "PRD_SMARTCARD",
     "the chip could not be powered: dirty contacts or a dead chip"},
    {SCARD_E_PROTO_MISMATCH, CW_C_REJECT, CW_E_UNSUPPORTED, "PRD_SMARTCARD",
     "the card speaks neither T=0 nor T=1; it is not a card for this product"},
    {SCARD_E_SHARING_VIOLATION, CW_C_OPERATOR, CW_E_READER_SHARED, "PRD_SMARTCARD",
     "another program holds the card; stop other smart card software on this machine"},
};

cw_rc cw_pcsc_fail(struct cw_fault *f, LONG rv, const char *op) {
        for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
                if (meanings[i].rv == rv)
                        return cw_fail(f, CW_RC(CW_L_READER, meanings[i].cls, meanings[i].code), (int64_t)rv,
                                       op, meanings[i].taxonomy, "%s", meanings[i].text);
        return cw_fail(f, CW_RC(CW_L_READER, CW_C_RECONNECT, CW_E_IO), (int64_t)rv, op, "PRD_SMARTCARD",
                       "the reader failed: %s", pcsc_stringify_error(rv));
}

void cw_reader_stuck_unref(struct cw_reader_stuck *s) {
        if (atomic_fetch_sub(&s->refs, 1) == 1)
                free(s);
}

void cw_pcsc_read_identity(SCARDHANDLE card, struct cw_reader_identity *ret) {
        uint8_t channel[4] = {0};
        DWORD len = sizeof ret->serial - 1;
        if (SCardGetAttrib(card, SCARD_ATTR_VENDOR_IFD_SERIAL_NO, (LPBYTE)ret->serial, &len) !=
            SCARD_S_SUCCESS)
                len = 0;
        ret->serial[len] = '\0';
        len = sizeof channel;
        if (SCardGetAttrib(card, SCARD_ATTR_CHANNEL_ID, channel, &len) == SCARD_S_SUCCESS &&
            len == sizeof channel) {
                uint32_t id = 0;
                memcpy(&id, channel, sizeof id); /* in the order of the host */
                ret->on_usb = cw_reader_channel_usb(id, &ret->bus, &ret->device);
        }
}
