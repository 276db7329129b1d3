/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver for pcscd that is vpcd with a cable: while the file "<this driver>.unplugged" exists, the reader
 * is gone, as a USB reader whose plug was pulled: every call fails with IFD_NO_SUCH_DEVICE and pcscd removes
 * the reader. vpcd itself cannot be told to leave. It is loaded from "<this driver>.vpcd", a copy for each
 * reader, and has one slot here.
 */
#define _GNU_SOURCE
#include <PCSC/ifdhandler.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_CAP 4096

/* Beside the file this code was loaded from. */
static int beside(const char *suffix, char ret[PATH_CAP]) {
        Dl_info info;
        if (!dladdr((void *)(size_t)beside, &info))
                return 0;
        int n = snprintf(ret, PATH_CAP, "%s%s", info.dli_fname, suffix);
        return n > 0 && n < PATH_CAP;
}

static int unplugged(void) {
        char path[PATH_CAP];
        return !beside(".unplugged", path) || access(path, F_OK) == 0;
}

/* A function of vpcd into *ret (an object that holds a function pointer); 0 when the reader is gone. */
static int vpcd(const char *name, void *ret) {
        static void *library;
        char path[PATH_CAP];
        if (unplugged())
                return 0;
        if (!library && beside(".vpcd", path))
                library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        void *symbol = library ? dlsym(library, name) : NULL;
        *(void **)ret = symbol;
        return symbol != NULL;
}

RESPONSECODE IFDHCreateChannelByName(DWORD lun, LPSTR device) {
        RESPONSECODE (*f)(DWORD, LPSTR);
        return vpcd("IFDHCreateChannelByName", &f) ? f(lun, device) : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHCreateChannel(DWORD lun, DWORD channel) {
        RESPONSECODE (*f)(DWORD, DWORD);
        return vpcd("IFDHCreateChannel", &f) ? f(lun, channel) : IFD_NO_SUCH_DEVICE;
}

/* Also of a reader that is gone: its port must be free for the next plug. */
RESPONSECODE IFDHCloseChannel(DWORD lun) {
        char path[PATH_CAP];
        void *library = beside(".vpcd", path) ? dlopen(path, RTLD_NOW | RTLD_NOLOAD) : NULL;
        RESPONSECODE (*f)(DWORD) = NULL;
        if (library)
                *(void **)&f = dlsym(library, "IFDHCloseChannel");
        return f ? f(lun) : IFD_SUCCESS;
}

RESPONSECODE IFDHGetCapabilities(DWORD lun, DWORD tag, PDWORD length, PUCHAR value) {
        RESPONSECODE (*f)(DWORD, DWORD, PDWORD, PUCHAR);
        if (tag == TAG_IFD_SLOTS_NUMBER && length && *length >= 1 && value) {
                *length = 1;
                *value = 1;
                return IFD_SUCCESS;
        }
        return vpcd("IFDHGetCapabilities", &f) ? f(lun, tag, length, value) : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHSetCapabilities(DWORD lun, DWORD tag, DWORD length, PUCHAR value) {
        RESPONSECODE (*f)(DWORD, DWORD, DWORD, PUCHAR);
        return vpcd("IFDHSetCapabilities", &f) ? f(lun, tag, length, value) : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHSetProtocolParameters(DWORD lun, DWORD protocol, UCHAR flags, UCHAR pts1, UCHAR pts2,
                                       UCHAR pts3) {
        RESPONSECODE (*f)(DWORD, DWORD, UCHAR, UCHAR, UCHAR, UCHAR);
        return vpcd("IFDHSetProtocolParameters", &f) ? f(lun, protocol, flags, pts1, pts2, pts3)
                                                     : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHPowerICC(DWORD lun, DWORD action, PUCHAR atr, PDWORD atr_length) {
        RESPONSECODE (*f)(DWORD, DWORD, PUCHAR, PDWORD);
        return vpcd("IFDHPowerICC", &f) ? f(lun, action, atr, atr_length) : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHTransmitToICC(DWORD lun, SCARD_IO_HEADER send_pci, PUCHAR tx, DWORD tx_length, PUCHAR rx,
                               PDWORD rx_length, PSCARD_IO_HEADER recv_pci) {
        RESPONSECODE (*f)(DWORD, SCARD_IO_HEADER, PUCHAR, DWORD, PUCHAR, PDWORD, PSCARD_IO_HEADER);
        if (!vpcd("IFDHTransmitToICC", &f))
                return IFD_NO_SUCH_DEVICE;
        RESPONSECODE rv = f(lun, send_pci, tx, tx_length, rx, rx_length, recv_pci);
        /* An answer that was on the wire when the plug was pulled is lost with it. */
        return unplugged() ? IFD_NO_SUCH_DEVICE : rv;
}

/* PC/SC part 10 of a reader that takes extended APDUs, when there is a file ".extended": GET_TLV_PROPERTIES,
 * and in them dwMaxAPDUDataSize 65536. */
static int tell_properties(DWORD code, PUCHAR rx, DWORD rx_length, LPDWORD returned) {
        static const UCHAR features[] = {0x12, 0x04, 0x42, 0x33, 0x00, 0x12};
        static const UCHAR properties[] = {0x0a, 0x04, 0x00, 0x00, 0x01, 0x00};
        const UCHAR *told = code == 0x42000d48 ? features : code == 0x42330012 ? properties : NULL;
        char path[PATH_CAP];
        if (!told || rx_length < sizeof features || !beside(".extended", path) || access(path, F_OK) != 0)
                return 0;
        memcpy(rx, told, sizeof features);
        *returned = sizeof features;
        return 1;
}

RESPONSECODE IFDHControl(DWORD lun, DWORD code, PUCHAR tx, DWORD tx_length, PUCHAR rx, DWORD rx_length,
                         LPDWORD returned) {
        RESPONSECODE (*f)(DWORD, DWORD, PUCHAR, DWORD, PUCHAR, DWORD, LPDWORD);
        if (!unplugged() && tell_properties(code, rx, rx_length, returned))
                return IFD_SUCCESS;
        return vpcd("IFDHControl", &f) ? f(lun, code, tx, tx_length, rx, rx_length, returned)
                                       : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHICCPresence(DWORD lun) {
        RESPONSECODE (*f)(DWORD);
        return vpcd("IFDHICCPresence", &f) ? f(lun) : IFD_NO_SUCH_DEVICE;
}
