/* Another server on the case's store, spoken to by lines. See app.h and programs/server_program.c. */
#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include "tests/installer/support/app.h"

extern char **environ;

static const char *hear(app_server *server)
{
    static char lines[8][4096];
    static unsigned at;
    char *line = lines[at++ % 8];

    if (!fgets(line, sizeof(lines[0]), server->from))
        fail_msg("the server has ended");
    line[strcspn(line, "\n")] = '\0';
    return line;
}

app_server app_server_start(void)
{
    const char *argv[] = {HL_TEST_PROGRAMS "/server_program", test_store, NULL};
    posix_spawn_file_actions_t actions;
    app_server server;
    int in[2], out[2];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    assert_int_equal(posix_spawn(&server.pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    server.to = fdopen(in[1], "w");
    server.from = fdopen(out[0], "r");
    assert_string_equal(hear(&server), "ready");
    return server;
}

const char *app_server_ask(app_server *server, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(server->to, format, arguments);
    va_end(arguments);
    fputc('\n', server->to);
    assert_int_equal(fflush(server->to), 0);
    return hear(server);
}

void app_server_end(app_server *server)
{
    fclose(server->to);
    assert_int_equal(test_wait(server->pid), 0);
    fclose(server->from);
}
