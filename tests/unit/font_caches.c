/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For LeakSanitizer, linked into tests that draw: fontconfig and pango keep caches until the process ends,
 * and their worker threads make it unsafe to tear them down before.
 */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void) {
        return "leak:libfontconfig\nleak:libpango\nleak:libcairo\nleak:libglib\n";
}
