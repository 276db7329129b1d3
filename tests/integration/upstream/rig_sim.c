/* SPDX-License-Identifier: Apache-2.0 */
#include "rig_sim.h"

#include "base/cleanup.h"

#include <curl/curl.h>
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

unsigned rig_sim_port(const char *dir, pid_t pid) {
        char path[192];
        unsigned port = 0;
        (void)snprintf(path, sizeof path, "%s/port", dir);
        for (int i = 0; i < 1000; i++) {
                CW_AUTO_FILE FILE *file = fopen(path, "re");
                if (file && fscanf(file, "%u", &port) == 1)
                        return port;
                assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
                (void)usleep(10000);
        }
        fail_msg("the simulator did not start");
        return 0;
}

void rig_sim_stop(pid_t *pid) {
        int status = 0;
        if (*pid <= 0)
                return;
        assert_int_equal(kill(*pid, SIGTERM), 0);
        assert_int_equal(waitpid(*pid, &status, 0), *pid);
        *pid = 0;
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void rig_sim_remove(const char *dir) {
        char path[400];
        DIR *d = opendir(dir);
        assert_non_null(d);
        for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
                (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
                if (e->d_type == DT_REG)
                        (void)unlink(path);
        }
        (void)closedir(d);
        assert_int_equal(rmdir(dir), 0);
}

struct text {
        char *ptr;
        size_t len;
};

static size_t take_text(char *bytes, size_t size, size_t count, void *ctx) {
        struct text *t = ctx;
        char *more = realloc(t->ptr, t->len + size * count + 1);
        if (!more)
                return 0;
        memcpy(more + t->len, bytes, size * count);
        t->ptr = more;
        t->len += size * count;
        t->ptr[t->len] = '\0';
        return size * count;
}

json_t *rig_sim_ask(const struct rig_sim_question *q) {
        char url[256];
        struct text answer = {0};
        long status = 0;
        CURL *curl = curl_easy_init();
        struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
        for (size_t i = 0; q->headers[i]; i++)
                headers = curl_slist_append(headers, q->headers[i]);
        (void)snprintf(url, sizeof url, "https://127.0.0.1:%u%s", q->port, q->path);
        (void)curl_easy_setopt(curl, CURLOPT_URL, url);
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, q->ca_file);
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
        if (q->cert_file) {
                (void)curl_easy_setopt(curl, CURLOPT_SSLCERT, q->cert_file);
                (void)curl_easy_setopt(curl, CURLOPT_SSLKEY, q->key_file);
        }
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_text);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10000L);
        if (q->body)
                (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->body);
        CURLcode code = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_slist_free_all(headers);
        curl_easy_cleanup(curl);
        json_t *json = code == CURLE_OK && status == 200 ? json_loads(answer.ptr, 0, NULL) : NULL;
        if (!json)
                fail_msg("%s: curl %d, HTTP %ld: %s", q->path, (int)code, status,
                         answer.ptr ? answer.ptr : "");
        free(answer.ptr);
        return json;
}
