/* Starting the tests' HTTPS server; see https_server.h. */
#include "tests/support/https_server.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/support.h"

extern char **environ;

static void read_line(int fd, char *line, size_t len)
{
    FILE *file = fdopen(fd, "r");

    assert_non_null(file);
    assert_non_null(fgets(line, (int)len, file));
    fclose(file);
}

void test_server_start(test_server *server, const char *folder, const char *state)
{
    char program[] = HL_TEST_PROGRAMS "/https_server";
    char *argv[] = {program, (char *)folder, (char *)state, NULL};
    posix_spawn_file_actions_t actions;
    int input[2], output[2];
    char line[PATH_MAX + 128];

    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, input[0], 0), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, output[1], 1), 0);
    assert_int_equal(posix_spawn(&server->pid, program, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(input[0]);
    close(output[1]);
    server->input = input[1];
    read_line(output[0], line, sizeof(line));
    assert_int_equal(sscanf(line, "https=%u http=%u expired=%u other=%u ca=%4095[^\n]", &server->https, &server->http,
                            &server->expired, &server->other, server->ca),
                     5);
    assert_true(snprintf(server->requests, sizeof(server->requests), "%s/requests", state) < PATH_MAX);
}

/* Its goodbye may wait for connections that stall; they need no mercy. */
void test_server_stop(test_server *server)
{
    close(server->input);
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

const char *test_server_url(const test_server *server, const char *format, ...)
{
    static char texts[8][2048];
    static unsigned next;
    char *text = texts[next++ % 8];
    int begin = snprintf(text, sizeof(texts[0]), "https://127.0.0.1:%u", server->https);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + begin, sizeof(texts[0]) - (size_t)begin, format, arguments);
    va_end(arguments);
    return text;
}

size_t test_server_count(const test_server *server, const char *text)
{
    FILE *file = fopen(server->requests, "re");
    char line[4096];
    size_t count = 0;

    while (file && fgets(line, sizeof(line), file))
        count += strstr(line, text) != NULL;
    if (file)
        fclose(file);
    return count;
}
