/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver for pcscd that is vpcd with a cable: while the file "<this driver>.unplugged" exists, the reader
 * is gone, as a USB reader whose plug was pulled: every call fails with IFD_NO_SUCH_DEVICE and pcscd removes
 * the reader. vpcd itself cannot be told to leave. It is loaded from "<this driver>.vpcd", a copy for each
 * reader, and has one slot here. "<this driver>.identity" (bus, device number, serial number) is what libccid
 * tells of a USB reader; without the file it is not on USB. Further readers of the same driver, which pcscd
 * gives the same name and an index of its own, have these files as "<this driver>.1.vpcd" and so on.
 */
#define _GNU_SOURCE
#include <PCSC/ifdhandler.h>
#include <PCSC/reader.h>

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_CAP 4096

static int name_file(const char *driver, const char *number, const char *suffix, char ret[PATH_CAP]) {
        int n = snprintf(ret, PATH_CAP, "%s%s%s", driver, number, suffix);
        return n > 0 && n < PATH_CAP;
}

/* Beside the file this code was loaded from; pcscd counts readers, of whatever driver, in the upper half of
 * lun. */
static int beside(DWORD lun, const char *suffix, char ret[PATH_CAP]) {
        Dl_info info;
        char number[16] = "";
        if (!dladdr((void *)(size_t)beside, &info))
                return 0;
        (void)snprintf(number, sizeof number, ".%lu", (unsigned long)lun >> 16 & 0xff);
        if (!name_file(info.dli_fname, number, ".vpcd", ret) || access(ret, F_OK) != 0)
                number[0] = '\0';
        return name_file(info.dli_fname, number, suffix, ret);
}

static int unplugged(DWORD lun) {
        char path[PATH_CAP];
        return !beside(lun, ".unplugged", path) || access(path, F_OK) == 0;
}

/* A function of vpcd into *ret (an object that holds a function pointer); 0 when the reader is gone. */
static int vpcd(DWORD lun, const char *name, void *ret) {
        char path[PATH_CAP];
        if (unplugged(lun) || !beside(lun, ".vpcd", path))
                return 0;
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        void *symbol = library ? dlsym(library, name) : NULL;
        if (library)
                (void)dlclose(library);
        *(void **)ret = symbol;
        return symbol != NULL;
}

