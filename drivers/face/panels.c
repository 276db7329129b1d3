/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Panels and the form they travel in, a sealed memfd: "CWPANELS", be16 version 2, be16 faces (1 or 2), per
 * face: be16 width, be16 height, be16 count, per panel: u8 id, u8 bits, be32 length; then the panels one
 * after the other, front first.
 */
#include "drivers/face/face.h"

#include "base/buf.h"
#include "base/ipc.h"

#include <string.h>
#include <sys/mman.h>

#define MAGIC "CWPANELS"
#define MAGIC_LEN 8
#define VERSION 2
#define HEAD_MAX 96
#define SIDE_MAX 4096u

void cw_panels_free(struct cw_panels *p) {
        if (!p)
                return;
        cw_panels_free(p->back);
        if (p->map && p->private_memory)
                cw_wipe(p->map, p->map_len);
        if (p->map)
                (void)munmap(p->map, p->map_len);
        free(p);
}

size_t cw_panel_size(unsigned width, unsigned height, unsigned bits) {
        return ((size_t)width * height * bits + 7) / 8;
}

static void put_face_head(struct cw_writer *w, const struct cw_panels *p) {
        cw_put_be16(w, (uint16_t)p->width);
        cw_put_be16(w, (uint16_t)p->height);
        cw_put_be16(w, (uint16_t)p->count);
        for (size_t i = 0; i < p->count; i++) {
                cw_put_u8(w, (uint8_t)p->panel[i].id);
                cw_put_u8(w, (uint8_t)p->panel[i].bits);
                cw_put_be32(w, (uint32_t)p->panel[i].len);
        }
}

static uint16_t face_count(const struct cw_panels *p) {
        uint16_t n = 0;
        for (; p; p = p->back)
                n++;
        return n;
}

static void put_all(struct cw_writer *w, const struct cw_panels *p) {
        cw_put_bytes(w, MAGIC, MAGIC_LEN);
        cw_put_be16(w, VERSION);
        cw_put_be16(w, face_count(p));
        for (const struct cw_panels *face = p; face; face = face->back)
                put_face_head(w, face);
        for (const struct cw_panels *face = p; face; face = face->back)
                for (size_t i = 0; i < face->count; i++)
                        cw_put_bytes(w, face->panel[i].ptr, face->panel[i].len);
}

cw_rc cw_panels_to_fd(const struct cw_panels *p, int *ret_memfd, struct cw_fault *f) {
        size_t size = HEAD_MAX;
        for (const struct cw_panels *face = p; face; face = face->back)
                for (size_t i = 0; i < face->count; i++)
                        size += face->panel[i].len;
        uint8_t *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (bytes == MAP_FAILED)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_NOMEM), 0, "face.panels", "",
                               "out of memory");
        struct cw_writer w;
        cw_writer_init(&w, bytes, size);
        put_all(&w, p);
        cw_rc rc = w.bad ? CW_RC(CW_L_FACE, CW_C_FATAL, CW_E_TOO_BIG)
                         : cw_memfd_from("panels", bytes, w.len, ret_memfd);
        cw_wipe(bytes, size);
        (void)munmap(bytes, size);
        return rc == CW_OK ? CW_OK
                           : cw_fail(f, rc, 0, "face.panels", "", "the panels could not be handed over");
}

static bool read_panel(struct cw_reader *r, const struct cw_panels *p, struct cw_panel *ret) {
        ret->id = (char)cw_get_u8(r);
        ret->bits = cw_get_u8(r);
        ret->len = cw_get_be32(r);
        return !r->bad && ret->id && strchr("ymcko", ret->id) && ret->bits >= 1 && ret->bits <= 8 &&
               ret->len == cw_panel_size(p->width, p->height, ret->bits);
}

static bool read_face_head(struct cw_reader *r, struct cw_panels *p) {
        p->width = cw_get_be16(r);
        p->height = cw_get_be16(r);
        p->count = cw_get_be16(r);
        if (r->bad || p->width == 0 || p->height == 0 || p->width > SIDE_MAX || p->height > SIDE_MAX ||
            p->count == 0 || p->count > CW_PANELS_MAX)
                return false;
        for (size_t i = 0; i < p->count; i++)
                if (!read_panel(r, p, &p->panel[i]))
                        return false;
        return true;
}

/* A face's panels borrow from the map of the front. */
static bool read_all(struct cw_panels *p, struct cw_panels *back) {
        struct cw_reader r;
        cw_reader_init(&r, p->map, p->map_len);
        struct cw_span magic = cw_get_bytes(&r, MAGIC_LEN);
        if (r.bad || memcmp(magic.ptr, MAGIC, MAGIC_LEN) != 0 || cw_get_be16(&r) != VERSION)
                return false;
        unsigned faces = cw_get_be16(&r);
        if (faces < 1 || faces > 2 || !read_face_head(&r, p) || (faces == 2 && !read_face_head(&r, back)))
                return false;
        for (size_t i = 0; i < p->count; i++)
                p->panel[i].ptr = cw_get_bytes(&r, p->panel[i].len).ptr;
        for (size_t i = 0; i < back->count; i++)
                back->panel[i].ptr = cw_get_bytes(&r, back->panel[i].len).ptr;
        return !r.bad && r.left == 0;
}

cw_rc cw_panels_from_fd(int memfd, struct cw_panels **ret, struct cw_fault *f) {
        const size_t max = HEAD_MAX + 2 * CW_PANELS_MAX * (size_t)SIDE_MAX * SIDE_MAX;
        CW_AUTO(cw_panels_free) struct cw_panels *p = calloc(1, sizeof *p);
        CW_AUTO(cw_panels_free) struct cw_panels *back = calloc(1, sizeof *back);
        const void *map = NULL;
        if (!p || !back)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_NOMEM), 0, "face.panels", "",
                               "out of memory");
        cw_rc rc = cw_memfd_map(memfd, max, &map, &p->map_len);
        if (rc != CW_OK)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_SYNTAX), 0, "face.panels",
                               "PRD_UNEXPECTED_DATA", "the card face did not arrive whole");
        p->map = (void *)(uintptr_t)map;
        if (!read_all(p, back))
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_SYNTAX), 0, "face.panels",
                               "PRD_UNEXPECTED_DATA", "the card face is not in its known form");
        if (back->count > 0)
                p->back = CW_STEAL(back);
        *ret = CW_STEAL(p);
        return CW_OK;
}
