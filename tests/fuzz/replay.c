/* Feeds every file of the folders given to the fuzz program it is linked with, in order of their names. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    size_t n = 0, room = 1 << 16;
    uint8_t *bytes = malloc(room);
    for (size_t got; bytes && (got = fread(bytes + n, 1, room - n, file)) > 0;) {
        n += got;
        if (n == room) bytes = realloc(bytes, room *= 2);
    }
    fclose(file);
    if (!bytes) return 1;
    uint8_t *exact = malloc(n ? n : 1); /* no room behind the last byte: a reader that passes it is caught */
    if (exact) {
        memcpy(exact, bytes, n);
        LLVMFuzzerTestOneInput(exact, n);
    }
    free(bytes);
    free(exact);
    return exact ? 0 : 1;
}

int main(int argc, char **argv)
{
    int failed = 0, passed = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **names = NULL;
        int n = scandir(argv[i], &names, NULL, alphasort);
        if (n < 0) {
            perror(argv[i]);
            return 1;
        }
        for (int k = 0; k < n; k++) {
            if (names[k]->d_name[0] != '.') {
                char path[4096];
                snprintf(path, sizeof path, "%s/%s", argv[i], names[k]->d_name);
                replay_file(path) ? failed++ : passed++;
            }
            free(names[k]);
        }
        free(names);
    }
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed || !passed;
}