RESPONSECODE IFDHCreateChannelByName(DWORD lun, LPSTR device) {
        RESPONSECODE (*f)(DWORD, LPSTR);
        return vpcd(lun, "IFDHCreateChannelByName", &f) ? f(lun, device) : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHCreateChannel(DWORD lun, DWORD channel) {
        RESPONSECODE (*f)(DWORD, DWORD);
        return vpcd(lun, "IFDHCreateChannel", &f) ? f(lun, channel) : IFD_NO_SUCH_DEVICE;
}

/* Also of a reader that is gone: its port must be free for the next plug. */
RESPONSECODE IFDHCloseChannel(DWORD lun) {
        char path[PATH_CAP];
        void *library = beside(lun, ".vpcd", path) ? dlopen(path, RTLD_NOW | RTLD_NOLOAD) : NULL;
        RESPONSECODE (*f)(DWORD) = NULL;
        if (library)
                *(void **)&f = dlsym(library, "IFDHCloseChannel");
        return f ? f(lun) : IFD_SUCCESS;
}

static int give(const void *from, size_t n, PDWORD length, PUCHAR value) {
        if (!length || !value || *length < n)
                return IFD_ERROR_INSUFFICIENT_BUFFER;
        memcpy(value, from, n);
        *length = n;
        return IFD_SUCCESS;
}

/* As libccid: 0020 bus device, in the order of the host, and the serial number. */
static int identity(DWORD lun, DWORD tag, PDWORD length, PUCHAR value) {
        char path[PATH_CAP], serial[32] = "";
        unsigned bus = 0, device = 0;
        FILE *in = beside(lun, ".identity", path) ? fopen(path, "re") : NULL;
        if (!in)
                return IFD_ERROR_TAG;
        int n = fscanf(in, "%3u %3u %31s", &bus, &device, serial);
        (void)fclose(in);
        const uint32_t channel = 0x00200000u | (bus & 0xffu) << 8 | (device & 0xffu);
        if (n != 3)
                return IFD_ERROR_TAG;
        return tag == SCARD_ATTR_CHANNEL_ID ? give(&channel, sizeof channel, length, value)
                                            : give(serial, strlen(serial), length, value);
}

RESPONSECODE IFDHGetCapabilities(DWORD lun, DWORD tag, PDWORD length, PUCHAR value) {
        RESPONSECODE (*f)(DWORD, DWORD, PDWORD, PUCHAR);
        if ((tag == SCARD_ATTR_CHANNEL_ID || tag == SCARD_ATTR_VENDOR_IFD_SERIAL_NO) && !unplugged(lun))
                return identity(lun, tag, length, value);
        const uint8_t one = 1, many = 16;
        if (tag == TAG_IFD_SLOTS_NUMBER || tag == TAG_IFD_THREAD_SAFE)
                return give(&one, sizeof one, length, value);
        if (tag == TAG_IFD_SIMULTANEOUS_ACCESS)
                return give(&many, sizeof many, length, value);
        return vpcd(lun, "IFDHGetCapabilities", &f) ? f(lun, tag, length, value) : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHSetCapabilities(DWORD lun, DWORD tag, DWORD length, PUCHAR value) {
        RESPONSECODE (*f)(DWORD, DWORD, DWORD, PUCHAR);
        return vpcd(lun, "IFDHSetCapabilities", &f) ? f(lun, tag, length, value) : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHSetProtocolParameters(DWORD lun, DWORD protocol, UCHAR flags, UCHAR pts1, UCHAR pts2,
                                       UCHAR pts3) {
        RESPONSECODE (*f)(DWORD, DWORD, UCHAR, UCHAR, UCHAR, UCHAR);
        return vpcd(lun, "IFDHSetProtocolParameters", &f) ? f(lun, protocol, flags, pts1, pts2, pts3)
                                                          : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHPowerICC(DWORD lun, DWORD action, PUCHAR atr, PDWORD atr_length) {
        RESPONSECODE (*f)(DWORD, DWORD, PUCHAR, PDWORD);
        return vpcd(lun, "IFDHPowerICC", &f) ? f(lun, action, atr, atr_length) : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHTransmitToICC(DWORD lun, SCARD_IO_HEADER send_pci, PUCHAR tx, DWORD tx_length, PUCHAR rx,
                               PDWORD rx_length, PSCARD_IO_HEADER recv_pci) {
        RESPONSECODE (*f)(DWORD, SCARD_IO_HEADER, PUCHAR, DWORD, PUCHAR, PDWORD, PSCARD_IO_HEADER);
        if (!vpcd(lun, "IFDHTransmitToICC", &f))
                return IFD_NO_SUCH_DEVICE;
        RESPONSECODE rv = f(lun, send_pci, tx, tx_length, rx, rx_length, recv_pci);
        /* An answer that was on the wire when the plug was pulled is lost with it. */
        return unplugged(lun) ? IFD_NO_SUCH_DEVICE : rv;
}

/* PC/SC part 10 of a reader that takes extended APDUs, when there is a file ".extended": GET_TLV_PROPERTIES,
 * and in them dwMaxAPDUDataSize 65536. */
static int tell_properties(DWORD lun, DWORD code, PUCHAR rx, DWORD rx_length, LPDWORD returned) {
        static const UCHAR features[] = {0x12, 0x04, 0x42, 0x33, 0x00, 0x12};
        static const UCHAR properties[] = {0x0a, 0x04, 0x00, 0x00, 0x01, 0x00};
        const UCHAR *told = code == 0x42000d48 ? features : code == 0x42330012 ? properties : NULL;
        char path[PATH_CAP];
        if (!told || rx_length < sizeof features || !beside(lun, ".extended", path) ||
            access(path, F_OK) != 0)
                return 0;
        memcpy(rx, told, sizeof features);
        *returned = sizeof features;
        return 1;
}

RESPONSECODE IFDHControl(DWORD lun, DWORD code, PUCHAR tx, DWORD tx_length, PUCHAR rx, DWORD rx_length,
                         LPDWORD returned) {
        RESPONSECODE (*f)(DWORD, DWORD, PUCHAR, DWORD, PUCHAR, DWORD, LPDWORD);
        if (!unplugged(lun) && tell_properties(lun, code, rx, rx_length, returned))
                return IFD_SUCCESS;
        return vpcd(lun, "IFDHControl", &f) ? f(lun, code, tx, tx_length, rx, rx_length, returned)
                                            : IFD_NO_SUCH_DEVICE;
}

RESPONSECODE IFDHICCPresence(DWORD lun) {
        RESPONSECODE (*f)(DWORD);
        return vpcd(lun, "IFDHICCPresence", &f) ? f(lun) : IFD_NO_SUCH_DEVICE;
}
