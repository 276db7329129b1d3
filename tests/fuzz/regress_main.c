/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target once over every file of the folders named on the command line; no corpus is a failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX ((size_t)1 << 20)

static int run_file(const char *path) {
        FILE *file = fopen(path, "rb");
        if (!file)
                return -1;
        uint8_t *data = malloc(INPUT_MAX);
        size_t size = data ? fread(data, 1, INPUT_MAX, file) : 0;
        (void)fclose(file);
        if (!data)
                return -1;
        /* An exact-size copy lets AddressSanitizer see a read past the end. */
        uint8_t *exact = malloc(size ? size : 1);
        for (size_t i = 0; exact && i < size; i++)
                exact[i] = data[i];
        free(data);
        if (!exact)
                return -1;
        (void)LLVMFuzzerTestOneInput(exact, size);
        free(exact);
        return 0;
}

static int run_folder(const char *folder) {
        DIR *dir = opendir(folder);
        if (!dir)
                return -1;
        int count = 0;
        for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
                if (entry->d_name[0] == '.')
                        continue;
                char path[4096];
                int n = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
                if (n < 0 || (size_t)n >= sizeof path || run_file(path) < 0) {
                        (void)closedir(dir);
                        return -1;
                }
                count++;
        }
        (void)closedir(dir);
        return count;
}

int main(int argc, char **argv) {
        int total = 0;
        for (int i = 1; i < argc; i++) {
                int n = run_folder(argv[i]);
                if (n <= 0) {
                        (void)fprintf(stderr, "%s: no corpus file could be read\n", argv[i]);
                        return 1;
                }
                total += n;
        }
        (void)printf("%d passed, 0 failed\n", total);
        return total > 0 ? 0 : 1;
}
