/* Runs a command and says as JSON on its own stdout what it took: spent COMMAND... prints {"seconds": s, "peak_bytes": n}. The command's
 * output goes to stderr, its exit status is ours. A program of its own, and a small one: the system counts the memory of the
 * process that starts another as the other's. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    int status = 0;
    struct rusage used;
    if (argc < 2) return 1;
    double begin = seconds();
    pid_t child = fork();
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &used) != child) {
        perror("spent");
        return 1;
    }
    printf("{\"seconds\": %.6f, \"peak_bytes\": %lld}\n", seconds() - begin,
           (long long)used.ru_maxrss * 1024);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
